/** Events of a deployment's contracts, by their topics. */
import type { Log, Provider } from "ethers";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { readLogs, type LogFilter, type OnBlocks } from "../../../sdk/src/logs.ts";
import { bytes32, type Hex } from "../../../sdk/src/structs.ts";
import { eventOf } from "../chain/state.ts";
import type { HistoryEvent } from "./history.ts";

export interface Place {
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly onBlocks?: OnBlocks | undefined;
}

/** What an id is of. */
export interface Subject {
  readonly requestId: Hex;
  /** Of the one game that was asked for. */
  readonly disputeId: Hex | undefined;
}

/** @returns undefined for logs that are none of the contracts' events of interest. */
export function parse({ deployment }: Contracts, log: Log, timestamp: number): HistoryEvent | undefined {
  const transaction = bytes32.parse(log.transactionHash);
  const { address, topics, data, blockNumber } = log;
  const event = eventOf(deployment, { address, topics, data, blockNumber, timestamp });
  return event && { ...event, transaction };
}

/** @param from Block. Default: the deployment's first. @param until Default: the newest. */
export async function search(
  { contracts, provider, onBlocks }: Place,
  filter: LogFilter,
  from?: number,
  until?: number,
): Promise<Log[]> {
  return readLogs(provider, filter, from ?? contracts.deployment.block, onBlocks, until);
}
