/**
 * Child process that runs onnxruntime. It shares nothing with the node but these messages: `run()` blocks its thread, and
 * some inputs kill the process (int32 minimum / -1 raises SIGFPE).
 */
import { readFile } from "node:fs/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { serveParent } from "./child.ts";
import type { OrtType, WireJob, WireTensor } from "./protocol.ts";

// Where there is a Float16Array, onnxruntime-common makes float16 tensors of it, which onnxruntime-node's addon reads as empty.
Reflect.deleteProperty(globalThis, "Float16Array");

/** Sessions kept; the one used longest ago is released first. */
const MAX_SESSIONS = 8;
const sessions = new Map<string, InferenceSession>();

async function sessionFor({ model: path, settings }: WireJob): Promise<InferenceSession> {
  const { optimisation, threads } = settings;
  const key = `${optimisation} ${threads} ${path}`;
  const known = sessions.get(key);
  sessions.delete(key);
  // From bytes, not from the path: a file must not make onnxruntime read others beside it.
  const session =
    known ??
    (await InferenceSession.create(await readFile(path), {
      executionProviders: ["cpu"],
      graphOptimizationLevel: optimisation,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    }));
  sessions.set(key, session);
  const oldest = sessions.keys().next();
  if (sessions.size > MAX_SESSIONS && oldest.done !== true) {
    await sessions.get(oldest.value)?.release();
    sessions.delete(oldest.value);
  }
  return session;
}

/** The bytes at an address that is a multiple of 8, for typed array views. */
function aligned(data: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(data.length);
  new Uint8Array(buffer).set(data);
  return buffer;
}

function tensorOf({ type, dims, data }: WireTensor): Tensor {
  const buffer = aligned(data);
  const make: Record<OrtType, () => Tensor> = {
    bool: () => new Tensor("bool", new Uint8Array(buffer), dims),
    uint8: () => new Tensor("uint8", new Uint8Array(buffer), dims),
    int8: () => new Tensor("int8", new Int8Array(buffer), dims),
    uint16: () => new Tensor("uint16", new Uint16Array(buffer), dims),
    int16: () => new Tensor("int16", new Int16Array(buffer), dims),
    uint32: () => new Tensor("uint32", new Uint32Array(buffer), dims),
    int32: () => new Tensor("int32", new Int32Array(buffer), dims),
    uint64: () => new Tensor("uint64", new BigUint64Array(buffer), dims),
    int64: () => new Tensor("int64", new BigInt64Array(buffer), dims),
    float16: () => new Tensor("float16", new Uint16Array(buffer), dims),
    float32: () => new Tensor("float32", new Float32Array(buffer), dims),
  };
  return make[type]();
}

function bytesOf(tensor: Tensor | undefined, wanted: Omit<WireTensor, "data">): Uint8Array {
  if (tensor === undefined) throw new Error(`the model gave no output ${wanted.name}`);
  if (tensor.type !== wanted.type)
    throw new Error(`output ${wanted.name} is ${tensor.type}, not ${wanted.type}`);
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) throw new Error(`output ${wanted.name} has no bytes`);
  return new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
}

async function infer(job: WireJob, running: () => void): Promise<Uint8Array[]> {
  const session = await sessionFor(job);
  running();
  const feeds = Object.fromEntries(job.inputs.map((input) => [input.name, tensorOf(input)]));
  const results = await session.run(
    feeds,
    job.outputs.map((o) => o.name),
  );
  return job.outputs.map((output) => bytesOf(results[output.name], output));
}

serveParent((job, running) => infer(job as WireJob, running));
