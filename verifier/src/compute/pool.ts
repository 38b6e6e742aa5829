/** onnxruntime in child processes. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { z } from "zod/v4";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { byteLengthOf, type TensorSpec } from "../../../sdk/src/tensor.ts";
import { memoryOf } from "../releases/summary.ts";
import type { Budget } from "./budget.ts";
import { createChildren, type ChildrenStats } from "./children.ts";
import {
  NODE_SETTINGS,
  type OrtType,
  type SessionSettings,
  type WireJob,
  type WireModel,
  type WireTensor,
} from "./protocol.ts";

export interface PoolOptions {
  /** Child processes. */
  readonly size: number;
  /** For one inference, milliseconds; the time to load a model for the first time is `loadLimitMs`. */
  readonly timeLimitMs: number;
  readonly loadLimitMs?: number;
  /** Further tries of a job whose process died. Default 1: a job that kills twice will kill again. */
  readonly retries?: number;
  /** What all pools that share it may keep in memory. Default: everything. */
  readonly budget?: Budget;
  /** Bytes of memory that a process may have beside the sessions that it keeps. Default: any. */
  readonly memoryBytes?: number;
}

export interface InferenceJob {
  /** Path of the ONNX file. */
  readonly model: string;
  /** SHA-256 that the file must have. Default: any. */
  readonly sha256?: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** One per input: little-endian elements. */
  readonly data: readonly Uint8Array[];
  /** So many inferences side by side, along the first dimension of every tensor. Default 1: just as the inputs are. */
  readonly rows?: number;
  /** Unix seconds; the earliest goes first. */
  readonly deadline?: number | undefined;
  /** Further tries if its process dies. Default: the pool's. */
  readonly retries?: number;
  /** Default: as nodes run it. */
  readonly settings?: SessionSettings;
}

export interface InferencePool {
  /**
   * Runs one inference on canonical copies of the inputs.
   * @returns the outputs' canonical bytes.
   * @throws {AssayError} INFERENCE_FAILED if onnxruntime refuses the model or input or keeps dying of it (`details.died`
   * says how), INFERENCE_TIMED_OUT, INFERENCE_OUT_OF_MEMORY, CONTENT_MISMATCH, CLOSED.
   */
  run(job: InferenceJob): Promise<Uint8Array[]>;
  stats(): ChildrenStats;
  close(): Promise<void>;
}

const ORT_NAMES: Partial<Record<DTypeName, OrtType>> = {
  bool: "bool",
  u8: "uint8",
  i8: "int8",
  u16: "uint16",
  i16: "int16",
  u32: "uint32",
  i32: "int32",
  u64: "uint64",
  i64: "int64",
  f16: "float16",
  f32: "float32",
};

function describe(spec: TensorSpec): WireTensor {
  const type = ORT_NAMES[spec.dtype];
  if (type === undefined)
    throw new AssayError(
      "INFERENCE_FAILED",
      `onnxruntime's JavaScript interface has no ${spec.dtype} (${spec.name})`,
    );
  return { name: spec.name, type, dims: spec.shape };
}

function modelOf({
  model: path,
  sha256,
  inputs,
  outputs,
  settings = NODE_SETTINGS,
}: InferenceJob): WireModel {
  return { path, sha256, settings, inputs: inputs.map(describe), outputs: outputs.map(describe) };
}

/** A model that jobs name by the same objects, so that it is described once. */
interface Known {
  readonly model: WireModel;
  readonly key: string;
  readonly bytes: number;
}

function checkLengths(
  what: string,
  specs: readonly TensorSpec[],
  data: readonly Uint8Array[],
  rows: number,
): void {
  specs.forEach((spec, i) => {
    const [bytes, right] = [data[i]?.length ?? 0, rows * byteLengthOf(spec)];
    if (bytes !== right)
      throw new AssayError("INFERENCE_FAILED", `${what} ${spec.name} has ${bytes} bytes, not ${right}`);
  });
}

const reply = z.array(z.custom<Uint8Array>((value) => value instanceof Uint8Array));

export function createPool(options: PoolOptions): InferencePool {
  const { size, timeLimitMs, loadLimitMs = 120_000, retries = 1, budget, memoryBytes } = options;
  const children = createChildren<WireJob>({
    module: new URL("./worker.ts", import.meta.url),
    ...{ size, retries, depth: 2 },
    ...(budget === undefined ? {} : { budget }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
  /** By the list of inputs, then by path and settings. */
  const known = new WeakMap<readonly TensorSpec[], Map<string, Known>>();

  async function know(job: InferenceJob): Promise<Known> {
    const model = modelOf(job);
    const { size: fileBytes } = await stat(job.model).catch(() => ({ size: 0 }));
    const key = createHash("sha256").update(JSON.stringify(model)).digest("hex");
    return { model, key, bytes: memoryOf.session(fileBytes) };
  }

  async function knownOf(job: InferenceJob): Promise<Known> {
    const { model: path, inputs, settings = NODE_SETTINGS } = job;
    const name = `${settings.optimisation} ${settings.threads} ${path}`;
    const models = known.get(inputs) ?? new Map<string, Known>();
    const found = models.get(name) ?? (await know(job));
    known.set(inputs, models.set(name, found));
    return found;
  }

  async function run(job: InferenceJob): Promise<Uint8Array[]> {
    const { data, rows = 1, deadline, retries: tries } = job;
    checkLengths("input", job.inputs, data, rows);
    const { model, key, bytes } = await knownOf(job);
    const fingerprint = (): string => {
      const hash = createHash("sha256").update(`${key} ${rows}`);
      for (const part of data) hash.update(part);
      return hash.digest("hex");
    };
    const outputs = reply.parse(
      await children.run({
        job: (held) => ({ key, model: held ? undefined : model, rows, data }),
        limits: { loadMs: loadLimitMs, runMs: timeLimitMs, deadline },
        holdings: [{ key, bytes }],
        fingerprint,
        ...(tries === undefined ? {} : { retries: tries }),
      }),
    );
    checkLengths("output", job.outputs, outputs, rows);
    // Copies, since what came through the pipe may start at any address.
    return outputs.map((bytes) => new Uint8Array(bytes));
  }

  return { run, stats: () => children.stats(), close: () => children.close() };
}
