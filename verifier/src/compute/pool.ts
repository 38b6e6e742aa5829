/** onnxruntime in child processes, one inference each at a time. */
import { z } from "zod/v4";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { canonicalise } from "../../../program/src/onnx/host.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { byteLengthOf, type TensorSpec } from "../../../sdk/src/tensor.ts";
import { createChildren } from "./children.ts";
import {
  NODE_SETTINGS,
  type OrtType,
  type SessionSettings,
  type WireJob,
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
}

export interface InferenceJob {
  /** Path of the ONNX file. */
  readonly model: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** One per input: little-endian elements. */
  readonly data: readonly Uint8Array[];
  /** Unix seconds; the earliest goes first. */
  readonly deadline?: number | undefined;
  /** Default: as nodes run it. */
  readonly settings?: SessionSettings;
}

export interface InferencePool {
  /**
   * Runs one inference on canonical copies of the inputs.
   * @returns the outputs' canonical bytes.
   * @throws {AssayError} INFERENCE_FAILED if onnxruntime refuses the model or input or keeps dying of it (`details.died`
   * says how), INFERENCE_TIMED_OUT, CLOSED.
   */
  run(job: InferenceJob): Promise<Uint8Array[]>;
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

function describe(spec: TensorSpec): Omit<WireTensor, "data"> {
  const type = ORT_NAMES[spec.dtype];
  if (type === undefined)
    throw new AssayError(
      "INFERENCE_FAILED",
      `onnxruntime's JavaScript interface has no ${spec.dtype} (${spec.name})`,
    );
  return { name: spec.name, type, dims: spec.shape };
}

function wireJob({
  model,
  inputs,
  outputs,
  data,
  settings = NODE_SETTINGS,
}: InferenceJob): Omit<WireJob, "id"> {
  const feeds = inputs.map((spec, i) => {
    const bytes = new Uint8Array(data[i] ?? []);
    if (bytes.length !== byteLengthOf(spec))
      throw new AssayError(
        "INFERENCE_FAILED",
        `input ${spec.name} has ${bytes.length} bytes, not ${byteLengthOf(spec)}`,
      );
    return { ...describe(spec), data: canonicalise(spec.dtype, bytes) };
  });
  return { model, settings, inputs: feeds, outputs: outputs.map(describe) };
}

const reply = z.array(z.custom<Uint8Array>((value) => value instanceof Uint8Array));

export function createPool(options: PoolOptions): InferencePool {
  const { size, timeLimitMs, loadLimitMs = 120_000, retries = 1 } = options;
  const children = createChildren<WireJob>({
    module: new URL("./worker.ts", import.meta.url),
    size,
    retries,
  });

  async function run(job: InferenceJob): Promise<Uint8Array[]> {
    const wire = wireJob(job);
    const limits = { loadMs: loadLimitMs, runMs: timeLimitMs, deadline: job.deadline };
    const outputs = reply.parse(await children.run((id) => ({ ...wire, id }), limits));
    return job.outputs.map((spec, i) => {
      // A copy, since what came through the pipe may start at any address.
      const bytes = new Uint8Array(outputs[i] ?? []);
      if (bytes.length === byteLengthOf(spec)) return canonicalise(spec.dtype, bytes);
      throw new AssayError(
        "INFERENCE_FAILED",
        `output ${spec.name} has ${bytes.length} bytes, not ${byteLengthOf(spec)}`,
      );
    });
  }

  return { run, close: () => children.close() };
}
