/** Ids are hashes of what they name: an endpoint can hide a request or an answer, but not change one. Pure. */
import type { Deployment } from "./deployment.ts";
import { AssayError } from "./error.ts";
import { keccak, releaseIdOf, requestIdOf, resultIdOf } from "./ids.ts";
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
