/**
 * Kernels of the real bodies with a float output. Operands are finite multiples of 2^-149 below 2^128 in size or special, so no
 * operation here overflows or underflows in float64.
 */
import { floatFormat, type DTypeName } from "../dtype.ts";
import type { Body } from "../instruction.ts";
import type { Kernel, Operand } from "./body.ts";
import { addOdd, divOdd, mulOdd } from "./float.ts";

/**
 * Whether a float64 sum or difference, rounded again to dtype D, is the rounded exact sum: it is if all operands are values of
 * D's precision and range, as 53 >= 2 * 24 + 2 (Figueroa, "When is double rounding innocuous?", 1995; a sum in the subnormal range is exact).
 */
function sumsInnocuously(name: DTypeName, operands: readonly Operand[]): boolean {
  const { precision } = floatFormat(name);
  return operands.every((o) => (o.integer || name === "f32" || o.dtype === name) && o.bits <= precision);
}

const add: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) + (b[i] ?? 0);
  return out;
};

const addWide: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = addOdd(a[i] ?? 0, b[i] ?? 0);
  return out;
};

const sub: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) - (b[i] ?? 0);
  return out;
};

const subWide: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = addOdd(a[i] ?? 0, -(b[i] ?? 0));
  return out;
};

const mul: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) * (b[i] ?? 0);
  return out;
};

const mulWide: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = mulOdd(a[i] ?? 0, b[i] ?? 0);
  return out;
};

const div: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) / (b[i] ?? 0);
  return out;
};

const divWide: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = divOdd(a[i] ?? 0, b[i] ?? 0);
  return out;
};

/**
 * Whether a float64 quotient, rounded again to precision p, is the rounded exact quotient. Let A 2^i / (B 2^j) with A < 2^x, B < 2^y be near a
 * number or midpoint M 2^k of the target, M < 2^(p+1), but not equal. Then |a - mb| is at least 2^min(i, j+k), so relative to |a| or |mb| it is
 * at least 2^-(p+1+y) or 2^-(x+1): more than float64's rounding error of 2^-53 if both exponents are at most 51.
 */
function dividesInnocuously(name: DTypeName, a: Operand, b: Operand): boolean {
  return floatFormat(name).precision + 1 + b.bits <= 51 && a.bits + 1 <= 51;
}

/** JavaScript's % is C's fmod, which is exact. */
const rem: Kernel = (n, out, a, b) => {
  for (let i = 0; i < n; i++) out[i] = (a[i] ?? 0) % (b[i] ?? 0);
  return out;
};

/** The product is exact: one two-sum is left. */
const fma: Kernel = (n, out, a, b, c) => {
  for (let i = 0; i < n; i++) out[i] = addOdd((a[i] ?? 0) * (b[i] ?? 0), c[i] ?? 0);
  return out;
};

/**
 * A square root of a <= 50-bit number that is not a midpoint m (at most 25 bits) differs from it by |a - m^2| / 2m, relative at least
 * 2^-51, which float64's rounding keeps.
 */
const sqrt: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = Math.sqrt(a[i] ?? 0);
  return out;
};

const floor: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = Math.floor(a[i] ?? 0);
  return out;
};

const ceil: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = Math.ceil(a[i] ?? 0);
  return out;
};

const MAGIC = 1.5 * 2 ** 52;

/** Nearest integer, ties to even; from 2^51 on a float64 with at most 51 bits is an integer. */
export function rintOf(x: number): number {
  return Math.abs(x) < 2 ** 51 ? x + MAGIC - MAGIC : x;
}

const rint: Kernel = (n, out, a) => {
  for (let i = 0; i < n; i++) out[i] = rintOf(a[i] ?? 0);
  return out;
};

/** @returns undefined if no kernel is exact for such operands. */
export function realKernel(
  body: Body,
  name: DTypeName,
  operands: readonly [Operand, Operand, Operand],
): Kernel | undefined {
  const [x, y] = operands;
  switch (body) {
    case "add":
      return sumsInnocuously(name, [x, y]) ? add : addWide;
    case "sub":
      return sumsInnocuously(name, [x, y]) ? sub : subWide;
    case "mul":
      return x.bits + y.bits <= 53 ? mul : mulWide;
    case "div":
      return dividesInnocuously(name, x, y) ? div : divWide;
    case "rem":
      return rem;
    case "fma":
      return x.bits + y.bits <= 53 ? fma : undefined;
    case "sqrt":
      return x.bits <= 50 ? sqrt : undefined;
    case "floor":
      return floor;
    case "ceil":
      return ceil;
    case "rint":
      return rint;
    default:
      return undefined;
  }
}
