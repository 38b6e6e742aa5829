/** What the node reads of the chain. It decides money, so endpoints are checked against each other, and each answer for sense. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { address, bytes32, hex, quantity, wideQuantity, type Hex } from "../../../sdk/src/structs.ts";
import { gently } from "../gently.ts";
import { bloomBits, mayContain } from "./bloom.ts";
import type { Endpoints } from "./endpoints.ts";
import type { BlockRef, ChainLog } from "./log.ts";
import type { Ask } from "./rpc/endpoint.ts";
import type { Vote } from "./rpc/poll.ts";
import { EndpointError } from "./rpc/transport.ts";
import { lowerHex } from "../lowerHex.ts";

export type { BlockRef, ChainLog } from "./log.ts";

/** Logs of a range of blocks of one chain. */
export interface RangeRead {
  /** Of the followed contracts, in order. */
  readonly logs: readonly ChainLog[];
  /** The last block. */
  readonly block: BlockRef;
  /** Hash of the block before the first. */
  readonly parentHash: Hex;
}

/** Read access to one chain. Every method may throw; nothing is retried here. */
export interface ChainSource {
  head(): Promise<BlockRef>;
  /** @returns undefined if the chain has no such block (any more). */
  block(number: number): Promise<BlockRef | undefined>;
  /**
   * Blocks `from` to `to`, both included.
   * @throws {AssayError} RANGE_TOO_LARGE; CHAIN_MOVED if the chain was reorganised meanwhile.
   */
  range(from: number, to: number): Promise<RangeRead>;
  /** Resolves when there may be something new, at the latest after `ms`, or when the signal is aborted. */
  changed(ms: number, signal: AbortSignal): Promise<void>;
}

interface Header extends BlockRef {
  readonly logsBloom: Hex | undefined;
}

const headerSchema = z
  .object({
    number: quantity,
    hash: bytes32,
    parentHash: bytes32,
    timestamp: quantity,
    baseFeePerGas: wideQuantity.nullish(),
    logsBloom: hex.nullish(),
  })
  .transform(({ baseFeePerGas, logsBloom, hash, parentHash, ...block }): Header => {
    const hashes = { hash: lowerHex(hash), parentHash: lowerHex(parentHash) };
    return { ...block, ...hashes, baseFee: baseFeePerGas ?? undefined, logsBloom: logsBloom ?? undefined };
  })
  .nullable();

const logSchema = z.object({
  address,
  topics: z.array(bytes32).max(4),
  data: hex,
  blockNumber: quantity,
  blockHash: bytes32,
  logIndex: quantity,
  transactionHash: bytes32,
  blockTimestamp: quantity.nullish(),
  removed: z.literal(false).nullish(),
});
type ReadLog = z.infer<typeof logSchema>;

/** Of an answer about several blocks; fewer are asked for if it is longer. Parsing it must not hold up the event loop. */
const RANGE_BYTES = 2 ** 20;
const listSchema = z.array(z.unknown());
/** Headers that are asked for at once, where logs come without the time of their block. */
const HEADERS_AT_ONCE = 16;
/** New heads do not wake the follower more often, milliseconds. */
const MIN_PAUSE_MS = 50;

function tag(number: number): string {
  return `0x${number.toString(16)}`;
}

function blockOf({ number, hash, parentHash, timestamp, baseFee }: Header): BlockRef {
  return { number, hash, parentHash, timestamp, baseFee };
}

function garbage(message: string): EndpointError {
  return new EndpointError("garbage", message);
}

function moved(message: string): AssayError {
  return new AssayError("CHAIN_MOVED", message, { retryable: true });
}

/** @returns undefined for none. */
async function headerAt(ask: Ask, number: number): Promise<Header | undefined> {
  return ask("eth_getBlockByNumber", [tag(number), false], (result) => {
    const header = headerSchema.parse(result) ?? undefined;
    if (header !== undefined && header.number !== number) throw garbage("another block than was asked for");
    return header;
  });
}

/** In order, each once, of blocks that hang together. @throws {EndpointError} */
function checkOrder(logs: readonly ReadLog[]): void {
  for (let i = 1; i < logs.length; i++) {
    const [a, b] = [logs[i - 1], logs[i]];
    if (a === undefined || b === undefined || a.blockNumber !== b.blockNumber) continue;
    if (a.logIndex === b.logIndex) throw garbage("a log twice");
    if (a.blockHash !== b.blockHash) throw moved(`logs of two blocks ${a.blockNumber}`);
  }
}

async function withTimes(ask: Ask, logs: readonly ReadLog[]): Promise<ChainLog[]> {
  const undated = new Map(
    logs.filter((log) => log.blockTimestamp == null).map((log) => [log.blockNumber, log]),
  );
  const times = new Map<number, number>();
  const missing = [...undated.values()];
  for (let i = 0; i < missing.length; i += HEADERS_AT_ONCE)
    await Promise.all(
      missing.slice(i, i + HEADERS_AT_ONCE).map(async ({ blockNumber, blockHash }) => {
        const header = await headerAt(ask, blockNumber);
        if (header?.hash !== blockHash) throw moved(`block ${blockNumber} has gone`);
        times.set(blockNumber, header.timestamp);
      }),
    );
  return logs.map((log) => {
    const { address: at, topics, data, blockNumber, blockHash, logIndex, transactionHash: transaction } = log;
    const timestamp = log.blockTimestamp ?? times.get(blockNumber);
    if (timestamp === undefined) throw moved(`block ${blockNumber} has gone`);
    return { address: at, topics, data, blockNumber, blockHash, logIndex, timestamp, transaction };
  });
}

