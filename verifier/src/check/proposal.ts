/** Which tolerance a release should have. Pure. */
import { isFloat } from "../../../program/src/dtype.ts";
import type { TensorSpec } from "../../../sdk/src/tensor.ts";
import { MAX_ATOL } from "../releases/release.ts";
import { roundoffOf, type Deviation } from "./deviation.ts";
import type { Kind } from "./stability.ts";

/** A tolerance of an eighth of the output says little about it. */
const MAX_USEFUL = 1 / 8;

export interface MeasuredOutput {
  readonly spec: TensorSpec;
  readonly kind: Kind;
  /** Of all ordinary inputs, in all configurations of onnxruntime. */
  readonly ordinary: Deviation;
}

/** With both 0 the release is exact: operators sign the exact interpreter's bytes. */
export interface Proposal {
  /** equal: nothing to tolerate. tolerance: what onnxruntime needs, with a margin. none: no tolerance would be sound. */
  readonly kind: "equal" | "tolerance" | "none";
  readonly atol: number;
  readonly rtol: number;
  readonly reason: string;
}

/** The next number of one significant decimal digit, from `value` > 0 on. */
export function oneDigitUp(value: number): number {
  const exponent = Math.floor(Math.log10(value));
  for (const digit of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const candidate = Number(`${digit}e${exponent}`);
    if (candidate >= value) return candidate;
  }
  return Number(`1e${exponent + 1}`);
}

function none(reason: string): Proposal {
  return { kind: "none", atol: 0, rtol: 0, reason };
}

/**
 * @param scale Magnitude of outputs, greater than 0, below which errors count as absolute; that of the measured `scaled`.
 * @param margin Factor above the worst deviation that was measured.
 * @returns the tolerance |error| <= atol + rtol * |exact| for all outputs of a release.
 */
export function propose(outputs: readonly MeasuredOutput[], scale: number, margin: number): Proposal {
  const names = (some: readonly MeasuredOutput[]): string => some.map(({ spec }) => spec.name).join(", ");
  if (outputs.some(({ ordinary }) => ordinary.elements === 0))
    return none("onnxruntime answered none of the ordinary inputs: there is nothing to measure");
  const jumping = outputs.filter(({ kind }) => kind === "discontinuous");
  if (jumping.length > 0)
    return none(
      `${names(jumping)} can jump: whatever the tolerance, some input may make onnxruntime exceed it`,
    );
  const wrong = outputs.filter(
    ({ spec, kind, ordinary }) => ordinary.differing > 0 && (kind === "exact" || !isFloat(spec.dtype)),
  );
  if (wrong.length > 0) return none(`${names(wrong)} should be equal bit for bit, and is not`);
  const lost = outputs.filter(({ ordinary }) => ordinary.incomparable > 0);
  if (lost.length > 0) return none(`${names(lost)} is NaN or infinite on one side only, for ordinary inputs`);
  const loose = outputs.filter(({ kind, ordinary }) => kind === "continuous" || ordinary.differing > 0);
  if (loose.length === 0) {
    const edges = outputs.some(({ kind }) => kind !== "exact") ? ", but for its edges" : "";
    return {
      kind: "equal",
      atol: 0,
      rtol: 0,
      reason: `onnxruntime gives the exact bytes by construction${edges}`,
    };
  }
  // Nothing measured may mean that no input was hard enough: one rounding is always to be expected.
  const worst = Math.max(
    ...loose.map(({ spec, ordinary }) => Math.max(ordinary.scaled, roundoffOf(spec.dtype))),
  );
  const wanted = worst * margin;
  if (wanted > MAX_USEFUL)
    return none(`deviations are of the outputs' own size: a tolerance would allow almost any answer`);
  if (wanted * scale > MAX_ATOL) return none(`the absolute tolerance would exceed ${MAX_ATOL}`);
  return {
    kind: "tolerance",
    atol: oneDigitUp(wanted * scale),
    rtol: oneDigitUp(wanted),
    reason: `${margin} times the worst deviation for ordinary inputs, rounded up`,
  };
}
