/** Output blobs into typed arrays, by a signature. Pure. */
import { floatValue } from "../../program/src/fast/float.ts";
import {
  arrayFor,
  elementsOf,
  splitBlob,
  type Signature,
  type TensorData,
  type TensorSpec,
} from "./tensor.ts";

/** f16 and bf16 become a Float32Array, which holds their values exactly; bool a Uint8Array of 0 and 1. */
function decodeTensor(spec: TensorSpec, bytes: Uint8Array): TensorData {
  const data = arrayFor(spec.dtype, elementsOf(spec));
  new Uint8Array(data.buffer).set(bytes);
  const { dtype } = spec;
  if (dtype !== "f16" && dtype !== "bf16") return data;
  return Float32Array.from({ length: data.length }, (_, i) => floatValue(dtype, Number(data[i])));
}

/** @throws {AssayError} BAD_TENSOR if the blob's length is not the signature's. */
export function decodeTensors(specs: readonly TensorSpec[], blob: Uint8Array): Record<string, TensorData> {
  const parts = splitBlob(specs, blob);
  return Object.fromEntries(
    specs.map((spec, i) => [spec.name, decodeTensor(spec, parts[i] ?? new Uint8Array())]),
  );
}

/** The outputs of a release by name, row-major. @throws {AssayError} BAD_TENSOR. */
export function decodeOutput({ outputs }: Signature, output: Uint8Array): Record<string, TensorData> {
  return decodeTensors(outputs, output);
}
