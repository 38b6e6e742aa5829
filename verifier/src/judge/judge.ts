/** Whether a published output is right, by the exact interpreter and the referee's own predicate. Pure. */
import { dtype } from "../../../program/src/dtype.ts";
import type { Program } from "../../../program/src/instruction.ts";
import { firstWrongElement, type Tolerance } from "./tolerance.ts";

export interface WrongOutput {
  /** Index among the program's outputs. */
  readonly output: number;
  readonly element: number;
}

/**
 * @param exact The exact interpreter's output blob.
 * @param published The blob on trial, of the same length.
 * @returns the first element that a referee judges wrong; undefined if the output is right.
 */
export function firstWrongOutput(
  program: Pick<Program, "outputs">,
  exact: Uint8Array,
  published: Uint8Array,
  tolerance: Tolerance,
): WrongOutput | undefined {
  if (Buffer.compare(exact, published) === 0) return undefined;
  let at = 0;
  for (const [output, { dtype: name, elements }] of program.outputs.entries()) {
    const end = at + elements * dtype(name).bytes;
    const element = firstWrongElement(name, exact.subarray(at, end), published.subarray(at, end), tolerance);
    if (element !== undefined) return { output, element };
    at = end;
  }
  return undefined;
}
