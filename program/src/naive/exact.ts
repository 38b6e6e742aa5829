/**
 * Exact arithmetic on extended reals; every NaN rule of docs/program.md §5 that needs no rounding.
 */
import { infinity, integer, NAN, ZERO, type Finite, type Value } from "./value.ts";

/** m * 2^e for both operands, over one common exponent. */
export function align(a: Finite, b: Finite): { a: bigint; b: bigint; e: number } {
  const e = Math.min(a.e, b.e);
  return { a: a.m << BigInt(a.e - e), b: b.m << BigInt(b.e - e), e };
}

export function isNegative(a: Value): boolean {
  return a.kind === "inf" ? a.negative : a.kind === "finite" && a.m < 0n;
}

export function isZero(a: Value): boolean {
  return a.kind === "finite" && a.m === 0n;
}

export function negated(a: Value): Value {
  if (a.kind === "nan") return a;
  return a.kind === "inf" ? infinity(!a.negative) : { ...a, m: -a.m };
}

export function absolute(a: Value): Value {
  return isNegative(a) ? negated(a) : a;
}

export function sum(a: Value, b: Value): Value {
  if (a.kind === "nan" || b.kind === "nan") return NAN;
  if (a.kind === "inf") return b.kind === "inf" && a.negative !== b.negative ? NAN : a;
  if (b.kind === "inf") return b;
  const both = align(a, b);
  return { kind: "finite", m: both.a + both.b, e: both.e };
}

export function product(a: Value, b: Value): Value {
  if (a.kind === "nan" || b.kind === "nan") return NAN;
  if (a.kind === "inf" || b.kind === "inf")
    return isZero(a) || isZero(b) ? NAN : infinity(isNegative(a) !== isNegative(b));
  return { kind: "finite", m: a.m * b.m, e: a.e + b.e };
}

/** Negative, 0 or positive as a is below, equal to or above b; undefined if one is NaN. */
export function compare(a: Value, b: Value): number | undefined {
  if (a.kind === "nan" || b.kind === "nan") return undefined;
  const rank = (v: Value): number => (v.kind === "inf" ? (v.negative ? -1 : 1) : 0);
  if (a.kind === "inf" || b.kind === "inf") return rank(a) - rank(b);
  const both = align(a, b);
  return both.a < both.b ? -1 : both.a > both.b ? 1 : 0;
}

/** C fmod. */
export function remainder(a: Value, b: Value): Value {
  if (a.kind !== "finite" || b.kind === "nan" || isZero(b)) return NAN;
  if (b.kind === "inf") return a;
  const both = align(a, b);
  return { kind: "finite", m: both.a % both.b, e: both.e };
}

/** Rounded to an integer by `how`, which gets m and e < 0. */
export function toInteger(a: Value, how: (m: bigint, e: number) => bigint): Value {
  if (a.kind !== "finite" || a.e >= 0) return a;
  return integer(how(a.m, a.e));
}

export function floor(m: bigint, e: number): bigint {
  return e >= 0 ? m << BigInt(e) : m >> BigInt(-e);
}

export function truncate(m: bigint, e: number): bigint {
  return m < 0n ? -floor(-m, e) : floor(m, e);
}

export function signOf(a: Value): Value {
  if (a.kind === "nan") return a;
  if (isZero(a)) return ZERO;
  return integer(isNegative(a) ? -1n : 1n);
}
