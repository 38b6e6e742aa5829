/** What a model's owner should know before publishing. Pure. */
import { isFloat } from "../../../program/src/dtype.ts";
import type { TensorSpec } from "../../../sdk/src/tensor.ts";
import type { Failure, OutputMeasurement } from "./measure.ts";
import type { Proposal } from "./proposal.ts";
import { GREATEST_SAFE_PAIR, type Saturation } from "./saturation.ts";
import type { Cause, Stability } from "./stability.ts";

export type FindingCode =
  /** Products of u8 by i8 that some processors saturate. */
  | "SATURATION"
  /** An output that a tiny deviation can flip. */
  | "DISCONTINUOUS"
  /** An input that ends the process of onnxruntime. */
  | "CRASH"
  /** Bytes that should be equal are not. */
  | "DIFFERS"
  | "NO_TOLERANCE"
  /** An input that onnxruntime does not answer. */
  | "REFUSED"
  /** Integer outputs, but with operations that have their own edges on each processor. */
  | "EDGES"
  | "EXTREMES"
  | "SPECIALS";

export interface Finding {
  readonly code: FindingCode;
  /** False for what only costs operators and verifiers an exact run. */
  readonly hazard: boolean;
  readonly message: string;
  /** Nodes, inputs or outputs that it is about. */
  readonly where: readonly string[];
}

export interface CheckedOutput extends OutputMeasurement {
  readonly spec: TensorSpec;
  readonly stability: Stability;
}

export interface Checked {
  readonly outputs: readonly CheckedOutput[];
  readonly saturation: readonly Saturation[];
  readonly failures: readonly Failure[];
  readonly proposal: Proposal;
}

export function placeOf({ operator, name, instruction, body }: Cause): string {
  return `${operator} ${name} (instruction ${instruction}: ${body})`;
}

/** A share in per cent, with two digits. */
export function percent(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Number(((100 * part) / whole).toPrecision(2))} %`;
}

function saturation(found: readonly Saturation[]): Finding {
  const where = found.map(({ node, operator, weights, fused, pair }) => {
    const size = pair === undefined ? "known only when it runs" : `|w1 + w2| up to ${pair}`;
    return `${operator} ${node}: i8 weights ${weights}, ${size}${fused ? ", fused by onnxruntime" : ""}`;
  });
  const message =
    `u8 activations times i8 weights: x86-64 processors without VNNI add two products in 16 bits, which saturate if |w1 + w2| ` +
    `exceeds ${GREATEST_SAFE_PAIR}. Quantise with u8 weights (U8U8) or i8 activations (S8S8), or with reduce_range`;
  return { code: "SATURATION", hazard: true, message, where };
}

function discontinuous({ spec, stability, groups }: CheckedOutput): Finding {
  const { elements, flipped } = groups.ordinary;
  const message =
    `${spec.name} can jump: a deviation that rounding explains decides between values far apart ` +
    `(${percent(flipped, elements)} of the measured elements flipped)`;
  return { code: "DISCONTINUOUS", hazard: true, message, where: stability.causes.map(placeOf) };
}

/** Inputs that failed for one reason, whatever the numbers in it, are one entry. */
function listed(failures: readonly Failure[]): string[] {
  const byReason = new Map<string, Failure[]>();
  for (const failure of failures) {
    const reason = failure.message.replace(/-?\d+/g, "#");
    byReason.set(reason, [...(byReason.get(reason) ?? []), failure]);
  }
  return [...byReason.values()].map((alike) => {
    const feeds = alike.map(({ feed }) => feed).join(", ");
    return `${feeds}: ${alike[0]?.message.split("\n")[0] ?? ""}`;
  });
}

/** Outputs that deviate for inputs of a group by more than is proposed. */
function beyond(checked: Checked, group: "extreme" | "special"): string[] {
  const { atol, rtol } = checked.proposal;
  const strict = atol === 0 && rtol === 0;
  return checked.outputs.flatMap(({ spec, groups }) => {
    const { elements, differing, incomparable, scaled } = groups[group];
    const exceeds =
      incomparable > 0 || (differing > 0 && (strict || !isFloat(spec.dtype))) || (!strict && scaled > rtol);
    if (!exceeds) return [];
    const worst = scaled > 0 ? `, by up to ${scaled.toPrecision(2)} of their magnitude` : "";
    return [
      `${spec.name}: ${percent(differing, elements)} of the elements differ${worst}, ` +
        `${percent(incomparable, elements)} are NaN or infinite on one side only`,
    ];
  });
}

/** Hazards first. */
export function findingsOf(checked: Checked): Finding[] {
  const { outputs, failures, proposal } = checked;
  const findings: Finding[] = [];
  const add = (code: FindingCode, hazard: boolean, message: string, where: readonly string[]): void => {
    if (where.length > 0) findings.push({ code, hazard, message, where });
  };
  if (checked.saturation.length > 0) findings.push(saturation(checked.saturation));
  const jumping = outputs.filter(({ stability }) => stability.kind === "discontinuous");
  findings.push(...jumping.map(discontinuous));
  const unequal = outputs.filter(
    ({ spec, stability, groups }) =>
      groups.ordinary.differing > 0 &&
      stability.kind !== "discontinuous" &&
      (stability.kind === "exact" || !isFloat(spec.dtype)),
  );
  add(
    "DIFFERS",
    true,
    "onnxruntime differs where it should give the exact bytes: verifiers will screen by the exact interpreter alone",
    unequal.map(({ spec, groups, worst }) => {
      const at = worst === undefined ? "" : `, first for ${worst.feed}`;
      return `${spec.name}: ${percent(groups.ordinary.differing, groups.ordinary.elements)} of the elements${at}`;
    }),
  );
  const died = failures.filter((failure) => failure.died);
  add("CRASH", true, "inputs that end the process of onnxruntime (nodes start another)", listed(died));
  if (proposal.kind === "none" && jumping.length === 0 && unequal.length === 0)
    findings.push({ code: "NO_TOLERANCE", hazard: true, message: proposal.reason, where: [] });
  const refused = failures.filter((failure) => !failure.died);
  add(
    "REFUSED",
    false,
    "inputs that onnxruntime does not answer; the exact interpreter does",
    listed(refused),
  );
  add(
    "EDGES",
    false,
    "rounds nothing, but may differ at edges (integer division by 0, shifts, NaN, conversion out of range, u8 by i8)",
    outputs
      .filter(({ stability }) => stability.kind === "reproducible")
      .flatMap(({ spec, stability }) => stability.causes.map((cause) => `${spec.name}: ${placeOf(cause)}`)),
  );
  if (proposal.kind !== "none")
    for (const [group, code, what] of [
      ["extreme", "EXTREMES", "the largest and smallest floats"],
      ["special", "SPECIALS", "NaN and infinities"],
    ] as const)
      add(
        code,
        false,
        `beyond the tolerance for ${what} as inputs: there operators sign the exact interpreter's bytes`,
        beyond(checked, group),
      );
  return findings;
}
