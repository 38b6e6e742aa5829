/** Messages between the pool and its child processes. */
import { z } from "zod/v4";

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

export interface WireJob {
  readonly id: number;
  /** Path of the ONNX file. */
  readonly model: string;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly Omit<WireTensor, "data">[];
}

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

export const wireReply = z.discriminatedUnion("kind", [
  /** The session exists; the inference begins. */
  z.object({ kind: z.literal("running"), id: z.number() }),
  z.object({ kind: z.literal("done"), id: z.number(), outputs: z.array(bytes) }),
  z.object({ kind: z.literal("failed"), id: z.number(), message: z.string() }),
]);
export type WireReply = z.infer<typeof wireReply>;
