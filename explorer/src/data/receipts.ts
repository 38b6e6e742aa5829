/** Receipts that were challenged: their input and output are not on chain. Pure. */
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { digestOf, placeIn, type Receipt } from "../../../sdk/src/receipts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { waitingIn, type DisputeEntry } from "../../../verifier/src/inspect/disputes.ts";
import { historyOf, receiptIn, type History } from "../../../verifier/src/inspect/history.ts";
import type { Ledger } from "./ledger.ts";

export interface ReceiptCase {
  /** Of its trial. */
  readonly requestId: Hex;
  readonly digest: Hex;
  readonly receipt: Receipt;
  /** Undefined: no game has begun. */
  readonly history: History | undefined;
  /** Challenges in its operator's line. */
  readonly waiting: readonly DisputeEntry[];
}

/** @param id Of its trial, or its digest. @returns undefined if no challenged receipt is named so. */
export function receiptCase(ledger: Ledger, deployment: Deployment, id: Hex): ReceiptCase | undefined {
  const named = ({ requestId, receipt }: DisputeEntry): boolean =>
    sameHex(requestId, id) || (receipt !== undefined && sameHex(receipt, id));
  const all = waitingIn(deployment, ledger.state);
  const onTrial = [...ledger.state.requests.values()].find(
    ({ court, requestId, request }) =>
      court === "receipts" && (sameHex(requestId, id) || sameHex(request.inputHash, id)),
  );
  const requestId = onTrial?.requestId ?? all.find(named)?.requestId;
  if (requestId === undefined) return undefined;
  const events = ledger.about.get(requestId) ?? [];
  const receipt = receiptIn(events);
  if (receipt === undefined) return undefined;
  const digest = digestOf(placeIn(deployment), "Receipt", receipt);
  return { requestId, digest, receipt, history: historyOf(events), waiting: all.filter(named) };
}
