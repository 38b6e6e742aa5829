/** The request in a transaction, as the market fixed it. */
import type { ContractTransactionReceipt, TransactionReceipt } from "ethers";
import { parseEvent, type EventOf } from "../../sdk/src/events.ts";

/** @throws Error if the transaction made none. */
export function requestedIn(
  receipt: TransactionReceipt | ContractTransactionReceipt | null,
): EventOf<"Requested"> {
  for (const log of receipt?.logs ?? []) {
    const event = parseEvent("market", log);
    if (event?.name === "Requested") return event;
  }
  throw new Error("no request was made");
}
