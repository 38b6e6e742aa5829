/** How answers over HTTP are computed: at onnxruntime's speed where it is as good as the exact interpreter, or where the operator takes the risk. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import type { ChainState } from "../chain/state.ts";
import { errorFields } from "../log.ts";
import { CLOCK_SHARE, honestAnswerer, type ReceiptAnswerer } from "../roles/operator.ts";
import { limitsFor, tookLong, type ExactLimits } from "../compute/patience.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
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

  /** @param run One exact run: if it takes long, it is tried once more with what takes long. */
  async function within<T>(
    { model }: PreparedRelease,
    deadline: number,
    run: (limits: ExactLimits) => Promise<T>,
  ): Promise<T> {
    const { parameters } = state();
    const clock = parameters === undefined ? 60 : unpackParameters(parameters).operatorClock;
    // What takes longer could not be defended in time.
    const mostMs = 1000 * clock * CLOCK_SHARE;
    try {
      return await run(limitsFor(model, false, mostMs, deadline));
    } catch (error) {
      if (!tookLong(error)) throw error;
      return run(limitsFor(model, true, mostMs, deadline));
    }
  }

  return async (release, input, deadline) => {
    const path = context.fastPaths.of(release);
    const fast = path?.kind === "exact" || (path?.kind === "approximate" && by === "onnxruntime");
    if (!fast) return within(release, deadline, (limits) => honest(release, input, limits));
    try {
      return await context.batcher.output(release, input, deadline);
    } catch (error) {
      const fields = { release: release.releaseId, ...errorFields(error) };
      context.log.warn(fields, "onnxruntime failed: the exact interpreter answers");
      return within(release, deadline, (limits) => context.exact.output(release, input, limits));
    }
  };
}
