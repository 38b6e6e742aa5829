/**
 * For tests: small ONNX models, run by onnxruntime and by the naive interpreter.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { dtype, type DTypeName } from "../dtype.ts";
import { product } from "../instruction.ts";
import { runNaive } from "../naive/interpret.ts";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as T,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../onnx/gen/onnx-ml_pb.js";
import { numberBits } from "../onnx/host.ts";
import { lowerModel, type LoweredModel } from "./lower.ts";

type OrtType =
  "bool" | "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "int64" | "uint64" | "float32";

const TYPES: Partial<Record<DTypeName, { elemType: T; ort: OrtType }>> = {
  bool: { elemType: T.BOOL, ort: "bool" },
  u8: { elemType: T.UINT8, ort: "uint8" },
  i8: { elemType: T.INT8, ort: "int8" },
  u16: { elemType: T.UINT16, ort: "uint16" },
  i16: { elemType: T.INT16, ort: "int16" },
  u32: { elemType: T.UINT32, ort: "uint32" },
  i32: { elemType: T.INT32, ort: "int32" },
  u64: { elemType: T.UINT64, ort: "uint64" },
  i64: { elemType: T.INT64, ort: "int64" },
  f32: { elemType: T.FLOAT, ort: "float32" },
};

function typesOf(name: DTypeName): { elemType: T; ort: OrtType } {
  const types = TYPES[name];
  if (types === undefined) throw new RangeError(`no test tensors of ${name}`);
  return types;
}

export interface TestTensor {
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export function tensor(
  name: DTypeName,
  shape: readonly number[],
  values: readonly (number | bigint)[],
): TestTensor {
  const { bytes } = dtype(name);
  const data = new Uint8Array(values.length * bytes);
  values.forEach((value, i) => {
    const bits = numberBits(name, value);
    for (let k = 0; k < bytes; k++) data[i * bytes + k] = Number((bits >> BigInt(8 * k)) & 255n);
  });
  return { dtype: name, shape, data };
}

export const scalar = (name: DTypeName, value: number): TestTensor => tensor(name, [], [value]);
export const ints = (...values: readonly number[]): TestTensor => tensor("i64", [values.length], values);

/** Deterministic pseudo-random numbers in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random elements: integers of low..high, or floats between them. */
export function randomTensor(
  next: () => number,
  name: DTypeName,
  shape: readonly number[],
  low: number,
  high: number,
): TestTensor {
  const float = name === "f32";
  const draw = () => (float ? low + next() * (high - low) : low + Math.floor(next() * (high - low + 1)));
  return tensor(name, shape, Array.from({ length: product(shape) }, draw));
}

/** `ref`: the attribute of that name of a function's call. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly ref: string; readonly type: AttributeType }
  | GraphProto
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | TestTensor;

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string")
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  if ("float" in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  if ("ref" in value) return create(AttributeProtoSchema, { name, type: value.type, refAttrName: value.ref });
  if ("node" in value) return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value });
  if ("floats" in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.floats] });
  if ("strings" in value)
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRINGS,
      strings: value.strings.map((text) => new TextEncoder().encode(text)),
    });
  if ("data" in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: tensorProto("", value) });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** @param operator With its domain, as in "com.microsoft:QGemm". */
export function node(
  operator: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  const [domain, opType] = operator.includes(":") ? operator.split(":") : ["", operator];
  return create(NodeProtoSchema, {
    name: `${opType ?? ""} of ${output[0] ?? ""}`,
    domain: domain ?? "",
    opType: opType ?? "",
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}

export function tensorProto(name: string, { dtype, shape, data }: TestTensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: typesOf(dtype).elemType,
    dims: shape.map(BigInt),
    rawData: data,
  });
}

/** @param shape Entries that are strings are symbolic; undefined leaves the shape open. */
export function info(name: string, type: DTypeName, shape?: readonly (number | string)[]): ValueInfoProto {
  const dim = shape?.map((size) => ({
    value:
      typeof size === "number"
        ? { case: "dimValue" as const, value: BigInt(size) }
        : { case: "dimParam" as const, value: size },
  }));
  const value = { elemType: typesOf(type).elemType, ...(dim === undefined ? {} : { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value } } });
}

export interface Graph {
  readonly nodes: readonly NodeProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  readonly constants?: Readonly<Record<string, TestTensor>>;
  readonly opset?: number;
  /** Version of ai.onnx.ml. */
  readonly mlOpset?: number;
  readonly functions?: readonly FunctionProto[];
}

export function graphProto({ nodes, inputs, outputs, constants = {} }: Graph): GraphProto {
  return create(GraphProtoSchema, {
    name: "test",
    node: [...nodes],
    input: [...inputs],
    output: [...outputs],
    initializer: Object.entries(constants).map(([name, value]) => tensorProto(name, value)),
  });
}

export function modelProto(graph: Graph): ModelProto {
  const { opset = 17, mlOpset = 3, functions = [] } = graph;
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: "", version: BigInt(opset) },
      { domain: "com.microsoft", version: 1n },
      ...[...new Set(functions.map(({ domain }) => domain))].map((domain) => ({ domain, version: 1n })),
      { domain: "ai.onnx.ml", version: BigInt(mlOpset) },
    ],
    graph: graphProto(graph),
    functions: [...functions],
  });
}

export function modelFile(graph: Graph): Uint8Array {
  return toBinary(ModelProtoSchema, modelProto(graph));
}

/** One node over the given inputs; those in `constants` are initializers. Outputs are named y0, y1, ... */
export interface Case {
  readonly operator: string;
  readonly inputs: readonly (TestTensor | undefined)[];
  readonly outputs: readonly DTypeName[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Positions of the inputs that are initializers. */
  readonly constants?: readonly number[];
  readonly opset?: number;
  readonly mlOpset?: number;
}

export function caseFile(test: Case): Uint8Array {
  const { operator, inputs, outputs, attributes, constants = [], opset, mlOpset } = test;
  const names = inputs.map((value, k) => (value === undefined ? "" : `x${k}`));
  const each = <R>(f: (name: string, value: TestTensor) => R, wanted: boolean): R[] =>
    inputs.flatMap((value, k) =>
      value === undefined || constants.includes(k) !== wanted ? [] : [f(`x${k}`, value)],
    );
  return modelFile({
    nodes: [
      node(
        operator,
        names,
        outputs.map((_, k) => `y${k}`),
        attributes,
      ),
    ],
    inputs: each((name, value) => info(name, value.dtype, value.shape), false),
    outputs: outputs.map((type, k) => info(`y${k}`, type)),
    constants: Object.fromEntries(each((name, value) => [name, value] as const, true)),
    ...(opset === undefined ? {} : { opset }),
    ...(mlOpset === undefined ? {} : { mlOpset }),
  });
}

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
  const { ort } = typesOf(name);
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
