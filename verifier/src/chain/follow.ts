/** Follows the contracts' logs from a block on, through reorganisations and RPC failures. */
import { AssayError } from "../../../sdk/src/error.ts";
import { createSpans } from "../../../sdk/src/spans.ts";
import type { BlockRef, ChainLog, ChainSource, RangeRead } from "./source.ts";
import { createTrail, type Anchor } from "./trail.ts";

export type FollowItem =
  /** All logs after the block of the item before, up to `block`. */
  | { readonly kind: "logs"; readonly logs: readonly ChainLog[]; readonly block: BlockRef }
  /** Everything after block `keep` is undone; what replaces it follows. */
  | { readonly kind: "reorg"; readonly keep: number }
  /** All logs up to this block have been given. It was the newest when they were asked for, or one of the newest if the next ones failed. */
  | { readonly kind: "head"; readonly block: BlockRef };

export interface FollowOptions {
  /** First block of interest. */
  readonly fromBlock: number;
  /** Blocks of earlier `logs` items whose logs the caller still has, ascending: goes on after the last. Keep {@link finality}. */
  readonly anchors?: readonly Anchor[];
  readonly pollMs: number;
  /** Blocks that a reorganisation may take back. A deeper one is refused, and told to `onError`. Default 128. */
  readonly finality?: number;
  /** Blocks of the first query; adapts to what the endpoints allow and the blocks hold. Default 64. */
  readonly chunk?: number;
  /** Most blocks of a query. Default 100,000. */
  readonly maxChunk?: number;
  /** Longest pause after failures, milliseconds. Default 15000. */
  readonly maxBackoffMs?: number;
  readonly signal: AbortSignal;
  /** Told of each round that fails; it is tried again all the while. */
  readonly onError?: (error: unknown) => void;
}

/** Queries on their way while the caller handles what came before: of ranges, and of the tail's single blocks. */
const AHEAD = 3;
const AHEAD_IN_TAIL = 8;
/**
 * So near the head blocks are read one at a time, by their hashes: behind one address there may be several servers, and one that
 * is some blocks behind leaves out of a range what it does not have.
 */
const TAIL = 16;
/** Of one answer, in characters of JSON: half of what is accepted. */
const ANSWER_WEIGHT = 500_000;
/** A chain whose head is below what has been read is believed after this, milliseconds: an endpoint may just be behind. */
const SHRINK_MS = 60_000;
/**
 * After two failures in the same place the next queries are up to this many blocks long, each of another length: one number that
 * no endpoint has is passed, once it is behind the tail.
 */
const DETOUR = 16;
/** A block that was read, and that the endpoints do not have after this many failures, is taken for undone. */
const MISSING = 3;

interface Reading {
  readonly from: number;
  readonly blocks: number;
  readonly read: Promise<RangeRead>;
}

function weightOf(logs: readonly ChainLog[]): number {
  return logs.reduce((sum, { data }) => sum + 600 + data.length, 0);
}

function isRefusal(error: unknown): boolean {
  return error instanceof AssayError && (error.code === "RANGE_TOO_LARGE" || error.code === "TIMED_OUT");
}

function moved(message: string): AssayError {
  return new AssayError("CHAIN_MOVED", message, { retryable: true });
}

