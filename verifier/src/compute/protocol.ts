/** What passes between the node and its child processes. */
import { z } from "zod/v4";

/** Orders are carried out one after the other, as they come. */
export type Order =
  /** Several where they are so short that telling of each would take a share of their time. */
  | { readonly kind: "jobs"; readonly id: number; readonly jobs: readonly unknown[] }
  /** Takes jobs back, unless they have begun. */
  | { readonly kind: "cancel"; readonly id: number }
  /** Something that the child keeps is not needed any more. */
  | { readonly kind: "drop"; readonly key: string };

const result = z.union([
  /** `ms`: how long it took. `held`: what the child has measured of what it keeps, bytes. */
  z.object({
    value: z.unknown(),
    ms: z.number(),
    held: z.array(z.object({ key: z.string(), bytes: z.number() })),
  }),
  z.object({ code: z.string().optional(), message: z.string() }),
]);
export type JobResult = z.infer<typeof result>;

export const childReply = z.discriminatedUnion("kind", [
  /** The process has started; jobs begin now. */
  z.object({ kind: z.literal("ready") }),
  /** Everything is loaded; the work itself begins. */
  z.object({ kind: z.literal("running"), id: z.number() }),
  z.object({ kind: z.literal("results"), id: z.number(), results: z.array(result) }),
  /** Jobs were taken back before they began. */
  z.object({ kind: z.literal("canceled"), id: z.number() }),
]);
export type ChildReply = z.infer<typeof childReply>;

/** One tensor as onnxruntime wants it; `type` is onnxruntime's name of the dtype. */
export interface WireTensor {
  readonly name: string;
  readonly type: OrtType;
  readonly dims: readonly number[];
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

/** What a session is made of. */
export interface WireModel {
  /** Path of the ONNX file, and the SHA-256 that it must have (absent: any), lower-case hex. */
  readonly path: string;
  readonly sha256: string | undefined;
  readonly settings: SessionSettings;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly WireTensor[];
}

export interface WireJob {
  readonly key: string;
  /** Absent: the child has the session. */
  readonly model: WireModel | undefined;
  /** Inferences side by side along the first dimension of every tensor. */
  readonly rows: number;
  /** One per input: little-endian elements, of the right length. */
  readonly data: readonly Uint8Array[];
}
