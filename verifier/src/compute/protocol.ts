/** What passes between the node and its child processes. */
import { z } from "zod/v4";

export interface Job {
  /** Of this sending: a job that is sent again has another one. */
  readonly id: number;
}

/** Orders are carried out one after the other, as they come. */
export type Order<J extends Job> =
  | { readonly kind: "job"; readonly job: J }
  /** Takes a job back, unless it has begun. */
  | { readonly kind: "cancel"; readonly id: number }
  /** Something that the child keeps is not needed any more. */
  | { readonly kind: "drop"; readonly key: string };

const measured = z.object({ key: z.string(), bytes: z.number() });

export const childReply = z.discriminatedUnion("kind", [
  /** The process has started; jobs begin now. */
  z.object({ kind: z.literal("ready") }),
  /** Everything is loaded; the work itself begins. */
  z.object({ kind: z.literal("running"), id: z.number() }),
  /** @param held What the child has measured of what it keeps. */
  z.object({
    kind: z.literal("done"),
    id: z.number(),
    value: z.unknown(),
    held: z.array(measured).optional(),
  }),
  z.object({ kind: z.literal("failed"), id: z.number(), code: z.string().optional(), message: z.string() }),
  /** A job was taken back before it began. */
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

export interface WireJob extends Job {
  readonly key: string;
  /** Absent: the child has the session. */
  readonly model: WireModel | undefined;
  /** One per input: little-endian elements, of the right length. */
  readonly data: readonly Uint8Array[];
}
