/** Input blobs from typed arrays, lists, numbers and JSON, by a signature. Pure. */
import { floatBits, roundOf } from "../../program/src/fast/float.ts";
import { AssayError } from "./error.ts";
import {
  arrayFor,
  blobLength,
  elementsOf,
  type ElementType,
  type Signature,
  type TensorData,
  type TensorSpec,
} from "./tensor.ts";

/**
 * One element. 64-bit integers beyond 2^53 are bigints, or strings of digits as JSON has them; "NaN", "Infinity" and "-Infinity"
 * are strings in JSON too.
 */
export type ElementValue = number | bigint | boolean | string;

/**
 * A tensor: the typed array of its dtype (f16 and bf16: a Uint16Array of bits), floats also a Float32Array or Float64Array, u8
 * also a Uint8ClampedArray; or a list of all elements, row-major; or lists in lists, of exactly its shape; or one element.
 */
export type TensorValue =
  TensorData | Float64Array | Uint8ClampedArray | ElementValue | readonly TensorValue[];

export type TensorValues = Readonly<Record<string, TensorValue>>;

const RANGES: Readonly<Partial<Record<ElementType, readonly [least: bigint, most: bigint]>>> = {
  bool: [0n, 1n],
  u8: [0n, 2n ** 8n - 1n],
  i8: [-(2n ** 7n), 2n ** 7n - 1n],
  u16: [0n, 2n ** 16n - 1n],
  i16: [-(2n ** 15n), 2n ** 15n - 1n],
  u32: [0n, 2n ** 32n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  u64: [0n, 2n ** 64n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** Longest text of an element: a file may hold any. */
const MAX_DIGITS = 40;

function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > MAX_DIGITS ? `${text.slice(0, MAX_DIGITS)}…` : text;
}

function wrongElement(spec: TensorSpec, index: number, value: unknown, why: string): AssayError {
  return new AssayError("BAD_TENSOR", `element ${index} of ${spec.name} is ${show(value)}: ${why}`, {
    details: { tensor: spec.name, dtype: spec.dtype, index, value: show(value) },
  });
}

function wrongShape({ name, shape, ...spec }: TensorSpec, given: readonly number[]): AssayError {
  const elements = elementsOf({ name, shape, ...spec });
  return new AssayError(
    "BAD_TENSOR",
    `${name} has shape [${shape.join(", ")}], given is [${given.join(", ")}]: pass ${elements} elements in one list, or lists of that shape`,
    { details: { tensor: name, expected: shape, given } },
  );
}

function integerOf(spec: TensorSpec, index: number, value: unknown): bigint {
  const [least, most] = RANGES[spec.dtype] ?? [0n, 0n];
  const wanted = `${spec.dtype} takes integers from ${least} to ${most}`;
  let integer: bigint;
  if (typeof value === "bigint") integer = value;
  else if (typeof value === "boolean" && spec.dtype === "bool") integer = value ? 1n : 0n;
  else if (typeof value === "string" && /^-?[0-9]{1,20}$/.test(value)) integer = BigInt(value);
  else if (typeof value === "number" && Number.isSafeInteger(value)) integer = BigInt(value);
  else if (typeof value === "number" && Number.isInteger(value))
    throw wrongElement(
      spec,
      index,
      value,
      `${wanted}; beyond 2^53 pass a bigint, or in JSON a string of digits`,
    );
  else throw wrongElement(spec, index, value, wanted);
  if (integer < least || integer > most) throw wrongElement(spec, index, value, wanted);
  return integer;
}

const WORDS: Readonly<Record<string, number>> = { NaN, Infinity, "-Infinity": -Infinity };

/** Rounded once to the dtype, ties to even. */
function floatOf(spec: TensorSpec, index: number, value: unknown): number {
  const number = typeof value === "string" && Object.hasOwn(WORDS, value) ? WORDS[value] : value;
  if (typeof number !== "number")
    throw wrongElement(spec, index, value, `${spec.dtype} takes numbers, or "NaN", "Infinity", "-Infinity"`);
  const rounded = roundOf(spec.dtype)(number);
  if (Number.isFinite(number) && !Number.isFinite(rounded))
    throw wrongElement(spec, index, value, `more than ${spec.dtype} can hold; write Infinity if you mean it`);
  return rounded;
}

function put(out: TensorData, spec: TensorSpec, index: number, value: unknown): void {
  if (out instanceof BigInt64Array || out instanceof BigUint64Array)
    out[index] = integerOf(spec, index, value);
  else if (out instanceof Float32Array) out[index] = floatOf(spec, index, value);
  else if (spec.dtype === "f16" || spec.dtype === "bf16")
    out[index] = floatBits(spec.dtype, floatOf(spec, index, value));
  else out[index] = Number(integerOf(spec, index, value));
}

/** As far as the first child of each list tells. */
function shapeOf(value: unknown): number[] {
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner); inner = inner[0]) shape.push(inner.length);
  return shape;
}

