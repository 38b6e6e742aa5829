/**
 * Intervals that enclose a nonnegative real, in fixed point: [lo, hi] in units of 2^-w. Every operation rounds outward, so
 * what is computed with them needs no further error analysis.
 */
import { integerSqrt } from "./round.ts";

export interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

export function exactly(value: bigint): Interval {
  return { lo: value, hi: value };
}

/** ceil(a / b) for b > 0. */
export function ceilDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return quotient * b < a ? quotient + 1n : quotient;
}

/** ceil(a / 2^bits). */
export function ceilShift(a: bigint, bits: number): bigint {
  return -(-a >> BigInt(bits));
}

export function add(a: Interval, b: Interval): Interval {
  return { lo: a.lo + b.lo, hi: a.hi + b.hi };
}

export function sub(a: Interval, b: Interval): Interval {
  return { lo: a.lo - b.hi, hi: a.hi - b.lo };
}

/** a * n for an integer n of any sign. */
export function scale(a: Interval, n: bigint): Interval {
  return n >= 0n ? { lo: a.lo * n, hi: a.hi * n } : { lo: a.hi * n, hi: a.lo * n };
}

export function negate(a: Interval): Interval {
  return { lo: -a.hi, hi: -a.lo };
}

/** a * b, both nonnegative. */
export function mul(a: Interval, b: Interval, w: number): Interval {
  return { lo: (a.lo * b.lo) >> BigInt(w), hi: ceilShift(a.hi * b.hi, w) };
}

/** a / n, a nonnegative, n > 0. */
export function divInteger(a: Interval, n: bigint): Interval {
  return { lo: a.lo / n, hi: ceilDiv(a.hi, n) };
}

/** a / b, a nonnegative, b positive. */
export function div(a: Interval, b: Interval, w: number): Interval {
  const shift = BigInt(w);
  return { lo: (a.lo << shift) / b.hi, hi: ceilDiv(a.hi << shift, b.lo) };
}

/** Square root of a nonnegative interval. */
export function sqrt(a: Interval, w: number): Interval {
  const shift = BigInt(w);
  return { lo: integerSqrt(a.lo << shift), hi: integerSqrt(a.hi << shift) + 1n };
}

/** a * 2^e, a of any sign. */
export function shiftBy(a: Interval, e: number): Interval {
  if (e >= 0) return { lo: a.lo << BigInt(e), hi: a.hi << BigInt(e) };
  return { lo: a.lo >> BigInt(-e), hi: ceilShift(a.hi, -e) };
}
