/**
 * Correctly rounded elementary functions on the bits of one float dtype (docs/program.md §5), right by construction: a rigorous
 * enclosure is computed with more and more bits until both its ends round to the same element (Ziv's strategy). That ends because
 * the results that are themselves representable or halfway are decided first; all others are irrational, or (pow) have too many
 * bits to be either.
 */
import type { DTypeName } from "../dtype.ts";
import type { TranscendentalBody } from "../instruction.ts";
import { ceilDiv, exactly, negate, shiftBy, sub, type Interval } from "./interval.ts";
import { power } from "./power.ts";
import { roundSqrt, roundToFloat } from "./round.ts";
import { atanOf, cosOf, erfOf, expOf, logOf, pi, reciprocal, sinOf } from "./series.ts";
import { decode, infinityBits, nanBits, type Finite } from "./value.ts";
import { roundEnclosed } from "./ziv.ts";

export type ElementaryBody = TranscendentalBody | "sqrt";
type Unary = Exclude<ElementaryBody, "sqrt" | "pow">;

/** exp and expm1 overflow or vanish beyond it in every dtype: e^256 > 2^369. */
const EXP_RANGE = 256n;
/** 1 - tanh(64) < 2^-183 and 1 - erf(64) is smaller still. */
const ONE_RANGE = 64n;

/** ±1, approached from below but nearer to it than to any other element. */
function almostOne(name: DTypeName, negative: boolean): bigint {
  return roundToFloat(name, negative, (1n << 64n) - 1n, -64, true);
}

function oneBits(name: DTypeName, negative: boolean): bigint {
  return roundToFloat(name, negative, 1n, 0, false);
}

function fixed(x: Finite, w: number): Interval {
  return shiftBy(exactly(x.m), x.e + w);
}

function one(w: number): Interval {
  return exactly(1n << BigInt(w));
}

/** Whether |x| >= bound. */
function atLeast(x: Finite, bound: bigint): boolean {
  const m = x.m < 0n ? -x.m : x.m;
  return x.e >= 0 ? m << BigInt(x.e) >= bound : m >= bound << BigInt(-x.e);
}

function absolute(x: Finite): Finite {
  return x.m < 0n ? { ...x, m: -x.m } : x;
}

/** exp of any sign. */
function encloseExp(x: Finite, w: number): Interval {
  const positive = expOf(fixed(absolute(x), w), w);
  return x.m < 0n ? reciprocal(positive, w) : positive;
}

/** tanh(x) = (E - 1) / (E + 1) with E = exp(2x), which grows with E. */
function encloseTanh(x: Finite, w: number): Interval {
  const e = expOf(fixed({ ...x, e: x.e + 1 }, w), w);
  const unit = 1n << BigInt(w);
  const shift = BigInt(w);
  return { lo: ((e.lo - unit) << shift) / (e.lo + unit), hi: ceilDiv((e.hi - unit) << shift, e.hi + unit) };
}

function encloseAtan(x: Finite, w: number): Interval {
  const t = fixed(x, w);
  if (!atLeast(x, 1n)) return atanOf(t, w);
  return sub(shiftBy(pi(w), -1), atanOf(reciprocal(t, w), w));
}

/** Quarter turns in x > 0 and the angle that remains, 0 <= r < 2. */
function reduceAngle(x: Finite, w: number): { quarters: bigint; r: Interval } {
  // pi needs as many more bits as x has before its point.
  const extra = Math.max(0, x.m.toString(2).length + x.e) + 8;
  const wide = w + extra;
  const quarter = shiftBy(pi(wide), -1);
  const angle = fixed(x, wide);
  const quarters = angle.lo / quarter.hi;
  const turned = { lo: quarter.lo * quarters, hi: quarter.hi * quarters };
  return { quarters, r: shiftBy(sub(angle, turned), -extra) };
}

