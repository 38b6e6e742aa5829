/**
 * Child process that runs onnxruntime. It shares nothing with the node but messages: `run()` blocks its thread, and some inputs
 * kill the process (int32 minimum / -1 raises SIGFPE).
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { DTypeName } from "../../../program/src/dtype.ts";
import { canonicalise } from "../../../program/src/onnx/host.ts";
import { InferenceSession, Tensor } from "../../../program/src/onnx/onnxruntime.ts";
import { serveParent, type JobContext } from "./child.ts";
import type { OrtType, WireJob, WireModel, WireTensor } from "./protocol.ts";

// Where there is a Float16Array, onnxruntime-common makes float16 tensors of it, which onnxruntime-node's addon reads as empty.
Reflect.deleteProperty(globalThis, "Float16Array");

interface Loaded {
  readonly session: InferenceSession;
  readonly model: WireModel;
}

const sessions = new Map<string, Loaded>();

async function load(model: WireModel): Promise<Loaded> {
  const { path, sha256, settings } = model;
  // From bytes, not from the path: a file must not make onnxruntime read others beside it.
  const file = await readFile(path);
  if (sha256 !== undefined && createHash("sha256").update(file).digest("hex") !== sha256)
    throw Object.assign(new Error(`${path} is another file than it was`), { code: "CONTENT_MISMATCH" });
  const session = await InferenceSession.create(file, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: settings.optimisation,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  return { session, model };
}

interface Element {
  readonly dtype: DTypeName;
  readonly tensor: (buffer: ArrayBuffer, dims: readonly number[]) => Tensor;
}

const ELEMENTS: Record<OrtType, Element> = {
  bool: { dtype: "bool", tensor: (buffer, dims) => new Tensor("bool", new Uint8Array(buffer), dims) },
  uint8: { dtype: "u8", tensor: (buffer, dims) => new Tensor("uint8", new Uint8Array(buffer), dims) },
  int8: { dtype: "i8", tensor: (buffer, dims) => new Tensor("int8", new Int8Array(buffer), dims) },
  uint16: { dtype: "u16", tensor: (buffer, dims) => new Tensor("uint16", new Uint16Array(buffer), dims) },
  int16: { dtype: "i16", tensor: (buffer, dims) => new Tensor("int16", new Int16Array(buffer), dims) },
  uint32: { dtype: "u32", tensor: (buffer, dims) => new Tensor("uint32", new Uint32Array(buffer), dims) },
  int32: { dtype: "i32", tensor: (buffer, dims) => new Tensor("int32", new Int32Array(buffer), dims) },
  uint64: { dtype: "u64", tensor: (buffer, dims) => new Tensor("uint64", new BigUint64Array(buffer), dims) },
  int64: { dtype: "i64", tensor: (buffer, dims) => new Tensor("int64", new BigInt64Array(buffer), dims) },
  float16: { dtype: "f16", tensor: (buffer, dims) => new Tensor("float16", new Uint16Array(buffer), dims) },
  float32: { dtype: "f32", tensor: (buffer, dims) => new Tensor("float32", new Float32Array(buffer), dims) },
};

/** A canonical copy, at an address that typed arrays can be laid over. */
function tensorOf({ type, dims: one }: WireTensor, rows: number, data: Uint8Array): Tensor {
  const dims = one.map((size, d) => (d === 0 ? rows * size : size));
  const { dtype, tensor } = ELEMENTS[type];
  const copy = new Uint8Array(new ArrayBuffer(data.length));
  copy.set(data);
  canonicalise(dtype, copy);
  return tensor(copy.buffer, dims);
}

/** Canonical bytes. */
function bytesOf(tensor: Tensor | undefined, { name, type }: WireTensor): Uint8Array {
  if (tensor === undefined) throw new Error(`the model gave no output ${name}`);
  if (tensor.type !== type) throw new Error(`output ${name} is ${tensor.type}, not ${type}`);
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) throw new Error(`output ${name} has no bytes`);
  return canonicalise(ELEMENTS[type].dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

async function infer(
  { session, model }: Loaded,
  rows: number,
  data: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const feeds: Record<string, Tensor> = {};
  model.inputs.forEach((input, i) => {
    feeds[input.name] = tensorOf(input, rows, data[i] ?? new Uint8Array());
  });
  const names = model.outputs.map(({ name }) => name);
  const results = await session.run(feeds, names);
  return model.outputs.map((output) => bytesOf(results[output.name], output));
}

async function run({ key, model, rows, data }: WireJob, context: JobContext): Promise<Uint8Array[]> {
  const known = sessions.get(key);
  if (known !== undefined) {
    if (model !== undefined) context.running();
    return infer(known, rows, data);
  }
  if (model === undefined) throw new Error("this process has no such session");
  const before = process.memoryUsage.rss();
  const loaded = await load(model);
  sessions.set(key, loaded);
  context.running();
  const outputs = await infer(loaded, rows, data);
  // After the first run, which allocates what later ones use again.
  context.held(key, Math.max(0, process.memoryUsage.rss() - before));
  return outputs;
}

async function drop(key: string): Promise<void> {
  const loaded = sessions.get(key);
  sessions.delete(key);
  await loaded?.session.release().catch(() => undefined);
}

serveParent<WireJob>({ run, drop });
