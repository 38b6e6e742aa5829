/**
 * Tensors whose elements are known before the model runs.
 */
import { dtype, floatFormat, integerRange, type DTypeName } from "../dtype.ts";

/** A constant: row-major, elements little-endian and canonical (docs/program.md §2). */
export interface HostTensor {
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** Of elements of a narrower ONNX type that are kept in this dtype, one per byte. */
  readonly bits?: NarrowBits | undefined;
}

/** Widths of the ONNX types INT4, UINT4, INT2, UINT2. */
export type NarrowBits = 2 | 4;

/** Makes NaNs the one NaN, negative zeros zero and bools 0 or 1, in place. `data` must be aligned to its elements. */
export function canonicalise(name: DTypeName, data: Uint8Array): Uint8Array {
  if (name === "bool") for (let i = 0; i < data.length; i++) data[i] = data[i] === 0 ? 0 : 1;
  if (name === "f32") canonicaliseFloats(new Int32Array(data.buffer, data.byteOffset, data.length / 4));
  if (name === "f16")
    canonicaliseBits(new Uint16Array(data.buffer, data.byteOffset, data.length / 2), 0x7c00, 0x7e00);
  if (name === "bf16")
    canonicaliseBits(new Uint16Array(data.buffer, data.byteOffset, data.length / 2), 0x7f80, 0x7fc0);
  return data;
}

/** Each branch is one that is seldom taken, so that processors foresee it. */
function canonicaliseFloats(words: Int32Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word === -0x80000000) words[i] = 0;
    else if ((word & 0x7fffffff) > 0x7f800000) words[i] = 0x7fc00000;
  }
}

function canonicaliseBits(words: Uint16Array, infinity: number, nan: number): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    if (word === 0x8000) words[i] = 0;
    else if ((word & 0x7fff) > infinity) words[i] = nan;
  }
}

/** The unsigned bits of element `index`. */
export function elementBits(tensor: HostTensor, index: number): bigint {
  const { bytes } = dtype(tensor.dtype);
  let bits = 0n;
  for (let i = bytes - 1; i >= 0; i--) bits = (bits << 8n) | BigInt(tensor.data[index * bytes + i] ?? 0);
  return bits;
}

/** Integer elements as bigints. */
export function integers(tensor: HostTensor): bigint[] {
  const [min] = integerRange(tensor.dtype);
  const { bytes } = dtype(tensor.dtype);
  const count = tensor.data.length / bytes;
  return Array.from({ length: count }, (_, i) => {
    const bits = elementBits(tensor, i);
    return min < 0n ? BigInt.asIntN(bytes * 8, bits) : bits;
  });
}

/** The float32 value of element `index` of an f32 tensor. */
export function float32At(tensor: HostTensor, index: number): number {
  return new DataView(tensor.data.buffer, tensor.data.byteOffset).getFloat32(index * 4, true);
}

/** Bits of a number in a dtype. Integers must be in range; floats are rounded half to even. */
export function numberBits(name: DTypeName, value: number | bigint): bigint {
  const d = dtype(name);
  if (d.kind === "float") return BigInt(floatBits(name, Number(value)));
  const integer = BigInt(value);
  const [min, max] = integerRange(name);
  if (integer < min || integer > max) throw new RangeError(`${integer} is not a ${name}`);
  return BigInt.asUintN(d.bytes * 8, integer);
}

function floatBits(name: DTypeName, value: number): number {
  const { precision, minExponent, maxExponent } = floatFormat(name);
  const unit = 2 ** (precision - 1);
  const infinity = (maxExponent - minExponent + 2) * unit;
  const sign = value < 0 ? 2 ** (dtype(name).bytes * 8 - 1) : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return infinity + unit / 2;
  if (magnitude === 0) return 0;
  if (magnitude === Infinity) return sign + infinity;
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  exponent = Math.max(exponent, minExponent);
  // Exact: a division by a power of two. A carry into the next binade is right as it stands.
  const significand = roundHalfEven(magnitude / 2 ** (exponent - precision + 1));
  const bits = Math.min((exponent - minExponent) * unit + significand, infinity);
  return bits === 0 ? 0 : sign + bits;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
