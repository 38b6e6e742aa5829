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

/** onnxruntime's levels of graph optimisation, from none on. */
export const OPTIMISATIONS = ["disabled", "basic", "extended", "all"] as const;

/** How onnxruntime is to run a model. Nodes: all optimisations, one thread. */
export interface SessionSettings {
  readonly optimisation: (typeof OPTIMISATIONS)[number];
  /** Threads within one operator. */
  readonly threads: number;
}

export const NODE_SETTINGS: SessionSettings = { optimisation: "all", threads: 1 };

export interface WireJob extends Job {
  /** Path of the ONNX file. */
  readonly model: string;
  readonly settings: SessionSettings;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly Omit<WireTensor, "data">[];
}
