/**
 * For tests: small ONNX models, run by onnxruntime and by the naive interpreter.
 */
import { expect } from "chai";
import { dtype, type DTypeName } from "../dtype.ts";
import { runNaive } from "../naive/interpret.ts";
import { ModelError, type ModelErrorCode } from "../onnx/error.ts";
import { InferenceSession, Tensor } from "../onnx/onnxruntime.ts";
import { caseFile, random, randomTensor, tensor, type Case, type TestTensor } from "../testing/onnx.ts";
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

/** Random floats of low..high. */
export function floats(seed: number, shape: readonly number[], low = -2, high = 2): TestTensor {
  return randomTensor(random(seed), "f32", shape, low, high);
}

/** Random whole numbers of low..high; of "f32", random floats. */
export function whole(
  seed: number,
  type: DTypeName,
  shape: readonly number[],
  low: number,
  high: number,
): TestTensor {
  return randomTensor(random(seed), type, shape, low, high);
}

export const vector = (...values: readonly number[]): TestTensor => tensor("f32", [values.length], values);

/** The inputs that are fed: those that are neither absent nor initializers. */
export function feedsOf({ inputs, constants = [] }: Case): TestTensor[] {
  return inputs.filter((_, k) => !constants.includes(k)).filter((value) => value !== undefined);
}

/** The exact outputs of one node, without onnxruntime. */
export function runExact(test: Case): TestTensor[] {
  return runExactFile(caseFile(test), feedsOf(test));
}

/** The exact outputs of a file, without onnxruntime. */
export function runExactFile(file: Uint8Array, feeds: readonly TestTensor[]): TestTensor[] {
  return execute(lowerModel(file), feeds);
}

function execute({ program, outputs }: LoweredModel, feeds: readonly TestTensor[]): TestTensor[] {
  const trace = runNaive(
    program,
    feeds.map(({ data }) => data),
  );
  return outputs.map(({ dtype: type, shape }, k) => {
    const data = trace[program.outputs[k]?.instruction ?? -1];
    if (data === undefined) throw new RangeError(`output ${k} was not computed`);
    return { dtype: type, shape, data };
  });
}

/** Lowers and runs a file, and runs it by onnxruntime. */
export async function runBoth(file: Uint8Array, feeds: readonly TestTensor[]): Promise<BothResults> {
  const lowered = lowerModel(file);
  const exact = execute(lowered, feeds);
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
  return runBoth(caseFile(test), feedsOf(test));
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

/**
 * Expects the exact results to have onnxruntime's shapes and bytes.
 * @param tolerance Where given, results of f32 may deviate by as much instead.
 */
export function expectAlike({ exact, onnxruntime }: BothResults, tolerance?: number, label = "file"): void {
  exact.forEach((result, k) => {
    const place = `${label} output ${k}`;
    const reference = onnxruntime[k];
    if (reference === undefined) throw new RangeError(`onnxruntime gives no ${place}`);
    expect(result.shape, place).to.deep.equal(reference.shape);
    if (result.dtype === "f32" && tolerance !== undefined)
      expect(deviation(result, reference), place).to.be.at.most(tolerance);
    else expect(hex(result), place).to.equal(hex(reference));
  });
}

const hex = ({ data }: TestTensor): string => Buffer.from(data).toString("hex");
const labelOf = ({ operator, attributes }: Case): string => `${operator} ${JSON.stringify(attributes ?? {})}`;

/** Expects one node's results to be onnxruntime's: of f32 within the tolerance, of all else bit for bit. */
export async function expectAgreement(test: Case, tolerance = 1e-5): Promise<LoweredModel> {
  const results = await runCase(test);
  expectAlike(results, tolerance, labelOf(test));
  return results.lowered;
}

/** Expects one node's results to be onnxruntime's bit for bit, those of f32 too. */
export async function expectSameBytes(test: Case): Promise<void> {
  expectAlike(await runCase(test), undefined, labelOf(test));
}

/** Expects a node or a file not to be lowered, for the reason of that code. */
export function expectRefusal(code: ModelErrorCode, test: Case | Uint8Array): ModelError {
  const [file, label] = test instanceof Uint8Array ? [test, "file"] : [caseFile(test), labelOf(test)];
  try {
    lowerModel(file);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    expect(error.code, `${label}: ${error.message}`).to.equal(code);
    return error;
  }
  throw new Error(`${label} was lowered, though it is ${code}`);
}
