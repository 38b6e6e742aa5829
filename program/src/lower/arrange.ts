/**
 * Storage orders: a reduction should read few contiguous runs of its operands, since whoever judges one of its elements
 * opens whole leaves of the operands' trees.
 */
import type { Instruction } from "../instruction.ts";
import { estimateStep, JUDGE_LIMITS } from "../limits.ts";
import type { StoredAxis, StoredLoad } from "./spec.ts";

/**
 * The axes of a load in the order that suits its reduction: those fixed per output element first, then those of the
 * reduction, outermost first. Undefined if they are stored so already, or are no plain axes.
 */
export function betterOrder(load: StoredLoad, nOut: number): readonly StoredAxis[] | undefined {
  const stored = load.axes.filter((axis) => axis.stride !== 0);
  if (stored.some((axis) => "gather" in axis.at)) return undefined;
  const innermost = ({ at }: StoredAxis) =>
    "gather" in at ? -1 : Math.max(-1, ...at.terms.map((term) => term.dim).filter((dim) => dim >= nOut));
  const sorted = stored.toSorted(
    (a, b) => innermost(a) - innermost(b) || Math.abs(b.stride) - Math.abs(a.stride),
  );
  const descending = sorted.every(
    (axis, k) => axis.stride > 0 && axis.stride <= (sorted[k - 1]?.stride ?? Infinity),
  );
  return descending ? undefined : sorted;
}

/** Calldata for what is not known yet: the paths to the roots of instructions and constants, inputs, outputs. */
const RESERVE = { calldataBytes: 4_000, gas: 400_000 } as const;

/** Whether an element of the instruction can be judged in one transaction, wherever in a program it will stand. */
export function fitsOneProof(instruction: Instruction): boolean {
  const alone = { loweringVersion: 0, inputs: [], outputs: [], constants: [], instructions: [instruction] };
  const { gas, calldataBytes } = estimateStep(alone, 0);
  return (
    gas <= JUDGE_LIMITS.gas - RESERVE.gas &&
    calldataBytes <= JUDGE_LIMITS.calldataBytes - RESERVE.calldataBytes
  );
}