/** Ends when the signal is aborted; never throws. */
export async function* follow(source: ChainSource, options: FollowOptions): AsyncGenerator<FollowItem> {
  const { fromBlock, pollMs, signal, maxBackoffMs = 15_000, finality = 128 } = options;
  const { chunk: start = 64, maxChunk: max = 100_000 } = options;
  const trail = createTrail(fromBlock, finality, options.anchors ?? []);
  const spans = createSpans({ start, max, weight: ANSWER_WEIGHT });
  let failures = 0;
  /** Blocks of a query before one was refused: if the next are shorter, that was no failure. */
  let size: number;
  let lastHead: string | undefined;
  /** The last block of the tail that this round has read. */
  let reached: BlockRef | undefined;
  let shortSince: number | undefined;

  /**
   * The newest block up to `top` that was read and is still in the chain; undefined if all of them are. Hashes fix the past, so
   * halving finds it.
   */
  async function fork(top: number): Promise<number | undefined> {
    const anchors = trail.upTo(top);
    let [low, high] = [0, anchors.length];
    while (low < high) {
      // Most reorganisations are shallow, most anchors hold: the newest first.
      const at = high === anchors.length ? high - 1 : Math.floor((low + high) / 2);
      const anchor = anchors[at];
      if (anchor === undefined) break;
      const block = await source.block(anchor.number);
      if (block === undefined && failures < MISSING) throw moved(`block ${anchor.number} has gone`);
      if (block?.hash === anchor.hash) low = at + 1;
      else high = at;
    }
    if (high === anchors.length) return undefined;
    const kept = anchors[low - 1]?.number;
    if (kept !== undefined) return kept;
    if (trail.isShort()) return fromBlock - 1;
    const details = { finality, readUpTo: trail.last() };
    throw new AssayError(
      "REORG_TOO_DEEP",
      "the chain replaced blocks that were final: check the RPC endpoints",
      { details },
    );
  }

  /** The head is below what was read: is the rest gone, or the endpoint behind? */
  async function shrunk(head: BlockRef): Promise<number | undefined> {
    const kept = await fork(head.number);
    if (kept !== undefined) return kept;
    shortSince ??= Date.now();
    if (Date.now() - shortSince < SHRINK_MS) return undefined;
    if ((await source.block(trail.last())) !== undefined) return undefined;
    const newest = trail.upTo(head.number).at(-1)?.number;
    if (newest !== undefined || trail.isShort()) return newest ?? fromBlock - 1;
    const details = { finality, readUpTo: trail.last(), head: head.number };
    throw new AssayError(
      "REORG_TOO_DEEP",
      "the chain has lost blocks that were final: check the RPC endpoints",
      { details },
    );
  }

  /** @returns the last block of a query from `from`. */
  function endOf(from: number, head: BlockRef, span: number): number {
    const [final, tail] = [head.number - finality, head.number - TAIL];
    if (from > tail) return from;
    // An anchor at the end of what is final: that can always be returned to.
    return Math.min(from + span - 1, tail, from <= final ? final : tail);
  }

  /** Reads up to `head`, some ranges ahead of the caller. Ends early where the chain no longer continues what was read. */
  async function* readTo(head: BlockRef): AsyncGenerator<FollowItem, "read" | "moved"> {
    const queue: Reading[] = [];
    let next = trail.last() + 1;
    const detour = failures < 2 ? undefined : 1 + ((failures * 5) % DETOUR);
    function fill(): void {
      while (queue.length < (next > head.number - TAIL ? AHEAD_IN_TAIL : AHEAD) && next <= head.number) {
        const to = endOf(next, head, detour ?? spans.size());
        const read = source.range(next, to);
        // Its failure is seen when its turn comes.
        read.catch(() => undefined);
        queue.push({ from: next, blocks: to - next + 1, read });
        next = to + 1;
      }
    }
    for (;;) {
      fill();
      const reading = queue.shift();
      if (reading === undefined || signal.aborted) return "read";
      const { logs, block, parentHash } = await reading.read.catch((error: unknown) => {
        if (isRefusal(error)) {
          size = spans.size();
          spans.refused(reading.blocks);
        }
        throw error;
      });
      spans.took(reading.blocks, weightOf(logs));
      const last = trail.lastHash();
      if (last !== undefined && parentHash !== last) return "moved";
      trail.extend(block);
      if (block.number > head.number - TAIL) reached = block;
      fill();
      yield { kind: "logs", logs, block };
    }
  }

  async function* round(): AsyncGenerator<FollowItem> {
    reached = undefined;
    const head = await source.head();
    if (head.number >= trail.last()) shortSince = undefined;
    let kept: number | undefined;
    if (head.number < trail.last()) kept = await shrunk(head);
    else if (head.number > trail.last()) {
      if ((yield* readTo(head)) === "moved") kept = await movedTo();
    } else if (trail.lastHash() !== undefined && head.hash !== trail.lastHash()) kept = await movedTo();
    if (kept !== undefined) {
      trail.cut(kept);
      lastHead = shortSince = undefined;
      yield { kind: "reorg", keep: kept };
    } else if (head.hash === trail.lastHash() && head.hash !== lastHead) {
      lastHead = head.hash;
      yield { kind: "head", block: head };
    }
  }

  async function movedTo(): Promise<number> {
    const kept = await fork(trail.last());
    if (kept === undefined) throw moved(`block ${trail.last() + 1} does not follow block ${trail.last()}`);
    return kept;
  }

  while (!signal.aborted) {
    let pause = pollMs;
    size = spans.size();
    try {
      for await (const item of round()) {
        pause = 0;
        failures = 0;
        yield item;
      }
      failures = 0;
    } catch (error) {
      if (isRefusal(error) && spans.size() < size) pause = 0;
      else {
        options.onError?.(error);
        pause = Math.min(maxBackoffMs, pollMs * 2 ** Math.min(failures++, 10));
      }
      // Where each round fails somewhere, nobody shall wait for one that does not.
      if (reached !== undefined && reached.hash !== lastHead) {
        lastHead = reached.hash;
        yield { kind: "head", block: reached };
      }
    }
    if (pause > 0) await source.changed(pause, signal);
  }
}
