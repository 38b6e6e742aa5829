/** Fixed-point integers to and from floats in the integers: what contracts/consumers/Floats.sol is held against. */

/** A binary interchange format of IEEE 754-2019 §3.4. */
export interface FloatBits {
  /** Significant bits, the hidden one included. */
  readonly precision: number;
  readonly exponentBits: number;
}

export const FORMATS = {
  F32: { precision: 24, exponentBits: 8 },
  F16: { precision: 11, exponentBits: 5 },
  BF16: { precision: 8, exponentBits: 8 },
} as const satisfies Record<string, FloatBits>;

export type FormatName = keyof typeof FORMATS;

/** Exponent of the least positive number. */
export function leastExponent({ precision, exponentBits }: FloatBits): number {
  return 3 - 2 ** (exponentBits - 1) - precision;
}

function roundHalfEven(numerator: bigint, denominator: bigint): bigint {
  const twice = 2n * (numerator % denominator);
  const down = numerator / denominator;
  if (twice < denominator || (twice === denominator && down % 2n === 0n)) return down;
  return down + 1n;
}

/** numerator * 2^exponent / denominator, as a fraction. */
function fraction(numerator: bigint, denominator: bigint, exponent: number): readonly [bigint, bigint] {
  return exponent >= 0
    ? [numerator << BigInt(exponent), denominator]
    : [numerator, denominator << BigInt(-exponent)];
}

/**
 * Bits of the float nearest to value / 10^decimals; a zero has no sign.
 * @returns undefined where that is an infinity.
 */
export function nearestFloat(format: FloatBits, value: bigint, decimals: number): bigint | undefined {
  const { precision, exponentBits } = format;
  const stored = BigInt(precision - 1);
  const magnitude = value < 0n ? -value : value;
  const scale = 10n ** BigInt(decimals);
  const sign = value < 0n ? 1n << (stored + BigInt(exponentBits)) : 0n;
  const infinity = ((1n << BigInt(exponentBits)) - 1n) << stored;
  // Numbers grow with their bits: bisect for the largest that is not above the magnitude.
  const isAbove = (bits: bigint): boolean => {
    const [significand, exponent] = partsOf(format, bits);
    const [numerator, denominator] = fraction(significand, 1n, exponent);
    return numerator * scale > magnitude * denominator;
  };
  let low = 0n;
  let high = infinity;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
  const [significand, exponent] = partsOf(format, low);
  const [numerator, denominator] = fraction(magnitude, scale, -exponent);
  const up = roundHalfEven(numerator, denominator) > significand;
  const bits = up ? low + 1n : low;
  if (bits === infinity) return undefined;
  return bits === 0n ? 0n : bits | sign;
}

/** |bits| is significand * 2^exponent; the bits are of a finite number. */
export function partsOf(format: FloatBits, bits: bigint): readonly [significand: bigint, exponent: number] {
  const stored = BigInt(format.precision - 1);
  const field = Number((bits >> stored) & ((1n << BigInt(format.exponentBits)) - 1n));
  const low = bits & ((1n << stored) - 1n);
  return field === 0
    ? [low, leastExponent(format)]
    : [low | (1n << stored), leastExponent(format) + field - 1];
}

/** The integer nearest to the float times 10^decimals. */
export function nearestFixed(format: FloatBits, bits: bigint, decimals: number): bigint {
  const isNegative = bits >> BigInt(format.precision - 1 + format.exponentBits) !== 0n;
  const [significand, exponent] = partsOf(format, bits);
  const [numerator, denominator] = fraction(significand * 10n ** BigInt(decimals), 1n, exponent);
  const magnitude = roundHalfEven(numerator, denominator);
  return isNegative ? -magnitude : magnitude;
}

export function isNan(format: FloatBits, bits: bigint): boolean {
  const infinity = ((1n << BigInt(format.exponentBits)) - 1n) << BigInt(format.precision - 1);
  return (bits & ((1n << BigInt(format.precision - 1 + format.exponentBits)) - 1n)) > infinity;
}

export function isInfinite(format: FloatBits, bits: bigint): boolean {
  const infinity = ((1n << BigInt(format.exponentBits)) - 1n) << BigInt(format.precision - 1);
  return (bits & ((1n << BigInt(format.precision - 1 + format.exponentBits)) - 1n)) === infinity;
}