/** Lists in lists of exactly `shape`, flattened. */
function flatten(spec: TensorSpec, value: unknown): unknown[] {
  const flat: unknown[] = [];
  const walk = (inner: unknown, depth: number, above: readonly number[]): void => {
    const size = spec.shape[depth];
    if (size === undefined) {
      if (Array.isArray(inner)) throw wrongShape(spec, shapeOf(value));
      flat.push(inner);
    } else if (!Array.isArray(inner)) throw wrongShape(spec, above);
    else {
      const given = [...above, inner.length];
      if (inner.length !== size) throw wrongShape(spec, [...given, ...shapeOf(inner).slice(1)]);
      for (const child of inner) walk(child, depth + 1, given);
    }
  };
  walk(value, 0, []);
  return flat;
}

function elementsIn(spec: TensorSpec, value: unknown): readonly unknown[] {
  const elements = elementsOf(spec);
  if (!Array.isArray(value)) {
    if (elements !== 1) throw wrongShape(spec, []);
    return [value];
  }
  const list: readonly unknown[] = value;
  if (list.some((element) => Array.isArray(element))) return flatten(spec, list);
  if (list.length !== elements) throw wrongShape(spec, [list.length]);
  return list;
}

/** Whether a typed array holds the dtype's numbers, though it is not the dtype's own. */
function converts(data: ArrayBufferView, { dtype }: TensorSpec): data is Float32Array | Float64Array {
  const float = dtype === "f32" || dtype === "f16" || dtype === "bf16";
  return float && (data instanceof Float32Array || data instanceof Float64Array);
}

function fromView(spec: TensorSpec, view: ArrayBufferView): TensorData {
  const out = arrayFor(spec.dtype, elementsOf(spec));
  const own =
    view.constructor === out.constructor || (spec.dtype === "u8" && view instanceof Uint8ClampedArray);
  const length = "length" in view && typeof view.length === "number" ? view.length : view.byteLength;
  if (!own && !converts(view, spec))
    throw new AssayError(
      "BAD_TENSOR",
      `${spec.name} is ${spec.dtype}: pass a ${out.constructor.name} or a list, not a ${view.constructor.name}`,
      { details: { tensor: spec.name, expected: out.constructor.name, given: view.constructor.name } },
    );
  if (length !== out.length) throw wrongShape(spec, [length]);
  if (converts(view, spec) && !own) view.forEach((value, i) => put(out, spec, i, value));
  else bytesOf(out).set(bytesOf(view));
  if (spec.dtype === "bool") out.forEach((value, i) => void integerOf(spec, i, value));
  return out;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function fromList(spec: TensorSpec, value: unknown): TensorData {
  const elements = elementsIn(spec, value);
  const out = arrayFor(spec.dtype, elements.length);
  elements.forEach((element, i) => put(out, spec, i, element));
  return out;
}

/** The elements of one tensor. @throws {AssayError} BAD_TENSOR. */
export function tensorOf(spec: TensorSpec, value: unknown): TensorData {
  return ArrayBuffer.isView(value) ? fromView(spec, value) : fromList(spec, value);
}

/**
 * @param values A value by tensor name. Floats are rounded to the dtype, ties to even; integers out of range are refused.
 * @throws {AssayError} BAD_TENSOR; `details` has the tensor, and the index or the expected and given shape.
 */
export function encodeTensors(
  specs: readonly TensorSpec[],
  values: Readonly<Record<string, unknown>>,
): Uint8Array {
  const known = specs.map(({ name }) => name);
  const unknown = Object.keys(values).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new AssayError(
      "BAD_TENSOR",
      `no tensor is called ${show(unknown.join(", "))}: pass ${known.join(", ")}`,
    );
  const blob = new Uint8Array(blobLength(specs));
  let at = 0;
  for (const spec of specs) {
    const value = Object.hasOwn(values, spec.name) ? values[spec.name] : undefined;
    if (value === undefined) throw new AssayError("BAD_TENSOR", `tensor ${spec.name} is missing`);
    const data = tensorOf(spec, value);
    blob.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return blob;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AssayError(
      "BAD_TENSOR",
      'the input is not JSON: write an object of lists by tensor name, such as {"x": [1, 2]}',
      { cause },
    );
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/**
 * The input blob of a release.
 * @param value Tensors by name, or the value of the only one; or either as JSON text.
 * @throws {AssayError} BAD_TENSOR as {@link encodeTensors}, and for text that is not JSON.
 */
export function encodeInput({ inputs }: Signature, value: TensorValues | TensorValue): Uint8Array {
  const given: unknown = typeof value === "string" ? parsed(value) : value;
  if (isRecord(given)) return encodeTensors(inputs, given);
  const [only, ...others] = inputs;
  if (only !== undefined && others.length === 0) return encodeTensors(inputs, { [only.name]: given });
  throw new AssayError(
    "BAD_TENSOR",
    `there are ${inputs.length} inputs: pass an object with ${inputs.map(({ name }) => name).join(", ")}`,
  );
}
