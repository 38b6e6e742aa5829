/**
 * Element types of exact tensor programs. The codes are part of the program encoding (docs/program.md §2).
 */

export interface DType {
  readonly name: DTypeName;
  readonly code: number;
  /** Bytes of one element; tensors hold elements little-endian, without padding. */
  readonly bytes: number;
  readonly kind: "bool" | "uint" | "int" | "float" | "acc";
}

export type DTypeName =
  "bool" | "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64" | "f16" | "bf16" | "f32" | "acc";

/** acc is the exact sum of products of floats: 124 bytes two's complement in units of 2^-298, then a class word. */
export const DTYPES: readonly DType[] = [
  { name: "bool", code: 1, bytes: 1, kind: "bool" },
  { name: "u8", code: 2, bytes: 1, kind: "uint" },
  { name: "i8", code: 3, bytes: 1, kind: "int" },
  { name: "u16", code: 4, bytes: 2, kind: "uint" },
  { name: "i16", code: 5, bytes: 2, kind: "int" },
  { name: "u32", code: 6, bytes: 4, kind: "uint" },
  { name: "i32", code: 7, bytes: 4, kind: "int" },
  { name: "u64", code: 8, bytes: 8, kind: "uint" },
  { name: "i64", code: 9, bytes: 8, kind: "int" },
  { name: "f16", code: 10, bytes: 2, kind: "float" },
  { name: "bf16", code: 11, bytes: 2, kind: "float" },
  { name: "f32", code: 12, bytes: 4, kind: "float" },
  { name: "acc", code: 13, bytes: 128, kind: "acc" },
];

const byName = new Map(DTYPES.map((d) => [d.name, d]));
const byCode = new Map(DTYPES.map((d) => [d.code, d]));

export function dtype(name: DTypeName): DType {
  const found = byName.get(name);
  if (found === undefined) throw new RangeError(`unknown dtype ${name}`);
  return found;
}

/** @returns undefined for a code that no dtype has. */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code);
}

export function isFloat(name: DTypeName): boolean {
  return dtype(name).kind === "float";
}

/** bool counts as an integer type with the values 0 and 1. */
export function isInteger(name: DTypeName): boolean {
  const kind = dtype(name).kind;
  return kind === "int" || kind === "uint" || kind === "bool";
}

/** Smallest and largest value of an integer dtype. */
export function integerRange(name: DTypeName): readonly [min: bigint, max: bigint] {
  const d = dtype(name);
  if (d.kind === "bool") return [0n, 1n];
  const bits = BigInt(d.bytes * 8);
  if (d.kind === "uint") return [0n, (1n << bits) - 1n];
  if (d.kind === "int") return [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
  throw new RangeError(`${name} is not an integer dtype`);
}

/** Precision (significant bits) and exponent range of the binary floating-point dtypes (IEEE 754-2019 §3). */
export interface FloatFormat {
  readonly precision: number;
  /** Exponent of the smallest normal number. */
  readonly minExponent: number;
  /** Exponent of the largest finite number. */
  readonly maxExponent: number;
}

export function floatFormat(name: DTypeName): FloatFormat {
  switch (name) {
    case "f32":
      return { precision: 24, minExponent: -126, maxExponent: 127 };
    case "f16":
      return { precision: 11, minExponent: -14, maxExponent: 15 };
    case "bf16":
      return { precision: 8, minExponent: -126, maxExponent: 127 };
    default:
      throw new RangeError(`${name} is not a float dtype`);
  }
}

/** Bytes of a blob of these tensors. */
export function blobBytes(
  tensors: readonly { readonly dtype: DTypeName; readonly elements: number }[],
): number {
  return tensors.reduce((sum, { dtype: name, elements }) => sum + elements * dtype(name).bytes, 0);
}
