/**
 * Tensors of a release: input and output blobs are its tensors' little-endian elements, row-major, one tensor after the
 * other without padding (docs/program.md §7).
 */
import { keccak256, toUtf8Bytes } from "ethers";
import { z } from "zod/v4";
import { AssayError } from "./error.ts";
import type { Hex } from "./structs.ts";

const WIDTH = {
  bool: 1,
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f16: 2,
  bf16: 2,
  f32: 4,
} as const;

/** Of a release's inputs together, and of its outputs: as ModelRegistry.MAX_BLOB_BYTES. */
export const MAX_BLOB_BYTES = 80_000;

export type ElementType = keyof typeof WIDTH;

export interface TensorSpec {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/** Names, dtypes and shapes of a release's inputs and outputs, in the order of the blobs. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Elements as a blob holds them: f16 and bf16 are their raw bits in a Uint16Array. */
export type TensorData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array;

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(WIDTH, name);
}

export function elementBytes(dtype: ElementType): number {
  return WIDTH[dtype];
}

export function elementsOf(spec: TensorSpec): number {
  return spec.shape.reduce((a, b) => a * b, 1);
}

export function byteLengthOf(spec: TensorSpec): number {
  return elementsOf(spec) * WIDTH[spec.dtype];
}

export function blobLength(specs: readonly TensorSpec[]): number {
  return specs.reduce((sum, spec) => sum + byteLengthOf(spec), 0);
}

/** A zeroed array of the type that holds elements of `dtype`. */
export function arrayFor(dtype: ElementType, length: number): TensorData {
  switch (dtype) {
    case "bool":
    case "u8":
      return new Uint8Array(length);
    case "i8":
      return new Int8Array(length);
    case "u16":
    case "f16":
    case "bf16":
      return new Uint16Array(length);
    case "i16":
      return new Int16Array(length);
    case "u32":
      return new Uint32Array(length);
    case "i32":
      return new Int32Array(length);
    case "u64":
      return new BigUint64Array(length);
    case "i64":
      return new BigInt64Array(length);
    case "f32":
      return new Float32Array(length);
  }
}

/** The blob cut into its tensors' bytes. */
export function splitBlob(specs: readonly TensorSpec[], blob: Uint8Array): Uint8Array[] {
  if (blob.length !== blobLength(specs))
    throw new AssayError(
      "BAD_TENSOR",
      `blob has ${blob.length} bytes; its signature needs ${blobLength(specs)}`,
    );
  let at = 0;
  return specs.map((spec) => blob.slice(at, (at += byteLengthOf(spec))));
}

const specSchema = z.object({
  name: z.string(),
  dtype: z.custom<ElementType>((name) => typeof name === "string" && isElementType(name), "not a dtype"),
  shape: z.array(z.number().int().nonnegative()),
});
const signatureSchema = z.object({ inputs: z.array(specSchema), outputs: z.array(specSchema) });

/**
 * @param json As `assay model inspect FILE --json` prints it; other fields are passed over.
 * @throws {AssayError} BAD_TENSOR.
 */
export function parseSignature(json: unknown): Signature {
  const parsed = signatureSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_TENSOR", `not a signature: ${z.prettifyError(parsed.error)}`);
}

/** `Release.signatureHash`: keccak256 of the UTF-8 JSON `{"inputs":[[name,dtype,shape],...],"outputs":[...]}`. */
export function signatureHash(signature: Signature): Hex {
  const rows = (specs: readonly TensorSpec[]): unknown => specs.map((s) => [s.name, s.dtype, s.shape]);
  return keccakText(JSON.stringify({ inputs: rows(signature.inputs), outputs: rows(signature.outputs) }));
}

/** Values of a model's symbolic dimensions. */
export type Bindings = Readonly<Record<string, number>>;

/** `batch=1&seq=128`, by name; URL-encoded. Also the fragment of a release's content URI. */
export function bindingsText(bindings: Bindings): string {
  const params = new URLSearchParams();
  for (const name of Object.keys(bindings).sort()) params.append(name, String(bindings[name]));
  return params.toString();
}

/** @throws {AssayError} BAD_TENSOR unless every value is a positive integer. */
export function parseBindings(text: string): Bindings {
  const entries = [...new URLSearchParams(text)].map(([name, value]): [string, number] => {
    if (!/^[1-9][0-9]{0,8}$/.test(value))
      throw new AssayError("BAD_TENSOR", `dimension ${name}=${value} is not a positive integer`);
    return [name, Number(value)];
  });
  return Object.fromEntries(entries);
}

/** `Release.bindingsHash`: keccak256 of {@link bindingsText}. */
export function bindingsHash(bindings: Bindings): Hex {
  return keccakText(bindingsText(bindings));
}

function keccakText(text: string): Hex {
  return `0x${keccak256(toUtf8Bytes(text)).slice(2)}`;
}