/** @param addresses Contracts whose logs are read. */
export function rpcSource(endpoints: Endpoints, addresses: readonly Hex[]): ChainSource {
  const ours = new Set(addresses.map(lowerHex));
  const bits = addresses.map(bloomBits);

  function readLog(value: unknown, from: number, to: number): ReadLog {
    const log = logSchema.parse(value);
    if (log.blockNumber < from || log.blockNumber > to) throw garbage("a log of another block");
    const read = { ...log, address: lowerHex(log.address), blockHash: lowerHex(log.blockHash) };
    if (!ours.has(read.address)) throw garbage("a log of another contract");
    return {
      ...read,
      topics: log.topics.map(lowerHex),
      data: lowerHex(log.data),
      transactionHash: lowerHex(log.transactionHash),
    };
  }

  function logsOf(
    ask: Ask,
    range: Readonly<Record<string, string>>,
    from: number,
    to: number,
  ): Promise<ReadLog[]> {
    const read = async (result: unknown): Promise<ReadLog[]> => {
      const logs: ReadLog[] = [];
      await gently(listSchema.parse(result), (value) => logs.push(readLog(value, from, to)));
      logs.sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
      checkOrder(logs);
      return logs;
    };
    return ask(
      "eth_getLogs",
      [{ address: addresses, ...range }],
      read,
      from === to ? undefined : RANGE_BYTES,
    );
  }

  /** The header promises logs of ours that are not there, or there are some that it does not promise. */
  function isDoubtful({ logsBloom }: Header, logs: readonly ReadLog[]): boolean {
    if (logsBloom?.length !== 514) return false;
    const promised = bits.some((each) => mayContain(logsBloom, each));
    return promised !== logs.length > 0;
  }

  async function readOne(ask: Ask, number: number): Promise<Vote<RangeRead | undefined>> {
    const header = await headerAt(ask, number);
    if (header === undefined) return { value: undefined, key: undefined };
    // By its hash: an endpoint that does not have the block cannot answer with no logs.
    const read = await logsOf(ask, { blockHash: header.hash }, number, number);
    if (read.some(({ blockHash }) => blockHash !== header.hash)) throw garbage("logs of another block");
    const logs = await withTimes(ask, read);
    const value = { logs, block: blockOf(header), parentHash: header.parentHash };
    return { value, key: await keyOf(value), doubtful: isDoubtful(header, read) };
  }

  async function readMany(ask: Ask, from: number, to: number): Promise<Vote<RangeRead | undefined>> {
    const last = await headerAt(ask, to);
    if (last === undefined) return { value: undefined, key: undefined };
    const [first, read] = await Promise.all([
      headerAt(ask, from),
      logsOf(ask, { fromBlock: tag(from), toBlock: tag(to) }, from, to),
    ]);
    // What the first block would say of the one before it, that one says itself.
    const parentHash = first?.parentHash ?? (await headerAt(ask, from - 1))?.hash;
    if (parentHash === undefined) return { value: undefined, key: undefined };
    const logs = await withTimes(ask, read);
    // A block's hash fixes all blocks before it: the same hash before and after means one chain throughout.
    const after = await headerAt(ask, to);
    const strays = read.some((log) =>
      [first, last].some((end) => log.blockNumber === end?.number && log.blockHash !== end.hash),
    );
    if (after?.hash !== last.hash || strays)
      throw moved(`the chain moved while blocks ${from} to ${to} were read`);
    const value = { logs, block: blockOf(last), parentHash };
    return { value, key: await keyOf(value) };
  }

  return {
    async head() {
      const { number } = await endpoints.head();
      const found = await this.block(number);
      if (found === undefined) throw moved(`block ${number} has gone`);
      return found;
    },
    block: (number) =>
      endpoints.vote("block", async (ask) => {
        const header = await headerAt(ask, number);
        return header === undefined
          ? { value: undefined, key: undefined }
          : { value: blockOf(header), key: keyOfBlock(header) };
      }),
    async range(from, to) {
      const read = await endpoints.vote("logs", (ask) =>
        from === to ? readOne(ask, to) : readMany(ask, from, to),
      );
      if (read === undefined) throw moved(`block ${to} has gone`);
      return read;
    },
    changed: (ms, signal) =>
      new Promise((resolve) => {
        const started = Date.now();
        const off = endpoints.onHead(() => void sleep(MIN_PAUSE_MS - (Date.now() - started)).then(done));
        const timer = setTimeout(done, ms);
        function done(): void {
          off();
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        }
        signal.addEventListener("abort", done);
        if (signal.aborted) done();
      }),
  };
}

function keyOfBlock({ number, hash, parentHash, timestamp, baseFee }: BlockRef): string {
  return `${number}:${hash}:${parentHash}:${timestamp}:${baseFee}`;
}

/** A digest of everything that is used of an answer. */
async function keyOf({ logs, block, parentHash }: RangeRead): Promise<string> {
  const digest = createHash("sha256").update(`${keyOfBlock(block)}:${parentHash}`);
  await gently(logs, (log) => {
    const { blockNumber, blockHash, logIndex, timestamp, transaction, address: at, topics, data } = log;
    digest.update(
      `|${blockNumber}:${blockHash}:${logIndex}:${timestamp}:${transaction}:${at}:${topics.join()}:${data}`,
    );
  });
  return digest.digest("hex");
}
