/**
 * Elementary functions of binary32 numbers: float64 approximations with the error bounds proven in program/src/fast/approximate.ts, whose formulas these are, and the
 * decision which of them are known well enough to be rounded. Where multiplications and additions are fused, one rounding less leaves the bounds as they are.
 */

import { demote, multiplyAdd } from "./vectors";

/** Functions (program/src/fast/pointwise.ts has the same). */
const EXP = 0;
const EXPM1 = 1;
const LOG = 2;
const TANH = 3;
const ERF = 4;

/** Float64 numbers at the start of `tables`, then 2^(j/64) for j < 64, then erf's Taylor coefficients. */
const INVERSE_STEP = 0;
const STEP_HIGH = 8;
const STEP_LOW = 16;
const LN2 = 24;
const TWO_OVER_SQRT_PI = 32;
const ROOTS = 64;
const ERF_COEFFICIENTS = ROOTS + 64 * 8;
const ERF_TERMS = 12;

/** e^256 > 2^369: beyond, binary32 overflows or vanishes. */
const FAR: f64 = 300;

/** Relative. */
const BOUND: f64 = 1.0 / 17592186044416.0;

/** Added to a float64 number below 2^51 in size, it rounds it to an integer and leaves that in the low bits. */
const ROUND: f64 = 6755399441055744.0;

/** Of two numbers, like all that have vectors here. */
function exp(tables: usize, argument: v128): v128 {
  // pmin(a, b) is b < a ? b : a, pmax(a, b) is a < b ? b : a: NaN stays what it is.
  const x = f64x2.pmax(f64x2.pmin(argument, f64x2.splat(FAR)), f64x2.splat(-FAR));
  const rounded = multiplyAdd(x, v128.load_splat<u64>(tables, INVERSE_STEP), f64x2.splat(ROUND));
  const minusK = f64x2.sub(f64x2.splat(ROUND), rounded);
  const r = multiplyAdd(
    minusK,
    v128.load_splat<u64>(tables, STEP_LOW),
    multiplyAdd(minusK, v128.load_splat<u64>(tables, STEP_HIGH), x),
  );
  const square = f64x2.mul(r, r);
  const first = multiplyAdd(r, f64x2.splat(1.0 / 6.0), f64x2.splat(1.0 / 2.0));
  const second = multiplyAdd(r, f64x2.splat(1.0 / 120.0), f64x2.splat(1.0 / 24.0));
  const third = multiplyAdd(square, f64x2.splat(1.0 / 720.0), second);
  const p = multiplyAdd(square, multiplyAdd(square, third, first), r);
  // k = 64 q + j: 2^q is added to the exponent of 2^(j/64), whatever is above the low bits is shifted out.
  const low = i64x2.extract_lane(rounded, 0);
  const high = i64x2.extract_lane(rounded, 1);
  const roots = i64x2.replace_lane(
    i64x2.splat(load<i64>(tables + ((<usize>(low & 63)) << 3), ROOTS)),
    1,
    load<i64>(tables + ((<usize>(high & 63)) << 3), ROOTS),
  );
  const scale = i64x2.add(roots, i64x2.shl(v128.and(rounded, i64x2.splat(~63)), 46));
  return multiplyAdd(scale, p, scale);
}

/** A step of Horner's rule: 1 + x * factor * sum. */
function horner(x: v128, factor: f64, sum: v128): v128 {
  return multiplyAdd(f64x2.mul(x, f64x2.splat(factor)), sum, f64x2.splat(1));
}

/** By Horner's rule with rounded reciprocals: three roundings a step, of what the next step shrinks by x/2 or more, still below 4 u. */
function expm1(tables: usize, x: v128): v128 {
  const near = f64x2.le(f64x2.abs(x), f64x2.splat(0.25));
  const far = f64x2.sub(exp(tables, x), f64x2.splat(1));
  if (!v128.any_true(near)) return far;
  let sum = multiplyAdd(x, f64x2.splat(1.0 / 13.0), f64x2.splat(1));
  sum = horner(x, 1.0 / 12.0, sum);
  sum = horner(x, 1.0 / 11.0, sum);
  sum = horner(x, 1.0 / 10.0, sum);
  sum = horner(x, 1.0 / 9.0, sum);
  sum = horner(x, 1.0 / 8.0, sum);
  sum = horner(x, 1.0 / 7.0, sum);
  sum = horner(x, 1.0 / 6.0, sum);
  sum = horner(x, 1.0 / 5.0, sum);
  sum = horner(x, 1.0 / 4.0, sum);
  sum = horner(x, 1.0 / 3.0, sum);
  sum = horner(x, 1.0 / 2.0, sum);
  return v128.bitselect(f64x2.mul(x, sum), far, near);
}