/** sin(x) or, a quarter turn ahead, cos(x), for x > 0. */
function encloseSin(x: Finite, ahead: bigint, w: number): Interval {
  const { quarters, r } = reduceAngle(x, w);
  const quadrant = (quarters + ahead) % 4n;
  const value = quadrant % 2n === 0n ? sinOf(r, w) : cosOf(r, w);
  return quadrant < 2n ? value : negate(value);
}

function onePlus(x: Finite): { m: bigint; e: number } {
  return x.e >= 0 ? { m: 1n + (x.m << BigInt(x.e)), e: 0 } : { m: (1n << BigInt(-x.e)) + x.m, e: x.e };
}

/** f(-x) = -f(x). */
function odd(name: DTypeName, x: Finite, enclose: (x: Finite, w: number) => Interval): bigint {
  return roundEnclosed(name, (w) => {
    const value = enclose(absolute(x), w);
    return x.m < 0n ? negate(value) : value;
  });
}

function logarithm(name: DTypeName, m: bigint, e: number): bigint {
  if (m < 0n) return nanBits(name);
  if (m === 0n) return infinityBits(name, true);
  return roundEnclosed(name, (w) => logOf(m, e, w));
}

function unaryFinite(body: Unary, name: DTypeName, x: Finite): bigint {
  const negative = x.m < 0n;
  if (x.m === 0n && body !== "log") return body === "exp" || body === "cos" ? oneBits(name, false) : 0n;
  switch (body) {
    case "exp":
      if (atLeast(x, EXP_RANGE)) return negative ? 0n : infinityBits(name, false);
      return roundEnclosed(name, (w) => encloseExp(x, w));
    case "expm1":
      if (atLeast(x, EXP_RANGE)) return negative ? almostOne(name, true) : infinityBits(name, false);
      return roundEnclosed(name, (w) => sub(encloseExp(x, w), one(w)));
    case "log":
      return logarithm(name, x.m, x.e);
    case "log1p": {
      const { m, e } = onePlus(x);
      return logarithm(name, m, e);
    }
    case "sin":
      return odd(name, x, (v, w) => encloseSin(v, 0n, w));
    case "cos":
      return roundEnclosed(name, (w) => encloseSin(absolute(x), 1n, w));
    case "atan":
      return odd(name, x, encloseAtan);
    case "tanh":
      return atLeast(x, ONE_RANGE) ? almostOne(name, negative) : odd(name, x, encloseTanh);
    case "erf":
      if (atLeast(x, ONE_RANGE)) return almostOne(name, negative);
      return odd(name, x, (v, w) => erfOf(fixed(v, w), w));
  }
}

function unaryInfinite(body: Unary, name: DTypeName, negative: boolean): bigint {
  switch (body) {
    case "exp":
      return negative ? 0n : infinityBits(name, false);
    case "expm1":
      return negative ? oneBits(name, true) : infinityBits(name, false);
    case "log":
    case "log1p":
      return negative ? nanBits(name) : infinityBits(name, false);
    case "sin":
    case "cos":
      return nanBits(name);
    case "atan":
      return roundEnclosed(name, (w) => {
        const quarter = shiftBy(pi(w), -1);
        return negative ? negate(quarter) : quarter;
      });
    case "tanh":
    case "erf":
      return oneBits(name, negative);
  }
}

/**
 * Bits of body(a) or, for pow, body(a, b), correctly rounded.
 * @param name The float dtype of operands and result.
 * @param a Bits of an element, canonical or not; likewise `b`, which only pow takes.
 */
export function elementary(body: ElementaryBody, name: DTypeName, a: bigint, b = 0n): bigint {
  const x = decode(name, a);
  if (body === "pow") return power(name, x, decode(name, b));
  if (x.kind === "nan") return nanBits(name);
  if (body !== "sqrt")
    return x.kind === "inf" ? unaryInfinite(body, name, x.negative) : unaryFinite(body, name, x);
  if (x.kind === "inf") return x.negative ? nanBits(name) : infinityBits(name, false);
  return x.m < 0n ? nanBits(name) : roundSqrt(name, x.m, x.e);
}
