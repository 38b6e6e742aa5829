/**
 * What the block kernels of the bodies share. A kernel computes one body for n points from arrays of operand values, which float64 holds
 * exactly. Its results are what the output's store (tensor.ts) turns into the right element: exact values, or values that round
 * to it (rounded to odd, or by an argument that stands beside the kernel).
 */
import { isInteger, type DTypeName } from "../dtype.ts";

/** Operands are read only. @returns The results: `out`, or an operand that holds them already. */
export type Kernel = (
  n: number,
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
) => Float64Array;

/** What is known of the values of a load, zero point subtracted. */
export interface Operand {
  readonly dtype: DTypeName;
  readonly integer: boolean;
  /** Integers do not exceed 2^bits in size; floats have that precision. Either way the product of two has their sum of bits. */
  readonly bits: number;
}

export function isIntegerOperand(operand: Operand | undefined): boolean {
  return operand === undefined || isInteger(operand.dtype);
}

export const absent: Operand = { dtype: "bool", integer: true, bits: 0 };
