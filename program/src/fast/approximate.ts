/**
 * Float64 approximations of the elementary functions with proven relative error bounds. Arguments are elements of float dtypes: at most 24
 * bits, multiples of 2^-149. u = 2^-53 throughout; each float64 operation errs by at most u of its result, and constants are rounded to u.
 */
import {
  arctangents,
  ERF_TERMS,
  erfCoefficients,
  LN2,
  P,
  PI,
  powersOfTwo,
  splitBits,
  toNumber,
  TWO_OVER_PI,
  TWO_OVER_SQRT_PI,
} from "./constants.ts";
import { exponentOf, pow2 } from "./float.ts";

const ROOTS = powersOfTwo();
const INVERSE_STEP = 64 / toNumber(LN2);
const [STEP_HIGH, stepRest] = splitBits(LN2 >> 6n, 32);
const STEP_LOW = toNumber(stepRest);
const LN2_NUMBER = toNumber(LN2);

/** e^256 > 2^369: beyond, every dtype overflows or vanishes. */
const FAR = 300;

/**
 * exp(x), any float64 x but cut off at +-300; relative error below 2^-49. x = k ln2/64 + r, |r| < 0.0055: k has at most 15 bits, so k * STEP_HIGH is exact, as is
 * its difference from x up to u |x| <= 2^-45 where x has more than 24 bits (pow adds that to its own bound; else exact). r errs by
 * u (|r| + 2^-17) absolute. The polynomial stops at r^6/720: the rest is below r^7/5040 < 2^-64. Sum, root and product: below 6 u.
 */
export function exp(argument: number): number {
  const x = Math.max(-FAR, Math.min(FAR, argument));
  const k = Math.round(x * INVERSE_STEP);
  const r = x - k * STEP_HIGH - k * STEP_LOW;
  const square = r * r;
  const p = r + square * (0.5 + r * (1 / 6) + square * (1 / 24 + r * (1 / 120) + square * (1 / 720)));
  const root = ROOTS[k & 63] ?? 0;
  return (root + root * p) * pow2(k >> 6);
}

/**
 * expm1(x), cut off like exp; relative error below 2^-46. Up to 1/4 by Taylor's series to x^13/13!: the rest is below 2^-62, Horner's
 * rule errs by at most 4 u as each step shrinks what came before by x/2 or more. Beyond, exp(x) - 1 magnifies the error of exp by
 * at most 4.6.
 */
export function expm1(x: number): number {
  if (Math.abs(x) > 0.25) return exp(x) - 1;
  let sum = 1;
  for (let n = 13; n >= 2; n--) sum = 1 + (x * sum) / n;
  return x * sum;
}

/**
 * log(x), x any normal float64 or special; relative error below 2^-47. x = m 2^k, sqrt(1/2) <= m <= sqrt(2), s = (m-1)/(m+1), |s| < 0.1716: m - 1 is exact,
 * log m = 2 atanh s to s^21/21 with a rest below 2^-55 of it, error below 6 u. With k != 0 the sum is at least 0.34 in size and at
 * least a third of either part.
 */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  let k = exponentOf(x);
  let m = x * pow2(-k);
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const even = z * (1 / 3 + z * z * (1 / 7 + z * z * (1 / 11 + z * z * (1 / 15 + z * z * (1 / 19)))));
  const odd = z * z * (1 / 5 + z * z * (1 / 9 + z * z * (1 / 13 + z * z * (1 / 17 + z * z * (1 / 21)))));
  return k * LN2_NUMBER + (2 * s + 2 * s * (even + odd));
}

/**
 * log1p(x); relative error below 2^-46. From 2^-28 on 1 + x is exact (24 bits from at most 2^-51) or, beyond 2^28, off by u, which moves
 * the logarithm of over 19 by u. Below, x - x^2/2 + x^3/3 leaves out x^4/4 < 2^-86 x.
 */
export function log1p(x: number): number {
  if (Math.abs(x) >= 2 ** -28) return log(1 + x);
  return x * (1 - x * (0.5 - x * (1 / 3)));
}

const HALF_PI = PI >> 1n;
const [TURN_1, turnRest] = splitBits(HALF_PI, 33);
const [TURN_2, turnEnd] = splitBits(turnRest, 33);
const TURN_3 = toNumber(turnEnd);
const TWO_OVER_PI_NUMBER = toNumber(TWO_OVER_PI);
const HALF_PI_NUMBER = toNumber(HALF_PI);
const NEAR = 8192;

/** Whole quarter turns that the last reduction took away. */
let quarters = 0;

/**
 * x minus whole quarter turns; relative error below 2^-51.
 *
 * |x| <= NEAR: k <= 13 bits. x - k TURN_1 is exact: a multiple of 2^-32 below 2 (x >= pi/4 is a multiple of 2^-24 if k is not 0). k TURN_2 is exact; e holds the
 * error of subtracting it and k TURN_3, about 2^-53; both roundings and what TURN_3 lacks are below 2^-104, so for |r| >= 2^-52 relative below
 * u + 2^-52. No binary32 number up to NEAR is that close to a multiple of pi/2: a nonzero x = M 2^j has |x - k pi/2| = k |x/k - pi/2|
 * where pi/2 would need a partial quotient of over 2^15; smaller angles (should there be any) take the other way.
 *
 * Otherwise exactly: x * 2/pi in units of 2^-P with 24 bits times a constant cut at 2^-384: even x near 2^128 leaves 2^-230.
 */
