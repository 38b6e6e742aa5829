/** A pool of child processes that run onnxruntime, one inference each at a time. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { canonicalise } from "../../../program/src/onnx/host.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { byteLengthOf, type TensorSpec } from "../../../sdk/src/tensor.ts";
import { wireReply, type OrtType, type WireJob, type WireReply, type WireTensor } from "./protocol.ts";

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
}

export interface InferencePool {
  /**
   * Runs one inference on canonical copies of the inputs.
   * @returns the outputs' canonical bytes.
   * @throws {AssayError} INFERENCE_FAILED if onnxruntime refuses the model or input or keeps dying of it,
   * INFERENCE_TIMED_OUT, CLOSED.
   */
  run(job: InferenceJob): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

interface Pending {
  readonly job: WireJob;
  readonly resolve: (outputs: Uint8Array[]) => void;
  readonly reject: (error: AssayError) => void;
  tries: number;
}

interface Worker {
  readonly process: ChildProcess;
  /** False once it has been told to die. */
  alive: boolean;
  pending: Pending | undefined;
  timer: NodeJS.Timeout | undefined;
}

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

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

function wireJob(id: number, { model, inputs, outputs, data }: InferenceJob): WireJob {
  const feeds = inputs.map((spec, i) => {
    const bytes = new Uint8Array(data[i] ?? []);
    if (bytes.length !== byteLengthOf(spec))
      throw new AssayError(
        "INFERENCE_FAILED",
        `input ${spec.name} has ${bytes.length} bytes, not ${byteLengthOf(spec)}`,
      );
    return { ...describe(spec), data: canonicalise(spec.dtype, bytes) };
  });
  return { id, model, inputs: feeds, outputs: outputs.map(describe) };
}

export function createPool(options: PoolOptions): InferencePool {
  const { size, timeLimitMs, loadLimitMs = 120_000, retries = 1 } = options;
  const workers = new Set<Worker>();
  const queue: Pending[] = [];
  let closed = false;
  let nextId = 0;

  function start(): Worker {
    // No environment: whatever a hostile model makes of this process, it finds no secrets. Node strips the types itself.
    const child = fork(WORKER, [], { serialization: "advanced", execArgv: [], env: {} });
    const worker: Worker = { process: child, alive: true, pending: undefined, timer: undefined };
    workers.add(worker);
    child.on("message", (message) => {
      const reply = wireReply.safeParse(message);
      if (reply.success) onReply(worker, reply.data);
    });
    child.on("error", () => undefined);
    child.once("close", (code, signal) => onDeath(worker, signal ?? `exit code ${code}`));
    return worker;
  }

  function release(worker: Worker): Pending | undefined {
    const { pending } = worker;
    clearTimeout(worker.timer);
    worker.timer = undefined;
    worker.pending = undefined;
    return pending;
  }

  function limit(worker: Worker, milliseconds: number): void {
    clearTimeout(worker.timer);
    worker.timer = setTimeout(() => {
      const pending = release(worker);
      worker.alive = false;
      worker.process.kill("SIGKILL");
      pending?.reject(new AssayError("INFERENCE_TIMED_OUT", `no output within ${milliseconds} ms`));
    }, milliseconds);
  }

  function onReply(worker: Worker, reply: WireReply): void {
    if (worker.pending?.job.id !== reply.id) return;
    if (reply.kind === "running") return limit(worker, timeLimitMs);
    const pending = release(worker);
    if (reply.kind === "done") pending?.resolve(reply.outputs);
    else pending?.reject(new AssayError("INFERENCE_FAILED", reply.message));
    dispatch();
  }

  function onDeath(worker: Worker, how: string): void {
    workers.delete(worker);
    const pending = release(worker);
    if (pending !== undefined && pending.tries <= retries) queue.unshift(pending);
    else pending?.reject(new AssayError("INFERENCE_FAILED", `onnxruntime died of this input (${how})`));
    dispatch();
  }

  function dispatch(): void {
    if (closed) return;
    for (let pending = queue.shift(); pending !== undefined; pending = queue.shift()) {
      const idle = [...workers].find((w) => w.pending === undefined && w.alive && w.process.connected);
      if (idle === undefined && workers.size >= size) {
        queue.unshift(pending);
        return;
      }
      const worker = idle ?? start();
      pending.tries++;
      worker.pending = pending;
      limit(worker, loadLimitMs);
      worker.process.send(pending.job);
    }
  }

  async function run(job: InferenceJob): Promise<Uint8Array[]> {
    if (closed) throw new AssayError("CLOSED", "the pool is closed");
    const wire = wireJob(nextId++, job);
    const outputs = await new Promise<Uint8Array[]>((resolve, reject) => {
      queue.push({ job: wire, resolve, reject, tries: 0 });
      dispatch();
    });
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

  async function close(): Promise<void> {
    closed = true;
    for (const pending of queue.splice(0)) pending.reject(new AssayError("CLOSED", "the pool is closed"));
    await Promise.all(
      [...workers].map((worker) => {
        release(worker)?.reject(new AssayError("CLOSED", "the pool is closed"));
        return new Promise<void>((resolve) => {
          worker.process.once("close", () => resolve());
          worker.process.kill("SIGKILL");
        });
      }),
    );
  }

  return { run, close };
}
