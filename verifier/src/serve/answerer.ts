/** How answers over HTTP are computed: at onnxruntime's speed where it is as good as the exact interpreter, or where the operator takes the risk. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import type { ChainState } from "../chain/state.ts";
import { errorFields } from "../log.ts";
import { CLOCK_SHARE, honestAnswerer, type ReceiptAnswerer } from "../roles/operator.ts";
import type { RoleContext } from "../roles/role.ts";

/**
 * "checked": answers of releases with a tolerance are confirmed by the exact interpreter, which takes its time. "onnxruntime": they are
 * not: whoever finds an input on which onnxruntime errs beyond the tolerance can win a receipt's bond.
 */
export const ANSWERS = ["checked", "onnxruntime"] as const;
export type AnswersBy = (typeof ANSWERS)[number];

export function createAnswerer(
  context: Pick<RoleContext, "pool" | "exact" | "batcher" | "fastPaths" | "log">,
  by: AnswersBy,
  state: () => Pick<ChainState, "parameters">,
): ReceiptAnswerer {
  const honest = honestAnswerer(context);

  function limits(deadline: number): { runMs: number; deadline: number } {
    const { parameters } = state();
    const clock = parameters === undefined ? 60 : unpackParameters(parameters).operatorClock;
    // What takes longer could not be defended in time.
    return { runMs: 1000 * clock * CLOCK_SHARE, deadline };
  }

  return async (release, input, deadline) => {
    const path = context.fastPaths.of(release);
    const fast = path?.kind === "exact" || (path?.kind === "approximate" && by === "onnxruntime");
    if (!fast) return honest(release, input, limits(deadline));
    try {
      return await context.batcher.output(release, input, deadline);
    } catch (error) {
      const fields = { release: release.releaseId, ...errorFields(error) };
      context.log.warn(fields, "onnxruntime failed: the exact interpreter answers");
      return context.exact.output(release, input, limits(deadline));
    }
  };
}
