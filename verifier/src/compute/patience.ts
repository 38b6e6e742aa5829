/**
 * How long exact runs may take. Whoever publishes a release, or chooses an input, decides that: so each run is tried for a short time
 * first, and what takes longer is done in processes of its own, where it holds up nothing but its like.
 */
import { AssayError } from "../../../sdk/src/error.ts";
import { guessSeconds, type ModelSize } from "../economics/runTimes.ts";
import type { Limits } from "./children.ts";

export interface ExactLimits extends Limits {
  /** It may take long. */
  readonly patient?: boolean;
}

/** One run of what is not known to take longer. */
const QUICK_MS = 10_000;
const LOAD_MS = 120_000;

/**
 * @param patient Whether it has been tried for a short time already. @param mostMs What it may take at all.
 * @param deadline As of Limits.
 * @throws {AssayError} INFERENCE_TIMED_OUT if it need not be tried for a short time. What was measured of other runs does not count:
 * others chose their inputs.
 */
export function limitsFor(
  model: ModelSize,
  patient: boolean,
  mostMs: number,
  deadline: number | undefined,
): ExactLimits {
  if (patient) return { patient, runMs: mostMs, deadline };
  if (mostMs > QUICK_MS && 1000 * guessSeconds(model) > QUICK_MS)
    throw new AssayError("INFERENCE_TIMED_OUT", "an exact run of this model takes long");
  return { runMs: Math.min(QUICK_MS, mostMs), loadMs: LOAD_MS, deadline };
}

/** Whether a run was ended that may be tried again patiently. */
export function tookLong(error: unknown): boolean {
  return error instanceof AssayError && error.code === "INFERENCE_TIMED_OUT";
}
