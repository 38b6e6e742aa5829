/** Blocks and logs as the project keeps them. */
import type { RawLog } from "../../../sdk/src/events.ts";
import type { Hex } from "../../../sdk/src/structs.ts";

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
