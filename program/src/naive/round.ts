/**
 * Correct rounding of exact reals to the float dtypes: to nearest, ties to even; zero is +0, overflow an infinity.
 */
import { floatFormat, type DTypeName } from "../dtype.ts";
import { floatFields, infinityBits } from "./value.ts";

export function bitLength(magnitude: bigint): number {
  return magnitude === 0n ? 0 : magnitude.toString(2).length;
}

/** Largest integer whose square is at most n >= 0. */
export function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((bitLength(n) + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/**
 * Bits of ±(magnitude + s) * 2^exponent rounded to a float dtype, where s is 0, or with `sticky` somewhere strictly
 * between 0 and 1.
 * @throws RangeError if `sticky` leaves the rounding open, i.e. 2^exponent exceeds half a unit of the result.
 */
export function roundToFloat(
  name: DTypeName,
  negative: boolean,
  magnitude: bigint,
  exponent: number,
  sticky: boolean,
): bigint {
  if (magnitude === 0n && !sticky) return 0n;
  const { precision, minExponent, maxExponent } = floatFormat(name);
  const { fraction, total } = floatFields(name);
  const leading = bitLength(magnitude) - 1 + exponent;
  // The unit in the last place of the result, 2^unit: fixed below the normal range.
  const unit = Math.max(leading, minExponent) - precision + 1;
  const drop = unit - exponent;
  if (sticky && drop < 1) throw new RangeError(`2^${exponent} is too coarse to round to ${name}`);
  let units: bigint;
  if (drop <= 0) units = magnitude << BigInt(-drop);
  else {
    units = magnitude >> BigInt(drop);
    const rest = BigInt.asUintN(drop, magnitude);
    const half = 1n << BigInt(drop - 1);
    if (rest > half || (rest === half && (sticky || (units & 1n) === 1n))) units++;
  }
  if (units === 0n) return 0n;
  if (bitLength(units) - 1 + unit > maxExponent) return infinityBits(name, negative);
  const sign = negative ? 1n << BigInt(total - 1) : 0n;
  // With the implicit bit added into the exponent field, a carry out of the fraction raises the exponent by itself.
  const field = BigInt(Math.max(leading, minExponent) - minExponent);
  return sign | ((field << BigInt(fraction)) + units);
}

/** Bits of numerator / denominator (denominator not 0), rounded. */
export function roundRational(name: DTypeName, numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const shift = Math.max(0, floatFormat(name).precision + 2 - (bitLength(n) - bitLength(d)));
  const scaled = n << BigInt(shift);
  return roundToFloat(name, negative, scaled / d, -shift, scaled % d !== 0n);
}

/** Bits of sqrt(magnitude * 2^exponent), rounded. */
export function roundSqrt(name: DTypeName, magnitude: bigint, exponent: number): bigint {
  let shift = Math.max(0, 2 * (floatFormat(name).precision + 2) - bitLength(magnitude));
  if ((exponent - shift) % 2 !== 0) shift++;
  const scaled = magnitude << BigInt(shift);
  const root = integerSqrt(scaled);
  return roundToFloat(name, false, root, (exponent - shift) / 2, root * root !== scaled);
}

/** m * 2^e rounded to the nearest integer, ties to even. */
export function roundHalfEven(m: bigint, e: number): bigint {
  if (e >= 0) return m << BigInt(e);
  const drop = BigInt(-e);
  const floor = m >> drop;
  const rest = m - (floor << drop);
  const half = 1n << (drop - 1n);
  return rest > half || (rest === half && (floor & 1n) === 1n) ? floor + 1n : floor;
}
