/** Follows the contracts' logs from the deployment block on, through reorganisations and RPC failures. */
import { setTimeout as sleep } from "node:timers/promises";
import { AssayError } from "../../../sdk/src/error.ts";
import type { BlockRef, ChainLog, ChainSource } from "./source.ts";

export type FollowItem =
  | { readonly kind: "logs"; readonly logs: readonly ChainLog[]; readonly block: BlockRef }
  /** Everything after block `keep` is undone; what replaces it follows. */
  | { readonly kind: "reorg"; readonly keep: number }
  /** All logs up to this block, which was the newest when they were asked for, have been given. */
  | { readonly kind: "head"; readonly block: BlockRef };

export interface FollowOptions {
  /** First block of interest. */
  readonly fromBlock: number;
  readonly pollMs: number;
  /** Blocks that were read before, ascending. */
  readonly anchors?: readonly Anchor[];
  /** Most blocks of one query; halved whenever a query fails. Default 2000. */
  readonly chunk?: number;
  /** Longest pause after failures, milliseconds. Default 15000. */
  readonly maxBackoffMs?: number;
  readonly signal: AbortSignal;
  /** Told of every failed round; the next one follows after a pause. */
  readonly onError?: (error: unknown) => void;
}

/** Blocks whose hashes are kept for finding the common ancestor; a deeper reorganisation starts from the first block. */
const MAX_ANCHORS = 512;

export type Anchor = Pick<BlockRef, "number" | "hash">;

/** Ends when the signal is aborted; never throws. */
export async function* follow(source: ChainSource, options: FollowOptions): AsyncGenerator<FollowItem> {
  const { fromBlock, pollMs, signal, maxBackoffMs = 15_000 } = options;
  const maxChunk = options.chunk ?? 2000;
  const anchors: Anchor[] = [...(options.anchors ?? [])];
  let chunk = maxChunk;
  let failures = 0;
  let lastHead: string | undefined;

  /** Index of the newest anchor that is still in the chain, -1 for none; undefined if the chain has only grown. */
  async function fork(): Promise<number | undefined> {
    for (let i = anchors.length - 1; i >= 0; i--) {
      const anchor = anchors[i];
      if (anchor === undefined || (await source.block(anchor.number))?.hash !== anchor.hash) continue;
      return i === anchors.length - 1 ? undefined : i;
    }
    return anchors.length === 0 ? undefined : -1;
  }

  /** Logs of the next range of blocks up to `head`. */
  async function next(head: number): Promise<Extract<FollowItem, { kind: "logs" }>> {
    const from = (anchors.at(-1)?.number ?? fromBlock - 1) + 1;
    const to = Math.min(head, from + chunk - 1);
    const before = await source.block(to);
    const first = from === to ? before : await source.block(from);
    const logs =
      from === to && before !== undefined ? await source.logsOf(before) : await source.logs(from, to);
    const after = await source.block(to);
    // A block's hash fixes all blocks before it: the same hash before and after means one chain throughout.
    if (before === undefined || before.hash !== after?.hash)
      throw new AssayError("CHAIN_MOVED", `the chain moved while block ${to} was read`, { retryable: true });
    // What was read before must be its past.
    const last = anchors.at(-1);
    if (last !== undefined && first?.parentHash !== last.hash)
      throw new AssayError("CHAIN_MOVED", `block ${from} does not follow block ${last.number}`, {
        retryable: true,
      });
    const stray = logs.find((log) => log.blockNumber === to && log.blockHash !== before.hash);
    if (stray !== undefined)
      throw new AssayError("CHAIN_MOVED", `logs of block ${to} are of another chain`, { retryable: true });
    anchors.push({ number: to, hash: before.hash });
    if (anchors.length > MAX_ANCHORS) anchors.shift();
    return { kind: "logs", logs, block: before };
  }

  async function* round(): AsyncGenerator<FollowItem> {
    const kept = await fork();
    if (kept !== undefined) {
      anchors.length = kept + 1;
      yield { kind: "reorg", keep: anchors.at(-1)?.number ?? fromBlock - 1 };
      return;
    }
    const head = await source.head();
    const at = anchors.at(-1)?.number ?? fromBlock - 1;
    if (head.number > at) yield await next(head.number);
    // Newer blocks may have come meanwhile; on a fast chain they always have.
    if (head.hash === lastHead || head.hash !== anchors.at(-1)?.hash) return;
    lastHead = head.hash;
    yield { kind: "head", block: head };
  }

  while (!signal.aborted) {
    let pause = pollMs;
    try {
      for await (const item of round()) {
        pause = 0;
        yield item;
      }
      failures = 0;
      chunk = Math.min(maxChunk, chunk * 2);
    } catch (error) {
      options.onError?.(error);
      chunk = Math.max(1, Math.floor(chunk / 2));
      pause = Math.min(maxBackoffMs, pollMs * 2 ** Math.min(failures++, 10));
    }
    if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
