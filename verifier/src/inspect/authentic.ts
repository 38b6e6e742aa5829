/** Ids are hashes of what they name: an endpoint can hide a request or an answer, but not change one. Pure. */
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { keccak, releaseIdOf, requestIdOf, resultIdOf } from "../../../sdk/src/ids.ts";
import { fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import type { History } from "./history.ts";

function need(what: string, computed: Hex, said: Hex): void {
  if (!sameHex(computed, said))
    throw new AssayError(
      "RPC_FAILED",
      `the endpoint's logs contradict themselves: ${what} hashes to ${computed}, not ${said}. Use another endpoint`,
    );
}

/** @throws {AssayError} RPC_FAILED unless request, input, answer and release are what their ids are the hashes of. */
export function needAuthentic(
  { chainId, addresses }: Deployment,
  { request: { requestId, request, input }, result }: Pick<History, "request" | "result">,
  record: ReleaseRecord,
): void {
  need("the request", requestIdOf(chainId, addresses.market, request), requestId);
  need("the input", keccak(fromHex(input)), request.inputHash);
  need("the release", releaseIdOf(record.release), request.releaseId);
  if (result === undefined) return;
  const output = keccak(fromHex(result.output));
  need("the answer", resultIdOf(requestId, result.operator, output), result.resultId);
}
