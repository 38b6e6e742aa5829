/** What the node reads of the chain, over JSON-RPC. Answers are checked before anything trusts them. */
import type { JsonRpcProvider } from "ethers";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import type { RawLog } from "../../../sdk/src/events.ts";
import { bytes32, hex, address, type Hex } from "../../../sdk/src/structs.ts";

export interface BlockRef {
  readonly number: number;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Wei; undefined before EIP-1559. */
  readonly baseFee: bigint | undefined;
}

export interface ChainLog extends RawLog {
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly logIndex: number;
  readonly timestamp: number;
  readonly transaction: Hex;
}

/** Read access to one chain. Every method may throw; nothing is retried here. */
export interface ChainSource {
  head(): Promise<BlockRef>;
  /** @returns undefined if the chain has no such block (any more). */
  block(number: number): Promise<BlockRef | undefined>;
  /** Logs of the followed contracts in blocks `from` to `to`, both included, in order. */
  logs(from: number, to: number): Promise<readonly ChainLog[]>;
  /** Logs of one block; unlike a range, an endpoint that does not have the block yet cannot answer with none. */
  logsOf(block: BlockRef): Promise<readonly ChainLog[]>;
}

const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,14}$/i)
  .transform(Number);

const blockSchema = z
  .object({
    number: quantity,
    hash: bytes32,
    parentHash: bytes32,
    timestamp: quantity,
    baseFeePerGas: z.string().transform(BigInt).optional(),
  })
  .transform(({ baseFeePerGas, ...block }): BlockRef => ({ ...block, baseFee: baseFeePerGas }));

const logSchema = z.object({
  address,
  topics: z.array(bytes32),
  data: hex,
  blockNumber: quantity,
  blockHash: bytes32,
  logIndex: quantity,
  transactionHash: bytes32,
  blockTimestamp: quantity.nullish(),
});

/** @param addresses Contracts whose logs are read. */
export function rpcSource(provider: JsonRpcProvider, addresses: readonly Hex[]): ChainSource {
  async function ask<T>(method: string, params: unknown[], schema: z.ZodType<T>): Promise<T> {
    try {
      return schema.parse(await provider.send(method, params));
    } catch (cause) {
      throw new AssayError("RPC_FAILED", `${method}: ${messageOf(cause)}`, { retryable: true, cause });
    }
  }

  async function block(number: number): Promise<BlockRef | undefined> {
    return (await ask("eth_getBlockByNumber", [tag(number), false], blockSchema.nullable())) ?? undefined;
  }

  async function timestamps(numbers: readonly number[]): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for (const number of new Set(numbers)) {
      const header = await block(number);
      if (header !== undefined) found.set(number, header.timestamp);
    }
    return found;
  }

  async function logs(range: Readonly<Record<string, string>>): Promise<readonly ChainLog[]> {
    const found = await ask("eth_getLogs", [{ address: addresses, ...range }], z.array(logSchema));
    const undated = found.filter((log) => log.blockTimestamp == null).map((log) => log.blockNumber);
    const dates = await timestamps(undated);
    return found.map(({ transactionHash, blockTimestamp, ...log }) => {
      const timestamp = blockTimestamp ?? dates.get(log.blockNumber);
      if (timestamp === undefined)
        throw new AssayError("CHAIN_MOVED", `block ${log.blockNumber} has gone`, { retryable: true });
      return { ...log, timestamp, transaction: transactionHash };
    });
  }

  return {
    block,
    head: () => ask("eth_getBlockByNumber", ["latest", false], blockSchema),
    logs: (from, to) => logs({ fromBlock: tag(from), toBlock: tag(to) }),
    logsOf: ({ hash }) => logs({ blockHash: hash }),
  };
}

function tag(number: number): string {
  return `0x${number.toString(16)}`;
}
