/** Following what happens to a request, or to a release, through failures and reorganisations. */
import type { Log, Provider } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError, isRetryable, messageOf } from "./error.ts";
import { parseEvent, type AssayEvent } from "./events.ts";
import { readLogs, type LogFilter } from "./logs.ts";
import { sleep } from "./sleep.ts";
import type { Hex } from "./structs.ts";

/** One request, or everything about a release: its registry entries, offers, and requests made from the first block on. */
export type Subject = { readonly requestId: Hex } | { readonly releaseId: Hex };

export interface Happened {
  /** "undone": the block with it has gone, after a reorganisation; most likely it happens again in another one. */
  readonly kind: "happened" | "undone";
  readonly event: AssayEvent;
  readonly block: number;
  readonly blockHash: string;
  /** Of the log in its block. */
  readonly index: number;
  readonly transaction: string;
}

export interface WatchOptions {
  /** First block. Default: the newest. To resume, the block of the last event: its events come again, with the same hash and index. */
  readonly from?: number;
  /** Default 2. */
  readonly pollSeconds?: number;
  /** Blocks that may still be replaced. Default 32. */
  readonly depth?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  /** Told of each failure of the endpoint; it is asked again, later and later, up to once a minute. */
  readonly onFailure?: (error: AssayError) => void;
}

const MAX_PAUSE_SECONDS = 60;
/** Read at once when there is much to catch up with: bounds what is held in memory. */
const CHUNK_BLOCKS = 50_000;

type Source = "market" | "registry" | "directory";

function filtersOf(contracts: Contracts, subject: Subject): readonly [Source, LogFilter][] {
  const { market, registry, directory } = contracts.deployment.addresses;
  if ("requestId" in subject) return [["market", { address: market, topics: [null, subject.requestId] }]];
  const { releaseId } = subject;
  return [
    ["registry", { address: registry, topics: [null, releaseId] }],
    ["directory", { address: directory, topics: [null, null, releaseId] }],
    // Of a request's later events only its own id is a topic.
    ["market", { address: market }],
  ];
}

/** Whether an event is about the subject. @param requests Of the release, so far. */
function concerns(event: AssayEvent, subject: Subject, requests: Set<string>): boolean {
  if ("requestId" in subject || !("requestId" in event)) return true;
  if (event.name === "Requested" && event.releaseId === subject.releaseId.toLowerCase())
    requests.add(event.requestId);
  return requests.has(event.requestId);
}

function happened(log: Log, event: AssayEvent): Happened {
  const { blockNumber: block, blockHash, index, transactionHash: transaction } = log;
  return { kind: "happened", event, block, blockHash, index, transaction };
}

const keyOf = ({ blockHash, index }: Happened): string => `${blockHash}:${index}`;

async function readSubject(
  contracts: Contracts,
  provider: Provider,
  subject: Subject,
  requests: Set<string>,
  [from, until]: readonly [number, number],
): Promise<Map<string, Happened>> {
  const found: Happened[] = [];
  for (const [source, filter] of filtersOf(contracts, subject))
    for (const log of await readLogs(provider, filter, from, undefined, until)) {
      const event = parseEvent(source, log);
      if (event !== undefined && !log.removed && concerns(event, subject, requests))
        found.push(happened(log, event));
    }
  found.sort((a, b) => a.block - b.block || a.index - b.index);
  return new Map(found.map((entry) => [keyOf(entry), entry]));
}

/** What is different now: the newest is undone first. */
function changes(
  before: ReadonlyMap<string, Happened>,
  now: ReadonlyMap<string, Happened>,
  from: number,
): Happened[] {
  const gone = [...before.values()].filter((entry) => entry.block >= from && !now.has(keyOf(entry)));
  const fresh = [...now.values()].filter((entry) => !before.has(keyOf(entry)));
  return [...gone.reverse().map((entry) => ({ ...entry, kind: "undone" }) as const), ...fresh];
}

function asFailure(error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  return new AssayError("RPC_FAILED", messageOf(error), { retryable: true, cause: error });
}

/**
 * Events in the order of the chain, from a block on, until the signal is aborted. The last `depth` blocks are read again each time:
 * what has gone from them is reported undone.
 * @throws {AssayError} BAD_EVENT. Failures of the endpoint end nothing.
 */
export async function* watch(
  contracts: Contracts,
  provider: Provider,
  subject: Subject,
  options: WatchOptions = {},
): AsyncGenerator<Happened, void> {
  const { pollSeconds = 2, depth = 32, signal, onFailure } = options;
  const requests = new Set<string>();
  let known: ReadonlyMap<string, Happened> = new Map();
  let first = options.from;
  let read = -1;
  let failures = 0;
  while (signal?.aborted !== true) {
    let behind = false;
    let news: Happened[] = [];
    try {
      const head = await provider.getBlockNumber();
      first ??= head;
      // An endpoint that is behind the last one has no news, and its silence undoes nothing.
      if (head >= Math.max(read, first)) {
        const from = Math.max(first, read - depth + 1);
        const until = Math.min(head, from + CHUNK_BLOCKS);
        const now = await readSubject(contracts, provider, subject, requests, [from, until]);
        news = changes(known, now, from);
        [known, read, behind] = [now, until, until < head];
      }
      failures = 0;
    } catch (error) {
      const failure = asFailure(error);
      if (!isRetryable(failure)) throw failure;
      failures++;
      onFailure?.(failure);
    }
    for (const entry of news) {
      yield entry;
      if (aborted(signal)) return;
    }
    if (behind) continue;
    const pause = Math.min(MAX_PAUSE_SECONDS, pollSeconds * 2 ** failures);
    await sleep(pause * 1000, signal).catch(() => undefined);
  }
}

/** A call, since the compiler takes a property that was once false to be so for good. */
function aborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
