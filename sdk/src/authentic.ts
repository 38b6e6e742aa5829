/** Ids are hashes of what they name: an endpoint can hide a request or an answer, but not change one. Pure. */
import type { Deployment } from "./deployment.ts";
import { AssayError } from "./error.ts";
import { keccak, releaseIdOf, requestIdOf, resultIdOf } from "./ids.ts";
import { digestOf, placeIn, type Receipt } from "./receipts.ts";
import { fromHex, sameHex, type Hex, type Release, type Request } from "./structs.ts";

function need(what: string, computed: Hex, said: Hex): void {
  if (!sameHex(computed, said))
    throw new AssayError(
      "RPC_FAILED",
      `the endpoint's logs contradict themselves: ${what} hashes to ${computed}, not ${said}. Use another endpoint`,
    );
}

/** What is said of a request. */
export interface Said {
  readonly request: { readonly requestId: Hex; readonly request: Request; readonly input: Hex };
  readonly result: { readonly resultId: Hex; readonly operator: Hex; readonly output: Hex } | undefined;
}

/** @throws {AssayError} RPC_FAILED unless request, input, answer and release are what their ids are the hashes of. */
export function needAuthentic(
  { chainId, addresses }: Deployment,
  { request: { requestId, request, input }, result }: Said,
  record?: { readonly release: Release },
): void {
  need("the request", requestIdOf(chainId, addresses.market, request), requestId);
  need("the input", keccak(fromHex(input)), request.inputHash);
  if (record !== undefined) need("the release", releaseIdOf(record.release), request.releaseId);
  if (result === undefined) return;
  const output = keccak(fromHex(result.output));
  need("the answer", resultIdOf(requestId, result.operator, output), result.resultId);
}

/** What is said of a receipt on trial. */
export interface SaidReceipt {
  readonly receipt: Receipt;
  readonly request: { readonly requestId: Hex; readonly request: Request };
  readonly result: { readonly resultId: Hex; readonly operator: Hex } | undefined;
}

/** As {@link needAuthentic}; the receipt's digest stands where the hash of an input stands. @throws {AssayError} RPC_FAILED. */
export function needAuthenticReceipt(
  deployment: Deployment,
  { receipt, request: { requestId, request }, result }: SaidReceipt,
  record?: { readonly release: Release },
): void {
  need("the trial", requestIdOf(deployment.chainId, deployment.addresses.receipts, request), requestId);
  need("the receipt", digestOf(placeIn(deployment), "Receipt", receipt), request.inputHash);
  if (record !== undefined) need("the release", releaseIdOf(record.release), request.releaseId);
  if (result !== undefined)
    need("the answer", resultIdOf(requestId, result.operator, receipt.outputHash), result.resultId);
}
