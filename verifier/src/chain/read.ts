/** What nodes and pages read of the chain, as the project keeps it. Shared with browsers. */
import { Interface, type Log, type Provider } from "ethers";
import { address, bytes32, hex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainLog } from "./log.ts";

const AUTHORITY = new Interface(["function authority() view returns (address)"]);

/** @param timestamp Of its block, unix seconds. */
export function plainLog(log: Log, timestamp: number) {
  return {
    blockNumber: log.blockNumber,
    blockHash: bytes32.parse(log.blockHash),
    logIndex: log.index,
    timestamp,
    transaction: bytes32.parse(log.transactionHash),
    address: address.parse(log.address),
    topics: log.topics.map((topic) => bytes32.parse(topic)),
    data: hex.parse(log.data),
  } satisfies ChainLog;
}

export interface MinedTransaction {
  readonly from: Hex;
  readonly data: Hex;
  readonly gas: number;
  readonly feeWei: bigint;
}

/** @returns undefined if the chain has none that was mined. */
export async function readTransaction(provider: Provider, hash: Hex): Promise<MinedTransaction | undefined> {
  const [sent, receipt] = await Promise.all([
    provider.getTransaction(hash),
    provider.getTransactionReceipt(hash),
  ]);
  if (sent === null || receipt === null) return undefined;
  return {
    from: address.parse(sent.from),
    data: hex.parse(sent.data),
    gas: Number(receipt.gasUsed),
    feeWei: receipt.gasUsed * receipt.gasPrice,
  };
}

/** Address of the access manager that the market obeys. */
export async function authorityOf(provider: Provider, market: Hex): Promise<Hex> {
  const data = AUTHORITY.encodeFunctionData("authority");
  const answer = AUTHORITY.decodeFunctionResult("authority", await provider.call({ to: market, data }));
  return address.parse(answer[0]);
}
