/**
 * Tensors of the fast interpreter: canonical bytes, and their values as numbers where float64 holds them exactly.
 */
import { Buffer } from "node:buffer";
import { dtype, type DTypeName } from "../dtype.ts";
import { floatBits, floatValue, roundOf } from "./float.ts";

/** Two array types only, so that the loops that read them stay fast. */
export type Values = Float32Array | Float64Array;

export interface Decoded {
  readonly values: Values;
  /** No value exceeds 2^bits in size (integers; above SAFE_BITS some are rounded); precision in bits (floats). */
  readonly bits: number;
}

export interface Tensor {
  readonly dtype: DTypeName;
  readonly elements: number;
  /** Canonical, little-endian, aligned to an element. */
  readonly data: Uint8Array;
  /** Set on the first use; null for acc. */
  decoded: Decoded | null | undefined;
  /** Set on the first use: elementsOf. */
  typed: Elements | undefined;
}

export type Elements = Float32Array | Int32Array | Uint8Array | Int8Array | Uint16Array | Int16Array;

/** Kinds of elements as in program/assembly/kinds.ts. */
export const KINDS: Partial<Record<DTypeName, number>> = {
  f32: 0,
  u8: 1,
  bool: 1,
  i8: 2,
  u16: 3,
  i16: 4,
  i32: 5,
};

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, at: number, length: number): T;
}

/** The same bytes as elements of another array type. */
export function viewAs<T>(type: ArrayType<T>, { buffer, byteOffset, byteLength }: Uint8Array): T {
  return new type(buffer, byteOffset, byteLength / type.BYTES_PER_ELEMENT);
}

type Copy = (this: Uint8Array, to: Uint8Array, at: number, start: number, end: number) => number;
const { copy: bufferCopy } = Buffer.prototype as { copy: Copy };

/** Copies from[start..end] to to[at...]. Setting typed arrays does the same, but far slower where memory is shared. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  bufferCopy.call(from, to, at, start, end);
}

/** The data of a tensor of binary32 or small integers as a typed array. @returns undefined for other dtypes. */
export function elementsOf(tensor: Tensor): Elements | undefined {
  return (tensor.typed ??= typedView(tensor));
}

function typedView({ dtype: name, data }: Tensor): Elements | undefined {
  switch (name) {
    case "f32":
      return viewAs(Float32Array, data);
    case "i32":
      return viewAs(Int32Array, data);
    case "bool":
    case "u8":
      return data;
    case "i8":
      return viewAs(Int8Array, data);
    case "u16":
      return viewAs(Uint16Array, data);
    case "i16":
      return viewAs(Int16Array, data);
    default:
      return undefined;
  }
}

/** Integers up to this size may be added and compared freely in float64. */
export const SAFE_BITS = 51;

/** Bits of an integer dtype's largest value; of a float dtype's precision. */
export const VALUE_BITS: Readonly<Record<DTypeName, number>> = {
  bool: 1,
  u8: 8,
  i8: 7,
  u16: 16,
  i16: 15,
  u32: 32,
  i32: 31,
  u64: 64,
  i64: 63,
  f16: 11,
  bf16: 8,
  f32: 24,
  acc: Infinity,
};

/** @param data Memory to use, of the right length; whatever it holds will be overwritten. */
export function newTensor(
  name: DTypeName,
  elements: number,
  data: Uint8Array = new Uint8Array(elements * dtype(name).bytes),
): Tensor {
  return { dtype: name, elements, data, decoded: undefined, typed: undefined };
}

/** In place. A NaN in a Float32Array may have any bits, and float arithmetic makes negative zeros. */
export function canonicalizeF32(bits: Uint32Array): void {
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] ?? 0;
    if ((b & 0x7f800000) === 0x7f800000 && (b & 0x7fffff) !== 0) bits[i] = 0x7fc00000;
    else if (b === 0x80000000) bits[i] = 0;
  }
}

function canonicalizeHalf(bits: Uint16Array, infinity: number, nan: number): void {
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i] ?? 0;
    if ((b & 0x7fff) > infinity) bits[i] = nan;
    else if (b === 0x8000) bits[i] = 0;
  }
}

/** Gives memory for so many bytes. */
export type Memory = (bytes: number) => Uint8Array;

/** A canonical copy of bytes from outside. @throws RangeError unless there are exactly `elements` elements. */
export function loadTensor(name: DTypeName, elements: number, bytes: Uint8Array, memory?: Memory): Tensor {
  const tensor = newTensor(name, elements, memory?.(elements * dtype(name).bytes));
  const { data } = tensor;
  if (bytes.length !== data.length)
    throw new RangeError(`${elements} elements of ${name} are ${data.length} bytes, not ${bytes.length}`);
  data.set(bytes);
  if (name === "bool") for (let i = 0; i < data.length; i++) data[i] = data[i] === 0 ? 0 : 1;
  else if (name === "f32") canonicalizeF32(viewAs(Uint32Array, data));
  else if (name === "f16") canonicalizeHalf(viewAs(Uint16Array, data), 0x7c00, 0x7e00);
  else if (name === "bf16") canonicalizeHalf(viewAs(Uint16Array, data), 0x7f80, 0x7fc0);
  return tensor;
}

const halfTables = new Map<DTypeName, Float32Array>();