function reduce(x: number): number {
  if (Math.abs(x) <= NEAR) {
    const k = Math.round(x * TWO_OVER_PI_NUMBER);
    if (k === 0) {
      quarters = 0;
      return x;
    }
    const t = x - k * TURN_1;
    const y = k * TURN_2;
    const s = t - y;
    const v = s - t;
    const r = s + (t - (s - v) + (-y - v) - k * TURN_3);
    quarters = k & 3;
    if (Math.abs(r) >= 2 ** -52) return r;
  }
  const e = exponentOf(x) - 23;
  const turns = BigInt(x * pow2(-e)) * TWO_OVER_PI;
  const fixed = e >= 0 ? turns << BigInt(e) : turns >> BigInt(-e);
  const k = (fixed + (1n << (P - 1n))) >> P;
  quarters = Number(k & 3n);
  return toNumber(fixed - (k << P)) * HALF_PI_NUMBER;
}

/** sin on [-0.79, 0.79] by Taylor's series to r^17/17!: the rest is below 2^-62, Horner's rule errs by below 3 u. */
function sinSmall(r: number): number {
  const z = r * r;
  let sum = 1;
  for (let n = 16; n >= 2; n -= 2) sum = 1 - (z * sum) / (n * (n + 1));
  return r * sum;
}

/** cos on [-0.79, 0.79] to r^18/18!: the rest is below 2^-66; the result is at least 0.7. */
function cosSmall(r: number): number {
  const z = r * r;
  let sum = 1;
  for (let n = 17; n >= 1; n -= 2) sum = 1 - (z * sum) / (n * (n + 1));
  return sum;
}

/** Value in the given quarter turn; relative error below 2^-48, as neither function magnifies that of its angle. */
function turned(r: number, quarter: number): number {
  const value = quarter & 1 ? cosSmall(r) : sinSmall(r);
  return quarter & 2 ? -value : value;
}

/** sin(x); relative error below 2^-48. */
export function sin(x: number): number {
  if (!Number.isFinite(x)) return NaN;
  const r = reduce(x);
  return turned(r, quarters);
}

/** cos(x); relative error below 2^-48. */
export function cos(x: number): number {
  if (!Number.isFinite(x)) return NaN;
  const r = reduce(x);
  return turned(r, quarters + 1);
}

const ARCTANGENTS = arctangents();

/**
 * atan(x); relative error below 2^-48. For t in 0..1, c = j/16 nearest: atan t = atan c + atan((t - c) / (1 + t c)), whose second
 * part is below 1/32 (t - c and t c exact unless t = 1/x; u otherwise): to d^13/13, rest below 2^-70. The parts cancel to no less than a
 * third of either. Above 1: pi/2 - atan(1/x) >= pi/4.
 */
export function atan(x: number): number {
  const size = Math.abs(x);
  const t = size > 1 ? 1 / size : size;
  const j = Math.round(t * 16);
  const c = j / 16;
  const d = j === 0 ? t : (t - c) / (1 + t * c);
  const z = d * d;
  const tail = z * (1 / 3 - z * (1 / 5 - z * (1 / 7 - z * (1 / 9 - z * (1 / 11 - z * (1 / 13))))));
  const small = (ARCTANGENTS[j] ?? 0) + (d - d * tail);
  const value = size > 1 ? HALF_PI_NUMBER - small : small;
  return x < 0 ? -value : value;
}

/** tanh(x); relative error below 2^-45: t/(t+2) with t = expm1(2x) does not magnify. From 20 on 1 is nearer than 2^-50. */
export function tanh(x: number): number {
  if (!(Math.abs(x) < 20)) return Math.sign(x);
  const t = expm1(2 * Math.abs(x));
  return x < 0 ? -t / (t + 2) : t / (t + 2);
}

const ERF = erfCoefficients();

/**
 * erf(x); relative error below 2^-48. Up to 1/16 by Maclaurin's series to x^11: the rest is below 2^-61. Else Taylor's at j/8, |h| <= 1/16, 12 terms: by
 * Cramer's bound |H_n| <= 1.09 sqrt(2^n n!) e^(c^2/2) the rest is below 2^-58, the result above 0.07; terms fall by a factor of 4 or
 * more, so Horner's rule errs by below 4 u. From 4 on it gives 1: erfc(4) < 2^-25.9 is less than half a unit below 1 in every dtype.
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size <= 1 / 16) {
    const z = x * x;
    const sum = 1 - z * (1 / 3 - z * (1 / 10 - z * (1 / 42 - z * (1 / 216 - z * (1 / 1320)))));
    return TWO_OVER_SQRT_PI * x * sum;
  }
  if (!(size < 4)) return Math.sign(x);
  const j = Math.round(size * 8);
  const h = size - j / 8;
  let at = (j + 1) * ERF_TERMS;
  let value = 0;
  for (let n = 0; n < ERF_TERMS; n++) value = value * h + (ERF[--at] ?? 0);
  return x < 0 ? -value : value;
}

/** What the same formulas in WebAssembly need (program/assembly/elementary.ts says in which order). */
export function kernelTables(): Float64Array {
  const numbers = [INVERSE_STEP, STEP_HIGH, STEP_LOW, LN2_NUMBER, TWO_OVER_SQRT_PI, 0, 0, 0];
  return Float64Array.from([...numbers, ...ROOTS, ...ERF]);
}
