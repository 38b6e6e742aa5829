/**
 * What an operator risks by all answers that can still be challenged: their bonds, and the traces that it would owe if all were
 * challenged at once. Pure.
 */
import { leave, TAKE, type Decision } from "./decision.ts";
import { ether } from "./ether.ts";

export interface Exposure {
  readonly answers: number;
  readonly bondWei: bigint;
  /** To compute and hash one trace of each answer, seconds of one process. */
  readonly traceSeconds: number;
  /** The shortest operator's clock among the answers, seconds; Infinity without answers. */
  readonly clockSeconds: number;
}

export const NO_EXPOSURE: Exposure = { answers: 0, bondWei: 0n, traceSeconds: 0, clockSeconds: Infinity };

export interface ExposureLimits {
  /** Wei; undefined: no limit. */
  readonly maxBondWei: bigint | undefined;
  /** Processes that compute traces side by side. */
  readonly workers: number;
}

/** Share of the shortest clock in which all traces owed must be computable; the rest is for landing transactions. */
export const TRACE_CLOCK_SHARE = 1 / 4;

export function addExposure(a: Exposure, b: Exposure): Exposure {
  return {
    answers: a.answers + b.answers,
    bondWei: a.bondWei + b.bondWei,
    traceSeconds: a.traceSeconds + b.traceSeconds,
    clockSeconds: Math.min(a.clockSeconds, b.clockSeconds),
  };
}

/**
 * Whether `added` may come on top of `open`: bonds <= maxBondWei, and traceSeconds / workers <= clockSeconds / 4. The latter does not
 * hold back a first answer: whether a single trace fits a clock is known only when it was tried, under its own time limit.
 */
export function fitsExposure(open: Exposure, added: Exposure, limits: ExposureLimits): Decision {
  const sum = addExposure(open, added);
  const { maxBondWei, workers } = limits;
  if (maxBondWei !== undefined && sum.bondWei > maxBondWei)
    return leave(
      "exposure-above-limit",
      `bonds at risk would be above the limit (${ether(sum.bondWei)} > ${ether(maxBondWei)})`,
    );
  const owed = sum.traceSeconds / workers;
  const budget = sum.clockSeconds * TRACE_CLOCK_SHARE;
  if (open.answers > 0 && owed > budget)
    return leave(
      "too-many-traces-owed",
      `the traces of ${sum.answers} open answers take ${owed.toFixed(1)} s, more than ${budget.toFixed(1)} s of the clock`,
    );
  return TAKE;
}
