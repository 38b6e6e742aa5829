/** Whether an endpoint's logs of a request or receipt are what their ids are the hashes of. Pure. */
import { needAuthentic, needAuthenticReceipt } from "../../../sdk/src/authentic.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { isToldHistory, type History } from "./history.ts";

/** @throws {AssayError} RPC_FAILED if they are not. */
export function needAuthenticHistory(
  deployment: Deployment,
  history: History,
  record: Pick<ReleaseRecord, "release">,
): void {
  const { request, result } = history;
  if (isToldHistory(history)) needAuthentic(deployment, history, record);
  else if (request.receipt !== undefined)
    needAuthenticReceipt(deployment, { receipt: request.receipt, request, result }, record);
}
