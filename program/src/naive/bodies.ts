/**
 * The bodies on exact operands (docs/program.md §5).
 */
import { integerRange, isInteger, type DTypeName } from "../dtype.ts";
import type { Body } from "../instruction.ts";
import { convert, orderKey, roundValue, saturate, saturated, wrap, type Operand } from "./convert.ts";
import { elementary } from "./elementary.ts";
import * as exact from "./exact.ts";
import { integerTerm } from "./integers.ts";
import { roundHalfEven, roundRational, roundSqrt } from "./round.ts";
import { decode, infinity, infinityBits, NAN, nanBits, ZERO, type Value } from "./value.ts";

function operand(operands: readonly Operand[], index: number): Operand {
  const found = operands[index];
  if (found === undefined) throw new RangeError(`operand ${index} is missing`);
  return found;
}

/** a / b rounded. */
export function divide(name: DTypeName, a: Value, b: Value): bigint {
  if (a.kind === "nan" || b.kind === "nan") return nanBits(name);
  if (a.kind === "inf")
    return b.kind === "inf" ? nanBits(name) : infinityBits(name, a.negative !== exact.isNegative(b));
  if (b.kind === "inf") return 0n;
  if (b.m === 0n) return roundValue(name, a.m === 0n ? NAN : infinity(a.m < 0n));
  const both = exact.align(a, b);
  return roundRational(name, both.a, both.b);
}

function squareRoot(name: DTypeName, a: Value): bigint {
  if (a.kind === "nan" || exact.isNegative(a)) return nanBits(name);
  return a.kind === "inf" ? infinityBits(name, false) : roundSqrt(name, a.m, a.e);
}

function smaller(a: Value, b: Value): Value {
  const order = exact.compare(a, b);
  return order === undefined ? NAN : order <= 0 ? a : b;
}

/** Real bodies with a float result. */
function realTerm(body: Body, name: DTypeName, a: Value, b: Value, c: Value): bigint {
  switch (body) {
    case "add":
      return roundValue(name, exact.sum(a, b));
    case "sub":
      return roundValue(name, exact.sum(a, exact.negated(b)));
    case "mul":
      return roundValue(name, exact.product(a, b));
    case "div":
      return divide(name, a, b);
    case "rem":
      return roundValue(name, exact.remainder(a, b));
    case "neg":
      return roundValue(name, exact.negated(a));
    case "abs":
      return roundValue(name, exact.absolute(a));
    case "min":
      return roundValue(name, smaller(a, b));
    case "max":
      return roundValue(name, exact.negated(smaller(exact.negated(a), exact.negated(b))));
    case "fma":
      return roundValue(name, exact.sum(exact.product(a, b), c));
    case "sqrt":
      return squareRoot(name, a);
    case "floor":
      return roundValue(name, exact.toInteger(a, exact.floor));
    case "ceil":
      return roundValue(name, exact.negated(exact.toInteger(exact.negated(a), exact.floor)));
    case "rint":
      return roundValue(name, exact.toInteger(a, roundHalfEven));
    case "sign":
      return roundValue(name, exact.signOf(a));
    default:
      throw new RangeError(`${body} has no result of dtype ${name}`);
  }
}

function comparison(body: "eq" | "ne" | "lt" | "le", a: Value, b: Value): boolean {
  const order = exact.compare(a, b);
  switch (body) {
    case "eq":
      return order === 0;
    case "ne":
      return order !== 0;
    case "lt":
      return order !== undefined && order < 0;
    case "le":
      return order !== undefined && order <= 0;
  }
}

/** seleq's condition: equal, or both NaN. */
export function same(a: Value, b: Value): boolean {
  return exact.compare(a, b) === 0 || (a.kind === "nan" && b.kind === "nan");
}

/** sat(rint(quotient) + z) of a binary32 quotient. */
function requantize(name: DTypeName, scaled: bigint, z: Value): bigint {
  const zero = z.kind === "finite" ? z.m : 0n;
  const how = (m: bigint, e: number): bigint => roundHalfEven(m, e) + zero;
  return wrap(name, saturate(name, decode("f32", scaled), how, integerRange(name)[0]));
}

/**
 * Bits of one term with fold none: of the body on its operands, in dtype `name`. The combination is legal (legal.ts).
 * @param operands For first, the one load that was chosen.
 * @returns undefined if seleq skips the term.
 */
export function term(body: Body, name: DTypeName, operands: readonly Operand[]): bigint | undefined {
  const a = operand(operands, 0);
  const b = operands[1]?.value ?? ZERO;
  const c = operands[2]?.value ?? ZERO;
  switch (body) {
    case "copy":
    case "first":
      return convert(name, a);
    case "where":
      return convert(name, operand(operands, exact.isZero(a.value) ? 2 : 1));
    case "seleq":
      return same(a.value, b) ? convert(name, operand(operands, 2)) : undefined;
    case "sat":
      return wrap(name, saturated(name, a.value));
    case "eq":
    case "ne":
    case "lt":
    case "le":
      return comparison(body, a.value, b) ? 1n : 0n;
    case "key":
      return orderKey(a);
    case "qmul": {
      const rounded = decode("f32", roundValue("f32", a.value));
      return requantize(name, roundValue("f32", exact.product(rounded, b)), c);
    }
    case "qdiv": {
      const rounded = decode("f32", roundValue("f32", a.value));
      return requantize(name, divide("f32", rounded, b), c);
    }
    case "exp":
    case "expm1":
    case "log":
    case "log1p":
    case "sin":
    case "cos":
    case "atan":
    case "tanh":
    case "erf":
    case "pow":
      return elementary(body, name, roundValue(name, a.value), roundValue(name, b));
    default:
      if (!isInteger(name)) return realTerm(body, name, a.value, b, c);
      return wrap(name, integerTerm(body, name, integersOf(operands)) ?? 0n);
  }
}

/** The values of integer operands. */
export function integersOf(operands: readonly Operand[]): bigint[] {
  return operands.map(({ dtype, value }) => {
    if (value.kind !== "finite" || value.e !== 0) throw new RangeError(`${dtype} operand is no integer`);
    return value.m;
  });
}