/** Of binary32 numbers, which are all normal in float64. */
function log(tables: usize, x: f64): f64 {
  if (!(x > 0 && x < Infinity)) return x == 0 ? -Infinity : x > 0 ? x : NaN;
  const bits = reinterpret<i64>(x);
  let k = <f64>(<i32>(bits >> 52) - 1023);
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m /= 2.0;
    k += 1.0;
  }
  const f = m - 1.0;
  const s = f / (2.0 + f);
  const z = s * s;
  const even =
    z *
    (1.0 / 3.0 + z * z * (1.0 / 7.0 + z * z * (1.0 / 11.0 + z * z * (1.0 / 15.0 + z * z * (1.0 / 19.0)))));
  const odd =
    z *
    z *
    (1.0 / 5.0 + z * z * (1.0 / 9.0 + z * z * (1.0 / 13.0 + z * z * (1.0 / 17.0 + z * z * (1.0 / 21.0)))));
  return k * load<f64>(tables, LN2) + (2.0 * s + 2.0 * s * (even + odd));
}

/** From 20 on t/(t+2) is within 2^-56 of 1. */
function tanh(tables: usize, x: v128): v128 {
  const t = expm1(tables, f64x2.mul(f64x2.abs(x), f64x2.splat(2)));
  const sign = v128.and(x, f64x2.splat(-0.0));
  return v128.or(f64x2.div(t, f64x2.add(t, f64x2.splat(2))), sign);
}

function erf(tables: usize, x: f64): f64 {
  const size = abs(x);
  if (size <= 0.0625) {
    const z = x * x;
    const sum =
      1.0 - z * (1.0 / 3.0 - z * (1.0 / 10.0 - z * (1.0 / 42.0 - z * (1.0 / 216.0 - z * (1.0 / 1320.0)))));
    return load<f64>(tables, TWO_OVER_SQRT_PI) * x * sum;
  }
  if (!(size < 4)) return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
  const j = nearest(size * 8.0);
  const h = size - j / 8.0;
  const at = tables + <usize>(<i32>j) * (ERF_TERMS * 8) + ERF_COEFFICIENTS;
  // Estrin's scheme: the terms fall by a factor of 4 or more and each is rounded at most seven times, so the sum errs by below 10 u.
  const q = h * h;
  const a = load<f64>(at) + load<f64>(at, 8) * h + (load<f64>(at, 16) + load<f64>(at, 24) * h) * q;
  const b = load<f64>(at, 32) + load<f64>(at, 40) * h + (load<f64>(at, 48) + load<f64>(at, 56) * h) * q;
  const c = load<f64>(at, 64) + load<f64>(at, 72) * h + (load<f64>(at, 80) + load<f64>(at, 88) * h) * q;
  const value = a + (b + c * (q * q)) * (q * q);
  return copysign(value, x);
}

function value(kind: i32, tables: usize, x: v128): v128 {
  const low = f64x2.extract_lane(x, 0);
  const high = f64x2.extract_lane(x, 1);
  switch (kind) {
    case EXP:
      return exp(tables, x);
    case EXPM1:
      return expm1(tables, x);
    case LOG:
      return f64x2.replace_lane(f64x2.splat(log(tables, low)), 1, log(tables, high));
    case TANH:
      return tanh(tables, x);
    case ERF:
      return f64x2.replace_lane(f64x2.splat(erf(tables, low)), 1, erf(tables, high));
    default:
      return f64x2.splat(NaN);
  }
}

/**
 * n values of a function, rounded where they are special or every number within the bound rounds to one element; writes the positions of
 * the others to `open`. Reads and writes up to three lanes behind their end. @returns How many those are.
 */
export function elementary(kind: i32, tables: usize, out: usize, src: usize, n: i32, open: usize): i32 {
  const bound = f64x2.splat(BOUND);
  let found = 0;
  for (let i = 0; i < n; i += 4) {
    const at = (<usize>i) << 2;
    const x = v128.load(src + at);
    const y = value(kind, tables, f64x2.promote_low_f32x4(x));
    const z = value(kind, tables, f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1)));
    const dy = f64x2.mul(y, bound);
    const dz = f64x2.mul(z, bound);
    const below = demote(f64x2.sub(y, dy), f64x2.sub(z, dz));
    const above = demote(f64x2.add(y, dy), f64x2.add(z, dz));
    const sure = f32x4.eq(below, above);
    if (i32x4.all_true(sure)) {
      v128.store(out + at, f32x4.add(below, f32x4.splat(0)));
      continue;
    }
    // NaN where the value is NaN or infinite; then the other end is the value.
    const finite = f32x4.eq(below, below);
    const special = v128.bitselect(above, i32x4.splat(0x7fc00000), f32x4.eq(above, above));
    v128.store(out + at, v128.bitselect(f32x4.add(below, f32x4.splat(0)), special, finite));
    const unsure = i32x4.bitmask(v128.andnot(finite, sure));
    for (let lane = 0; lane < 4 && i + lane < n; lane++) {
      if (!((unsure >> lane) & 1)) continue;
      store<i32>(open + ((<usize>found) << 2), i + lane);
      found++;
    }
  }
  return found;
}