/** The value of each of the 65536 patterns of a 16-bit float dtype. */
export function halfValues(name: DTypeName): Float32Array {
  const known = halfTables.get(name);
  if (known !== undefined) return known;
  const table = Float32Array.from({ length: 65536 }, (_, bits) => floatValue(name, bits));
  halfTables.set(name, table);
  return table;
}

function decodeHalf(name: DTypeName, bits: Uint16Array): Float32Array {
  const table = halfValues(name);
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i] ?? 0] ?? 0;
  return values;
}

function decode64(signed: boolean, data: Uint8Array): Decoded {
  const words = viewAs(Uint32Array, data);
  const highs = viewAs(Int32Array, data);
  const values = new Float64Array(data.length / 8);
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const high = (signed ? highs[2 * i + 1] : words[2 * i + 1]) ?? 0;
    const value = high * 2 ** 32 + (words[2 * i] ?? 0);
    values[i] = value;
    largest = Math.max(largest, Math.abs(value));
  }
  return { values, bits: bitsOf(largest) };
}

/** Smallest b with size <= 2^b. */
export function bitsOf(size: number): number {
  let bits = 0;
  while (2 ** bits < size) bits++;
  return bits;
}

function decode(name: DTypeName, data: Uint8Array): Decoded | null {
  const bits = VALUE_BITS[name];
  switch (name) {
    case "bool":
    case "u8":
      return { values: new Float32Array(data), bits };
    case "i8":
      return { values: new Float32Array(viewAs(Int8Array, data)), bits };
    case "u16":
      return { values: new Float32Array(viewAs(Uint16Array, data)), bits };
    case "i16":
      return { values: new Float32Array(viewAs(Int16Array, data)), bits };
    case "u32":
      return { values: new Float64Array(viewAs(Uint32Array, data)), bits };
    case "i32":
      return { values: new Float64Array(viewAs(Int32Array, data)), bits };
    case "u64":
    case "i64":
      return decode64(name === "i64", data);
    case "f16":
    case "bf16":
      return { values: decodeHalf(name, viewAs(Uint16Array, data)), bits };
    case "f32":
      return { values: viewAs(Float32Array, data), bits };
    case "acc":
      return null;
  }
}

export function decodedOf(tensor: Tensor): Decoded | null {
  tensor.decoded ??= decode(tensor.dtype, tensor.data);
  return tensor.decoded;
}

function store64(
  name: DTypeName,
  words: Int32Array,
  at: number,
  from: Float64Array,
  n: number,
  limit: number,
): void {
  for (let i = 0; i < n; i++) {
    const value = from[i] ?? 0;
    const word = 2 * (at + i);
    words[word] = value >= limit ? -1 : value;
    words[word + 1] = value >= limit ? (name === "i64" ? 0x7fffffff : -1) : Math.floor(value / 2 ** 32);
  }
}

/** A writer of exact or suitably rounded values (see body.ts) into a tensor: rounds floats, wraps integers. */
export type Store = (at: number, from: Float64Array, n: number) => void;

/** @param saturate 2^63 in an i64, 2^64 in a u64 or more stand for the dtype's largest value, as float operands give them. */
export function storeInto(tensor: Tensor, saturate = false): Store {
  const { dtype: name, data } = tensor;
  const whole = (from: Float64Array, n: number): Float64Array =>
    n === from.length ? from : from.subarray(0, n);
  // Setting a typed array from another converts each element: rounds to nearest even, or wraps modulo 2^bits.
  const plain =
    (target: Values | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array): Store =>
    (at, from, n) => {
      target.set(whole(from, n), at);
    };
  switch (name) {
    case "bool":
      return (at, from, n) => {
        for (let i = 0; i < n; i++) data[at + i] = from[i] === 0 ? 0 : 1;
      };
    case "u8":
      return plain(data);
    case "i8":
      return plain(viewAs(Int8Array, data));
    case "u16":
      return plain(viewAs(Uint16Array, data));
    case "i16":
      return plain(viewAs(Int16Array, data));
    case "u32":
      return plain(viewAs(Uint32Array, data));
    case "i32":
      return plain(viewAs(Int32Array, data));
    case "u64":
    case "i64": {
      const words = viewAs(Int32Array, data);
      const limit = saturate ? (name === "i64" ? 2 ** 63 : 2 ** 64) : Infinity;
      return (at, from, n) => {
        store64(name, words, at, from, n, limit);
      };
    }
    case "f32": {
      const target = viewAs(Float32Array, data);
      const bits = viewAs(Uint32Array, data);
      return (at, from, n) => {
        target.set(whole(from, n), at);
        canonicalizeF32(bits.subarray(at, at + n));
      };
    }
    case "f16":
    case "bf16": {
      const target = viewAs(Uint16Array, data);
      const round = roundOf(name);
      return (at, from, n) => {
        for (let i = 0; i < n; i++) target[at + i] = floatBits(name, round(from[i] ?? 0));
      };
    }
    case "acc":
      throw new RangeError("acc elements are no numbers");
  }
}

/** The data of a tensor as unsigned elements of so many bytes, whatever they mean. */
export function elementBytes(
  { data }: Tensor,
  bytes: number,
): Uint8Array | Uint16Array | Uint32Array | BigUint64Array {
  if (bytes === 1) return data;
  return bytes === 2
    ? viewAs(Uint16Array, data)
    : bytes === 4
      ? viewAs(Uint32Array, data)
      : viewAs(BigUint64Array, data);
}
