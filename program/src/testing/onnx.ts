/** ONNX files, written for tests and benchmarks. */
import { create, toBinary } from "@bufbuild/protobuf";
import { dtype, type DTypeName } from "../dtype.ts";
import { product } from "../instruction.ts";
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

const ELEM_TYPES: Partial<Record<DTypeName, T>> = {
  bool: T.BOOL,
  u8: T.UINT8,
  i8: T.INT8,
  u16: T.UINT16,
  i16: T.INT16,
  u32: T.UINT32,
  i32: T.INT32,
  u64: T.UINT64,
  i64: T.INT64,
  f32: T.FLOAT,
  f16: T.FLOAT16,
  bf16: T.BFLOAT16,
};

export function elemTypeOf(name: DTypeName): T {
  const type = ELEM_TYPES[name];
  if (type === undefined) throw new RangeError(`ONNX has no ${name}`);
  return type;
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
    dataType: elemTypeOf(dtype),
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
  const value = { elemType: elemTypeOf(type), ...(dim === undefined ? {} : { shape: { dim } }) };
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
  /** Of further domains. */
  readonly imports?: Readonly<Record<string, number>>;
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
  const { opset = 17, mlOpset = 3, imports = {}, functions = [] } = graph;
  const versions = new Map([
    ["", opset],
    ["com.microsoft", 1],
    ...functions.map(({ domain }) => [domain, 1] as const),
    ["ai.onnx.ml", mlOpset],
    ...Object.entries(imports),
  ]);
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [...versions].map(([domain, version]) => ({ domain, version: BigInt(version) })),
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
  readonly imports?: Readonly<Record<string, number>>;
}

export function caseFile(test: Case): Uint8Array {
  return toBinary(ModelProtoSchema, caseModel(test));
}

export function caseModel(test: Case): ModelProto {
  const { operator, inputs, outputs, attributes, constants = [], opset, mlOpset, imports } = test;
  const names = inputs.map((value, k) => (value === undefined ? "" : `x${k}`));
  const each = <R>(f: (name: string, value: TestTensor) => R, wanted: boolean): R[] =>
    inputs.flatMap((value, k) =>
      value === undefined || constants.includes(k) !== wanted ? [] : [f(`x${k}`, value)],
    );
  return modelProto({
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
    ...(imports === undefined ? {} : { imports }),
  });
}
