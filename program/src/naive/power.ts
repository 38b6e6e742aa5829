/**
 * pow, correctly rounded: IEEE 754-2019 §9.2 with unsigned zeros.
 */
import type { DTypeName } from "../dtype.ts";
import { negate, scale, shiftBy, type Interval } from "./interval.ts";
import { integerSqrt, roundToFloat } from "./round.ts";
import { expOf, logOf, reciprocal } from "./series.ts";
import { infinityBits, nanBits, type Finite, type Value } from "./value.ts";
import { roundEnclosed } from "./ziv.ts";

/** e^256 > 2^369: beyond it every dtype overflows or vanishes. */
const LOG_RANGE = 256n;
/** An odd number above 1 to a greater power has over 100 bits: neither an element nor halfway between two. */
const EXACT_POWER = 64n;
/** Exact powers of two are cut off here, far outside every dtype. */
const FAR = 1n << 16n;

/** m * 2^e of a nonzero number, with m odd. */
function oddPart(x: Finite): Finite {
  let { m, e } = x;
  while ((m & 1n) === 0n) {
    m >>= 1n;
    e++;
  }
  return { kind: "finite", m, e };
}

/** x^y, for positive x, if it is a dyadic rational with few enough bits to be an element or halfway between two. */
function exactPower(x: Finite, y: Finite): { m: bigint; e: bigint } | undefined {
  let { m } = x;
  let e = BigInt(x.e);
  for (let k = y.e; k < 0; k++) {
    const root = integerSqrt(m);
    if (root * root !== m || e % 2n !== 0n) return undefined;
    m = root;
    e /= 2n;
  }
  const n = y.m << BigInt(Math.max(y.e, 0));
  if (m === 1n) return { m, e: e * n };
  return n < 0n || n > EXACT_POWER ? undefined : { m: m ** n, e: e * n };
}

function clamp(e: bigint): number {
  return Number(e > FAR ? FAR : e < -FAR ? -FAR : e);
}

/** exp(y * log x), x positive; undefined while the precision does not bound it usefully. */
function enclosePower(x: Finite, y: Finite, w: number): Interval | undefined {
  const exponent = shiftBy(scale(logOf(x.m, x.e, w), y.m), y.e);
  const unit = 1n << BigInt(w);
  // Far out it is enough to stay on the far side of every element; exp(±256) does.
  const limit = LOG_RANGE * unit;
  const lo = exponent.lo > limit ? limit : exponent.lo < -limit ? -limit : exponent.lo;
  const hi = exponent.hi > limit ? limit : exponent.hi < -limit ? -limit : exponent.hi;
  if (hi - lo > unit || (lo < 0n && hi > 0n)) return undefined;
  return lo >= 0n ? expOf({ lo, hi }, w) : reciprocal(expOf(negate({ lo, hi }), w), w);
}

/** |a|^b for finite a other than 0 and ±1, finite b other than 0. */
function magnitude(name: DTypeName, negative: boolean, a: Finite, b: Finite): bigint {
  const x = oddPart({ ...a, m: a.m < 0n ? -a.m : a.m });
  const y = oddPart(b);
  const exact = exactPower(x, y);
  if (exact !== undefined) return roundToFloat(name, negative, exact.m, clamp(exact.e), false);
  return roundEnclosed(name, (w) => {
    const found = enclosePower(x, y, w);
    return negative && found !== undefined ? negate(found) : found;
  });
}

/** |a| compared with 1: -1, 0 or 1. */
function compareWithOne(a: Value): number {
  if (a.kind !== "finite") return 1;
  const m = a.m < 0n ? -a.m : a.m;
  const difference = a.e >= 0 ? (m << BigInt(a.e)) - 1n : m - (1n << BigInt(-a.e));
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/** Bits of a^b. */
export function power(name: DTypeName, a: Value, b: Value): bigint {
  const one = roundToFloat(name, false, 1n, 0, false);
  const aNegative = a.kind === "inf" ? a.negative : a.kind === "finite" && a.m < 0n;
  const size = compareWithOne(a);
  if (b.kind === "finite" && b.m === 0n) return one;
  if (a.kind === "finite" && size === 0 && !aNegative) return one;
  if (a.kind === "nan" || b.kind === "nan") return nanBits(name);
  if (b.kind === "inf") {
    if (size === 0) return one;
    return size > 0 === b.negative ? 0n : infinityBits(name, false);
  }
  const y = oddPart(b);
  const negative = aNegative && y.e === 0;
  if (a.kind === "inf") return b.m < 0n ? 0n : infinityBits(name, negative);
  if (a.m === 0n) return b.m < 0n ? infinityBits(name, false) : 0n;
  if (aNegative && y.e < 0) return nanBits(name);
  if (size === 0) return roundToFloat(name, negative, 1n, 0, false);
  return magnitude(name, negative, a, b);
}
