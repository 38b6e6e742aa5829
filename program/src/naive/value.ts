/**
 * Elements as exact extended reals (docs/program.md §2).
 */
import { dtype, floatFormat, type DTypeName } from "../dtype.ts";

/** A finite value is m * 2^e exactly; integers have e = 0. Zero is unsigned. */
export type Value =
  | { readonly kind: "finite"; readonly m: bigint; readonly e: number }
  | { readonly kind: "inf"; readonly negative: boolean }
  | { readonly kind: "nan" };

export type Finite = Extract<Value, { kind: "finite" }>;

export const NAN: Value = { kind: "nan" };
export const ZERO: Finite = { kind: "finite", m: 0n, e: 0 };
export const ONE: Finite = { kind: "finite", m: 1n, e: 0 };

export function infinity(negative: boolean): Value {
  return { kind: "inf", negative };
}

export function integer(m: bigint): Finite {
  return { kind: "finite", m, e: 0 };
}

/** acc: bits 0..991 hold N in units of 2^ACC_EXPONENT, the 32 bits above them the class. */
export const ACC_EXPONENT = -298;
export const ACC_BITS = 992;
const ACC_NAN = 1n;
const ACC_INFINITY = 2n;
const ACC_NEGATIVE_INFINITY = 3n;

/** Field widths of a float dtype's bits. */
export function floatFields(name: DTypeName): { fraction: number; exponentMask: number; total: number } {
  const { precision } = floatFormat(name);
  const total = dtype(name).bytes * 8;
  return { fraction: precision - 1, exponentMask: 2 ** (total - precision) - 1, total };
}

/** Bits of the one NaN. */
export function nanBits(name: DTypeName): bigint {
  const { fraction } = floatFields(name);
  return infinityBits(name, false) | (1n << BigInt(fraction - 1));
}

export function infinityBits(name: DTypeName, negative: boolean): bigint {
  const { fraction, exponentMask, total } = floatFields(name);
  const sign = negative ? 1n << BigInt(total - 1) : 0n;
  return sign | (BigInt(exponentMask) << BigInt(fraction));
}

function decodeFloat(name: DTypeName, bits: bigint): Value {
  const { fraction, exponentMask, total } = floatFields(name);
  const negative = bits >> BigInt(total - 1) === 1n;
  const biased = Number(bits >> BigInt(fraction)) & exponentMask;
  const low = BigInt.asUintN(fraction, bits);
  if (biased === exponentMask) return low === 0n ? infinity(negative) : NAN;
  const magnitude = biased === 0 ? low : low | (1n << BigInt(fraction));
  const e = floatFormat(name).minExponent - fraction + Math.max(biased, 1) - 1;
  return { kind: "finite", m: negative ? -magnitude : magnitude, e };
}

function decodeAcc(bits: bigint): Value {
  const kind = bits >> BigInt(ACC_BITS);
  if (kind === 0n) return { kind: "finite", m: BigInt.asIntN(ACC_BITS, bits), e: ACC_EXPONENT };
  if (kind === ACC_INFINITY) return infinity(false);
  if (kind === ACC_NEGATIVE_INFINITY) return infinity(true);
  return NAN;
}

/** The value of any element's bits (an unsigned number as wide as the dtype), canonicalised as loads do. */
export function decode(name: DTypeName, bits: bigint): Value {
  const d = dtype(name);
  switch (d.kind) {
    case "bool":
      return integer(bits === 0n ? 0n : 1n);
    case "uint":
      return integer(bits);
    case "int":
      return integer(BigInt.asIntN(d.bytes * 8, bits));
    case "float":
      return decodeFloat(name, bits);
    case "acc":
      return decodeAcc(bits);
  }
}

/** Canonical bits of an exact value of dtype acc; N wraps modulo 2^992. */
export function encodeAcc(value: Value): bigint {
  const top = BigInt(ACC_BITS);
  if (value.kind === "nan") return ACC_NAN << top;
  if (value.kind === "inf") return (value.negative ? ACC_NEGATIVE_INFINITY : ACC_INFINITY) << top;
  const shift = BigInt(value.e - ACC_EXPONENT);
  return BigInt.asUintN(ACC_BITS, shift >= 0n ? value.m << shift : value.m >> -shift);
}

/** Element `index` of little-endian bytes, as unsigned bits. */
export function elementBits(name: DTypeName, data: Uint8Array, index: number): bigint {
  const { bytes } = dtype(name);
  let bits = 0n;
  for (let i = bytes - 1; i >= 0; i--) bits = (bits << 8n) | BigInt(data[index * bytes + i] ?? 0);
  return bits;
}

export function setElementBits(name: DTypeName, data: Uint8Array, index: number, bits: bigint): void {
  const { bytes } = dtype(name);
  for (let i = 0; i < bytes; i++) data[index * bytes + i] = Number((bits >> BigInt(8 * i)) & 255n);
}
