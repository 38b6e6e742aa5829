/**
 * For tests: small ONNX models, run by onnxruntime and by the naive interpreter.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { dtype, type DTypeName } from "../dtype.ts";
import { runNaive } from "../naive/interpret.ts";
import { caseFile, type Case, type TestTensor } from "../testing/onnx.ts";
import { lowerModel, type LoweredModel } from "./lower.ts";

export * from "../testing/onnx.ts";

type OrtType =
  "bool" | "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "int64" | "uint64" | "float32";

const ORT_TYPES: Partial<Record<DTypeName, OrtType>> = {
  bool: "bool",
  u8: "uint8",
  i8: "int8",
  u16: "uint16",
  i16: "int16",
  u32: "uint32",
  i32: "int32",
  u64: "uint64",
  i64: "int64",
  f32: "float32",
};

export interface BothResults {
  readonly lowered: LoweredModel;
  readonly exact: readonly TestTensor[];
  readonly onnxruntime: readonly TestTensor[];
}

/** Lowers and runs a file, and runs it by onnxruntime. */
export async function runBoth(file: Uint8Array, feeds: readonly TestTensor[]): Promise<BothResults> {
  const lowered = lowerModel(file);
  const trace = runNaive(
    lowered.program,
    feeds.map(({ data }) => data),
  );
  const exact = lowered.outputs.map(({ dtype: type, shape }, k): TestTensor => {
    const data = trace[lowered.program.outputs[k]?.instruction ?? -1];
    if (data === undefined) throw new RangeError(`output ${k} was not computed`);
    return { dtype: type, shape, data };
  });
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const named = lowered.inputs.map(({ name }, k): [string, Tensor] => {
    const feed = feeds[k];
    if (feed === undefined) throw new RangeError(`no feed for ${name}`);
    return [name, ortTensor(feed)];
  });
  const results = await session.run(Object.fromEntries(named));
  const onnxruntime = lowered.outputs.map(({ name, dtype: type }): TestTensor => {
    const found = results[name];
    if (found === undefined) throw new RangeError(`onnxruntime gives no ${name}`);
    return { dtype: type, shape: found.dims, data: bytesOf(found) };
  });
  await session.release();
  return { lowered, exact, onnxruntime };
}

export function runCase(test: Case): Promise<BothResults> {
  const feeds = test.inputs.filter((value, k) => value !== undefined && !(test.constants ?? []).includes(k));
  return runBoth(
    caseFile(test),
    feeds.filter((value) => value !== undefined),
  );
}

function ortTensor({ dtype: name, shape, data }: TestTensor): Tensor {
  const ort = ORT_TYPES[name];
  if (ort === undefined) throw new RangeError(`no test tensors of ${name}`);
  const buffer = data.slice().buffer;
  const views = {
    bool: () => new Uint8Array(buffer),
    uint8: () => new Uint8Array(buffer),
    int8: () => new Int8Array(buffer),
    uint16: () => new Uint16Array(buffer),
    int16: () => new Int16Array(buffer),
    uint32: () => new Uint32Array(buffer),
    int32: () => new Int32Array(buffer),
    int64: () => new BigInt64Array(buffer),
    uint64: () => new BigUint64Array(buffer),
    float32: () => new Float32Array(buffer),
  };
  return new Tensor(ort, views[ort](), shape);
}

function bytesOf({ data }: Tensor): Uint8Array {
  if (!ArrayBuffer.isView(data)) throw new TypeError("not a tensor of numbers");
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/** Elements as numbers, for comparison within a tolerance. */
export function numbers({ dtype: name, data }: TestTensor): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (name === "f32") return Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  const { bytes, kind } = dtype(name);
  return Array.from({ length: data.length / bytes }, (_, i) => {
    let bits = 0n;
    for (let k = bytes - 1; k >= 0; k--) bits = (bits << 8n) | BigInt(data[i * bytes + k] ?? 0);
    return Number(kind === "int" ? BigInt.asIntN(8 * bytes, bits) : bits);
  });
}

/** Largest |a - b| / max(1, |b|); infinite where only one is NaN or infinities differ. */
export function deviation(a: TestTensor, b: TestTensor): number {
  const [x, y] = [numbers(a), numbers(b)];
  if (a.shape.join() !== b.shape.join() || x.length !== y.length) return Infinity;
  return x.reduce((worst, value, i) => {
    const other = y[i] ?? 0;
    if (Object.is(value, other) || value === other) return worst;
    const difference = Math.abs(value - other) / Math.max(1, Math.abs(other));
    return Number.isFinite(difference) ? Math.max(worst, difference) : Infinity;
  }, 0);
}

/** Largest deviation from onnxruntime over all outputs of one node; infinite where integers differ at all. */
export async function disagreement(test: Case): Promise<number> {
  const { exact, onnxruntime } = await runCase(test);
  return exact.reduce((worst, result, k) => {
    const reference = onnxruntime[k];
    if (reference === undefined) return Infinity;
    const difference = deviation(result, reference);
    return result.dtype === "f32" || difference === 0 ? Math.max(worst, difference) : Infinity;
  }, 0);
}
