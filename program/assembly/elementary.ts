/**
 * Elementary functions of binary32 numbers: float64 approximations with the error bounds proven in program/src/fast/approximate.ts, whose formulas these are, and the
 * decision which of them are known well enough to be rounded.
 */

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

function exp(tables: usize, argument: f64): f64 {
  // NaN stays what it is.
  const x = argument > FAR ? FAR : argument < -FAR ? -FAR : argument;
  const k = nearest(x * load<f64>(tables, INVERSE_STEP));
  const r = x - k * load<f64>(tables, STEP_HIGH) - k * load<f64>(tables, STEP_LOW);
  const square = r * r;
  const p =
    r + square * (0.5 + r * (1.0 / 6.0) + square * (1.0 / 24.0 + r * (1.0 / 120.0) + square * (1.0 / 720.0)));
  const n = <i32>k;
  const root = load<f64>(tables + ((<usize>(n & 63)) << 3), ROOTS);
  return (root + root * p) * reinterpret<f64>((<i64>((n >> 6) + 1023)) << 52);
}

/** By Horner's rule with rounded reciprocals: three roundings a step, of what the next step shrinks by x/2 or more, still below 4 u. */
function expm1(tables: usize, x: f64): f64 {
  if (abs(x) > 0.25) return exp(tables, x) - 1.0;
  let sum = 1.0 + x * (1.0 / 13.0);
  sum = 1.0 + x * (1.0 / 12.0) * sum;
  sum = 1.0 + x * (1.0 / 11.0) * sum;
  sum = 1.0 + x * (1.0 / 10.0) * sum;
  sum = 1.0 + x * (1.0 / 9.0) * sum;
  sum = 1.0 + x * (1.0 / 8.0) * sum;
  sum = 1.0 + x * (1.0 / 7.0) * sum;
  sum = 1.0 + x * (1.0 / 6.0) * sum;
  sum = 1.0 + x * (1.0 / 5.0) * sum;
  sum = 1.0 + x * (1.0 / 4.0) * sum;
  sum = 1.0 + x * (1.0 / 3.0) * sum;
  sum = 1.0 + x * 0.5 * sum;
  return x * sum;
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

function tanh(tables: usize, x: f64): f64 {
  const size = abs(x);
  if (!(size < 20)) return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
  const t = expm1(tables, 2.0 * size);
  return copysign(t / (t + 2.0), x);
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

function value(kind: i32, tables: usize, x: f64): f64 {
  switch (kind) {
    case EXP:
      return exp(tables, x);
    case EXPM1:
      return expm1(tables, x);
    case LOG:
      return log(tables, x);
    case TANH:
      return tanh(tables, x);
    case ERF:
      return erf(tables, x);
    default:
      return NaN;
  }
}

/**
 * n values of a function, rounded where they are special or every number within the bound rounds to one element; writes the positions of the others to `open`. @returns How many those are.
 */
export function elementary(kind: i32, tables: usize, out: usize, src: usize, n: i32, open: usize): i32 {
  let found = 0;
  for (let i = 0; i < n; i++) {
    const at = (<usize>i) << 2;
    const y = value(kind, tables, <f64>load<f32>(src + at));
    const low = <f32>(y - y * BOUND);
    if (low == <f32>(y + y * BOUND)) store<f32>(out + at, low + 0.0);
    else if (y != y) store<u32>(out + at, 0x7fc00000);
    else if (abs(y) == Infinity) store<f32>(out + at, <f32>y);
    else {
      store<i32>(open + ((<usize>found) << 2), i);
      found++;
    }
  }
  return found;
}
