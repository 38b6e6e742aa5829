/**
 * Rounding of float64 values to the float dtypes, and their bits. Float64 arithmetic holds every element of every float dtype
 * exactly, all their products (48 bits) and, in pairs of numbers, all results of one addition, product or division.
 */
import type { DTypeName } from "../dtype.ts";

const f64 = new Float64Array(1);
const words = new Uint32Array(f64.buffer);
const f32 = new Float32Array(1);
const f32Bits = new Uint32Array(f32.buffer);

const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;
if (HIGH !== 1) throw new Error("the fast interpreter needs a little-endian machine");

/** Exponent of the leading bit of a nonzero finite float64 that is not subnormal. */
export function exponentOf(x: number): number {
  f64[0] = x;
  return (((words[HIGH] ?? 0) >>> 20) & 0x7ff) - 1023;
}

const POW2 = Float64Array.from({ length: 2046 }, (_, i) => 2 ** (i - 1022));

/** 2^e for -1022 <= e <= 1023. */
export function pow2(e: number): number {
  return POW2[e + 1022] ?? NaN;
}

/**
 * x rounded to a multiple of 2^unit, ties to even. Adding 1.5 * 2^52 units puts the sum where float64's own unit is 2^unit; needs
 * |x| <= 2^51 units.
 */
function roundToUnit(x: number, unit: number): number {
  const magic = 1.5 * pow2(52 + unit);
  return x + magic - magic;
}

/** Any float64 rounded to binary16, as a number. */
export function roundF16(x: number): number {
  const size = Math.abs(x);
  if (!(size < 65520)) return x !== x ? x : x > 0 ? Infinity : -Infinity;
  return roundToUnit(x, size < 2 ** -14 ? -24 : exponentOf(x) - 10);
}

/** Any float64 rounded to bfloat16, as a number. */
export function roundBf16(x: number): number {
  const size = Math.abs(x);
  // 2^128 - 2^119 is halfway between the largest bfloat16 and 2^128.
  if (!(size < 2 ** 128 - 2 ** 119)) return x !== x ? x : x > 0 ? Infinity : -Infinity;
  return roundToUnit(x, size < 2 ** -126 ? -133 : exponentOf(x) - 7);
}

export type Round = (x: number) => number;

/** The rounding r() of a float dtype on float64 values. May give -0. */
export function roundOf(name: DTypeName): Round {
  if (name === "f32") return Math.fround;
  if (name === "f16") return roundF16;
  if (name === "bf16") return roundBf16;
  throw new RangeError(`${name} is not a float dtype`);
}

/** Canonical bits of a value that is an element of the dtype. */
export function floatBits(name: DTypeName, value: number): number {
  if (value !== value) return name === "f32" ? 0x7fc00000 : name === "bf16" ? 0x7fc0 : 0x7e00;
  if (value === 0) return 0;
  if (name !== "f16") {
    f32[0] = value;
    const bits = f32Bits[0] ?? 0;
    return name === "bf16" ? bits >>> 16 : bits;
  }
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Infinity) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  const e = exponentOf(size);
  return sign + ((e + 14) << 10) + size * pow2(10 - e);
}

/** The value of an element's bits; -0 becomes +0. */
export function floatValue(name: DTypeName, bits: number): number {
  if (name !== "f16") {
    f32Bits[0] = name === "bf16" ? bits << 16 : bits;
    return (f32[0] ?? 0) + 0;
  }
  const size = bits & 0x7fff;
  let value: number;
  if (size > 0x7c00) return NaN;
  if (size === 0x7c00) value = Infinity;
  else if (size < 0x400) value = size * 2 ** -24;
  else value = ((size & 0x3ff) + 1024) * pow2((size >> 10) - 25);
  return bits & 0x8000 ? -value + 0 : value;
}

/**
 * high + low rounded to odd, for |low| at most half a unit of high: the float64 neighbour with an odd last bit unless the sum is
 * a float64. Rounding that on to p <= 51 bits equals rounding the sum (Boldo and Melquiond, "Emulation of FMA and correctly
 * rounded sums: proved algorithms using rounding to odd", 2008). Both in the normal range.
 */
export function toOdd(high: number, low: number): number {
  if (low === 0 || high === 0 || !Number.isFinite(high)) return high;
  f64[0] = high;
  const last = words[1 - HIGH] ?? 0;
  if (last & 1) return high;
  // Even: one step toward low makes it odd. Stepping away from zero cannot carry; toward zero may borrow.
  if (low > 0 === high > 0) words[1 - HIGH] = last + 1;
  else {
    if (last === 0) words[HIGH] = (words[HIGH] ?? 0) - 1;
    words[1 - HIGH] = last - 1;
  }
  return f64[0];
}

/** a + b rounded to odd, exact operands (Knuth's two-sum). */
export function addOdd(a: number, b: number): number {
  const s = a + b;
  if (!Number.isFinite(s)) return s;
  const t = s - a;
  return toOdd(s, a - (s - t) + (b - t));
}

const SPLIT = 2 ** 27 + 1;

/** The exact error of the product p = a * b, |a|, |b| < 2^900, p = 0 or |p| > 2^-900 (Veltkamp and Dekker). */
export function productError(a: number, b: number, p: number): number {
  let t = SPLIT * a;
  const a1 = t - (t - a);
  const a2 = a - a1;
  t = SPLIT * b;
  const b1 = t - (t - b);
  const b2 = b - b1;
  return a2 * b2 - (p - a1 * b1 - a2 * b1 - a1 * b2);
}

/** a * b rounded to odd. */
export function mulOdd(a: number, b: number): number {
  const p = a * b;
  return Number.isFinite(p) ? toOdd(p, productError(a, b, p)) : p;
}

/** a / b rounded to odd: the remainder a - q*b is a float64 and tells on which side of q the quotient lies. */
export function divOdd(a: number, b: number): number {
  const q = a / b;
  if (!Number.isFinite(q) || !Number.isFinite(b)) return q;
  const p = q * b;
  const rest = a - p - productError(q, b, p);
  return toOdd(q, b > 0 ? rest : -rest);
}
