/** What the pool asks of the child processes that run onnxruntime. */
import type { Job } from "./children.ts";

/** One tensor as onnxruntime wants it; `type` is onnxruntime's name of the dtype. */
export interface WireTensor {
  readonly name: string;
  readonly type: OrtType;
  readonly dims: readonly number[];
  /** Little-endian elements. */
  readonly data: Uint8Array;
}

export const ORT_TYPES = [
  "bool",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "uint64",
  "int64",
  "float16",
  "float32",
] as const;
export type OrtType = (typeof ORT_TYPES)[number];

export interface WireJob extends Job {
  /** Path of the ONNX file. */
  readonly model: string;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly Omit<WireTensor, "data">[];
}
