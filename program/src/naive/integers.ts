/**
 * The integer bodies, exact: before the wrap into the output dtype (docs/program.md §5).
 */
import { dtype, integerRange, type DTypeName } from "../dtype.ts";
import type { Body } from "../instruction.ts";

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return quotient * b !== a && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function saturate(name: DTypeName, a: bigint): bigint {
  const [min, max] = integerRange(name);
  return a < min ? min : a > max ? max : a;
}

/** Shift counts outside 0..bits-1 give 0. */
function shift(name: DTypeName, b: bigint, shifted: (count: bigint) => bigint): bigint {
  return b < 0n || b >= BigInt(dtype(name).bytes * 8) ? 0n : shifted(b);
}

/**
 * The exact integer that the body gives for integer operands and the integer dtype `name`.
 * @returns undefined if seleq skips the term.
 * @throws RangeError for a body that is not defined on integers alone.
 */
export function integerTerm(body: Body, name: DTypeName, operands: readonly bigint[]): bigint | undefined {
  const [a = 0n, b = 0n, c = 0n] = operands;
  switch (body) {
    case "copy":
    case "floor":
    case "ceil":
    case "rint":
      return a;
    case "sat":
      return saturate(name, a);
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0n ? 0n : a / b;
    case "mod":
      return b === 0n ? 0n : a - b * floorDiv(a, b);
    case "rem":
      return b === 0n ? 0n : a % b;
    case "neg":
      return -a;
    case "abs":
      return a < 0n ? -a : a;
    case "min":
      return a < b ? a : b;
    case "max":
      return a > b ? a : b;
    case "fma":
      return a * b + c;
    case "sign":
      return a > 0n ? 1n : a < 0n ? -1n : 0n;
    case "eq":
      return a === b ? 1n : 0n;
    case "ne":
      return a !== b ? 1n : 0n;
    case "lt":
      return a < b ? 1n : 0n;
    case "le":
      return a <= b ? 1n : 0n;
    case "and":
      return a & b;
    case "or":
      return a | b;
    case "xor":
      return a ^ b;
    case "not":
      if (name === "bool") return a === 0n ? 1n : 0n;
      return -1n - a;
    case "shl":
      return shift(name, b, (count) => a << count);
    case "shr":
      return shift(name, b, (count) => a >> count);
    case "where":
      return a !== 0n ? b : c;
    case "seleq":
      return a === b ? c : undefined;
    default:
      throw new RangeError(`${body} is not defined on integers alone`);
  }
}
