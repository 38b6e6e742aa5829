/**
 * Enclosures of the elementary functions from their power series, at any precision w (units of 2^-w). Each series stops at a
 * term of at most one unit where the terms at least halve from then on, so the tail is at most that term.
 */
import { add, div, divInteger, exactly, mul, scale, shiftBy, sqrt, sub, type Interval } from "./interval.ts";

const constants = new Map<string, Interval>();

function cached(name: string, w: number, compute: () => Interval): Interval {
  const key = `${name}/${w}`;
  const known = constants.get(key);
  if (known !== undefined) return known;
  const value = compute();
  constants.set(key, value);
  return value;
}

function one(w: number): Interval {
  return exactly(1n << BigInt(w));
}

/** Adds 0..last to a sum: the terms that were left out. */
function withTail(sum: Interval, last: Interval): Interval {
  return { lo: sum.lo, hi: sum.hi + last.hi };
}

/** Sum of s^(2i+1) / (2i+1), 0 <= s <= 1/2. */
export function atanh(s: Interval, w: number): Interval {
  const square = mul(s, s, w);
  let power = s;
  let sum = s;
  for (let n = 3n; ; n += 2n) {
    power = mul(power, square, w);
    const term = divInteger(power, n);
    sum = add(sum, term);
    if (term.hi <= 1n) return withTail(sum, term);
  }
}

/** 2 atanh(1/3). */
export function ln2(w: number): Interval {
  return cached("ln2", w, () => scale(atanh(divInteger(one(w), 3n), w), 2n));
}

/** Alternating sums: the parts of both signs are summed apart; the tail has at most the size of the last term. */
function alternating(first: Interval, next: (term: Interval, index: bigint) => Interval): Interval {
  let plus = first;
  let minus = exactly(0n);
  let term = first;
  for (let i = 1n; ; i++) {
    term = next(term, i);
    if (i % 2n === 0n) plus = add(plus, term);
    else minus = add(minus, term);
    if (term.hi <= 1n) return sub(withTail(plus, term), withTail(minus, term));
  }
}

/** Sum of (-1)^i s^(2i+1) / (2i+1), 0 <= s <= 1/2. */
function atanSeries(s: Interval, w: number): Interval {
  const square = mul(s, s, w);
  let power = s;
  return alternating(s, (_, i) => {
    power = mul(power, square, w);
    return divInteger(power, 2n * i + 1n);
  });
}

/** Machin: 16 atan(1/5) - 4 atan(1/239). */
export function pi(w: number): Interval {
  return cached("pi", w, () => {
    const a = atanSeries(divInteger(one(w), 5n), w);
    const b = atanSeries(divInteger(one(w), 239n), w);
    return sub(scale(a, 16n), scale(b, 4n));
  });
}

/** exp of x >= 0; the result has as many bits before the point as it needs. */
export function expOf(x: Interval, w: number): Interval {
  const log2 = ln2(w);
  // Dividing by the upper end keeps the remainder's lower end at or above 0.
  const k = x.lo / log2.hi;
  const r = sub(x, scale(log2, k));
  let term = one(w);
  let sum = term;
  // From n >= 2 r on the terms halve; r is below 1 unless x is a wide interval.
  const settled = 2n * (r.hi >> BigInt(w)) + 2n;
  for (let n = 1n; ; n++) {
    term = divInteger(mul(term, r, w), n);
    sum = add(sum, term);
    if (term.hi <= 1n && n > settled) return shiftBy(withTail(sum, term), Number(k));
  }
}

/** 1 / x for x > 0. */
export function reciprocal(x: Interval, w: number): Interval {
  return div(one(w), x, w);
}

/** log(m * 2^e) for m > 0, of any sign. */
export function logOf(m: bigint, e: number, w: number): Interval {
  const bits = m.toString(2).length - 1;
  const unit = 1n << BigInt(bits);
  // m = z * 2^bits with 1 <= z < 2, and log z = 2 atanh((z - 1) / (z + 1)).
  const numerator = (m - unit) << BigInt(w);
  const denominator = m + unit;
  const s = divInteger(exactly(numerator), denominator);
  return add(scale(ln2(w), BigInt(bits + e)), scale(atanh(s, w), 2n));
}

/** atan(t), 0 <= t <= 1: the angle is halved twice first. */
export function atanOf(t: Interval, w: number): Interval {
  let s = t;
  for (let halvings = 0; halvings < 2; halvings++) {
    const hypotenuse = sqrt(add(one(w), mul(s, s, w)), w);
    s = div(s, add(one(w), hypotenuse), w);
  }
  return scale(atanSeries(s, w), 4n);
}

/** sin(r), 0 <= r < 2. */
export function sinOf(r: Interval, w: number): Interval {
  const square = mul(r, r, w);
  return alternating(r, (term, i) => divInteger(mul(term, square, w), 2n * i * (2n * i + 1n)));
}

/** cos(r), 0 <= r < 2. */
export function cosOf(r: Interval, w: number): Interval {
  const square = mul(r, r, w);
  return alternating(one(w), (term, i) => divInteger(mul(term, square, w), (2n * i - 1n) * 2n * i));
}

/** erf(x), x >= 0: 2/sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (1*3*...*(2n+1)). */
export function erfOf(x: Interval, w: number): Interval {
  const square = mul(x, x, w);
  const settled = 2n * (square.hi >> BigInt(w)) + 2n;
  let term = x;
  let sum = x;
  for (let n = 1n; ; n++) {
    term = divInteger(scale(mul(term, square, w), 2n), 2n * n + 1n);
    sum = add(sum, term);
    if (term.hi <= 1n && n > settled) break;
  }
  const total = div(scale(withTail(sum, term), 2n), sqrt(pi(w), w), w);
  return div(total, expOf(square, w), w);
}
