/**
 * ONNX models that mean no good: nodes of every rule with operands and attributes of any kind, alone, chained and nested.
 * Most are to be refused; whatever comes of them, lowering must say so in good time.
 */
import { create } from "@bufbuild/protobuf";
import { dtype, DTYPES, type DTypeName } from "../dtype.ts";
import { product } from "../instruction.ts";
import { LAST_OPSET, type Rule } from "../lower/registry.ts";
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
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../onnx/gen/onnx-ml_pb.js";
import { randomTensor } from "./elements.ts";
import { ALL_RULES } from "./instances/index.ts";
import { elemTypeOf, tensor } from "./onnx.ts";
import type { Rng } from "./rng.ts";

const NAMES = DTYPES.map(({ name }) => name).filter((name) => name !== "acc");
const MANY_BYTES = 4096;

const HUGE = [
  2n ** 31n,
  2n ** 31n - 1n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 40n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
];
/** What an attribute, a coordinate or a size may be. */
export function hostileInteger(rng: Rng): bigint {
  const sign = rng.chance(0.3) ? -1n : 1n;
  if (rng.chance(0.75)) return sign * BigInt(rng.int(0, rng.pick([1, 2, 4, 8, 40])));
  if (rng.chance(0.3)) return sign * BigInt(rng.int(100, 70_000));
  return sign * rng.pick(HUGE);
}

const FLOATS = [0, -0, 1, -1, 0.5, 2, 1e-5, 1e30, -1e30, 1e-45, Infinity, -Infinity, NaN];

/** A dimension of an input: mostly small. */
export function hostileDim(rng: Rng): bigint {
  if (rng.chance(0.9)) return BigInt(rng.pick([1, 1, 2, 2, 3, 4, 5, 7, 8]));
  return rng.chance(0.4) ? 0n : rng.pick([...HUGE, -1n, -4n, 1000n, 65_535n, 65_536n]);
}

function shape(rng: Rng): bigint[] {
  return Array.from({ length: rng.pick([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6]) }, () => hostileDim(rng));
}

/** Words that some operator understands, and some that none does. */
const WORDS = (
  "NOTSET SAME_UPPER SAME_LOWER VALID constant reflect edge wrap nearest linear cubic bilinear bicubic avg max sum mean none add " +
  "mul min forward reverse bidirectional DCR CRD tanh zeros border reflection LEFT RIGHT SOFTMAX SOFTMAX_ZERO LOGISTIC NONE PROBIT " +
  "POLY RBF SIGMOID LINEAR L1 L2 MAX TF IDF TFIDF BRANCH_LEQ BRANCH_LT BRANCH_EQ LEAF half_pixel align_corners asymmetric " +
  "pytorch_half_pixel tf_crop_and_resize half_pixel_symmetric output_half_pixel round_prefer_floor floor ceil stretch not_larger " +
  "not_smaller Sigmoid Tanh Relu HardSigmoid Affine Softplus Elu circular linear gated delta gated_delta standard nesterov silu " +
  "ij,jk->ik i...,...j->ij ii->i ...ij->...ji i,j,k->ijk abcdefghijklmnop-> ->-> ,,, a.b ij,j"
).split(" ");

function word(rng: Rng): string {
  if (rng.chance(0.85)) return rng.pick(WORDS);
  return rng.pick(["", "\u0000", "x".repeat(300), "NaN", "__proto__", "constructor", "toString"]);
}

/** The type that a rule reads an attribute as; of those not here, ints or an int by the name's last letter. */
const TYPES: readonly (readonly [RegExp, AttributeType])[] = [
  [/^(body|then_branch|else_branch)$/, AttributeType.GRAPH],
  [/_tensor$|^(value|membership_values|nodes_splits|nodes_hitrates|leaf_weights)$/, AttributeType.TENSOR],
  [
    /^(norm|post_transform|mode|auto_pad|direction|equation|reduction|activation|update_rule)$/,
    AttributeType.STRING,
  ],
  [
    /^(coordinate_transformation_mode|nearest_mode|keep_aspect_ratio_policy|aggregate_function|kernel_type|approximate|multi_class)$/,
    AttributeType.STRING,
  ],
  [/^(padding_mode|round_mode|default_string|[kv]_quant_type|qk_output)$/, AttributeType.STRING],
  [/_strings$|^(activations|nodes_modes)$/, AttributeType.STRINGS],
  [
    /_floats$|_weights$|_values$|_hitrates$|^(activation_alpha|activation_beta|coefficients|intercepts|support_vectors|rho|kernel_params)$/,
    AttributeType.FLOATS,
  ],
  [/^(offset|scale|scales|weights)$/, AttributeType.FLOATS],
  [
    /_float$|epsilon$|^(alpha|beta|gamma|bias|lambd|threshold|softcap|scale|clip|momentum|ratio|spatial_scale|cubic_coeff_a)$/,
    AttributeType.FLOAT,
  ],
  [
    /_coefficient(_post)?$|^(extrapolation_value|decay_factor|mask_filter_value|max|min)$/,
    AttributeType.FLOAT,
  ],
  [/^(p|bias|transA|transB|axis|keepdims|num_outputs|is_causal|num_heads|bits)$/, AttributeType.INT],
  [
    /ids$|ints$|_int64s$|axes$|s$|^(perm|kernel_shape|pooled_shape|output_shape|output_padding|split)$/,
    AttributeType.INTS,
  ],
];

const ANY_TYPE = [
  ...[AttributeType.INT, AttributeType.INTS, AttributeType.FLOAT, AttributeType.FLOATS, AttributeType.STRING],
  ...[AttributeType.STRINGS, AttributeType.TENSOR, AttributeType.GRAPH, AttributeType.UNDEFINED],
];

function typeOf(rng: Rng, name: string): AttributeType {
  if (rng.chance(0.06)) return rng.pick(ANY_TYPE);
  return TYPES.find(([pattern]) => pattern.test(name))?.[1] ?? AttributeType.INT;
}

const ints = (rng: Rng): bigint[] => {
  const length = rng.pick([0, 1, 1, 2, 2, 3, 4, 4, 6, 8]);
  if (rng.chance(0.3)) return Array.from({ length }, (_, k) => BigInt(k));
  if (rng.chance(0.3)) return Array.from({ length }, () => 1n);
  if (rng.chance(0.5)) return Array.from({ length }, () => BigInt(rng.int(0, 3)));
  return Array.from({ length }, () => hostileInteger(rng));
};

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** An attribute of that type (or another one's fields) that says anything. */
export function hostileAttribute(
  rng: Rng,
  name: string,
  type: AttributeType = typeOf(rng, name),
  depth = 0,
): AttributeProto {
  const list = <R>(make: () => R): R[] => Array.from({ length: rng.pick([0, 1, 2, 3, 4, 6]) }, make);
  return create(AttributeProtoSchema, {
    name,
    type,
    ...(type === AttributeType.INT ? { i: hostileInteger(rng) } : {}),
    ...(type === AttributeType.FLOAT ? { f: rng.pick(FLOATS) } : {}),
    ...(type === AttributeType.STRING
      ? { s: rng.chance(0.03) ? Uint8Array.of(0xff, 0xfe) : bytes(word(rng)) }
      : {}),
    ...(type === AttributeType.INTS ? { ints: ints(rng) } : {}),
    ...(type === AttributeType.FLOATS ? { floats: list(() => rng.pick(FLOATS)) } : {}),
    ...(type === AttributeType.STRINGS ? { strings: list(() => bytes(word(rng))) } : {}),
    ...(type === AttributeType.TENSOR && rng.chance(0.95)
      ? { t: hostileTensor(rng, "", rng.pick(NAMES)) }
      : {}),
    ...(type === AttributeType.GRAPH && rng.chance(0.95) ? { g: hostileBody(rng, depth + 1) } : {}),
  });
}

/** Elements that mean something as sizes, axes, coordinates or flags; or anything. */
function elements(rng: Rng, name: DTypeName, count: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(count * dtype(name).bytes);
  if (rng.chance(0.35)) return new Uint8Array(randomTensor(rng, name, count));
  const { kind, bytes: width } = dtype(name);
  const values = Array.from({ length: count }, () => {
    if (kind === "float") return rng.pick([0, 1, 2, -1, 0.5, 3, 100]);
    return rng.int(rng.chance(0.3) ? -4 : 0, 4);
  });
  if (name === "i64" && rng.chance(0.25)) {
    const view = new DataView(data.buffer);
    for (let i = 0; i < count; i++) view.setBigInt64(width * i, hostileInteger(rng), true);
    return data;
  }
  return new Uint8Array(
    tensor(
      name,
      [count],
      values.map((v) => (kind === "int" || kind === "float" ? v : Math.abs(v) % 2)),
    ).data,
  );
}

/** Initializers: mostly small and sound. */
export function hostileTensor(rng: Rng, name: string, type: DTypeName): TensorProto {
  const dims = rng.chance(0.5) ? [BigInt(rng.pick([1, 1, 2, 3, 4, 8]))] : shape(rng);
  const count = product(dims.map(Number));
  const sound = count >= 0 && count * dtype(type).bytes <= MANY_BYTES;
  const rawData = elements(rng, type, sound ? count : rng.int(0, 8));
  const proto = create(TensorProtoSchema, { name, dataType: elemTypeOf(type), dims, rawData });
  if (rng.chance(0.03)) proto.rawData = rawData.slice(1);
  if (rng.chance(0.02))
    proto.dataType = rng.pick([T.INT4, T.UINT4, T.INT2, T.UINT2, T.DOUBLE, T.STRING, 0, 99]);
  return proto;
}

export function valueInfo(
  name: string,
  elemType: number,
  dims?: readonly (bigint | string)[],
): ValueInfoProto {
  const dim = dims?.map((size) => ({
    value:
      typeof size === "bigint"
        ? { case: "dimValue" as const, value: size }
        : { case: "dimParam" as const, value: size },
  }));
  const value = { elemType, ...(dim === undefined ? {} : { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value } } });
}

function nodeOf(
  rng: Rng,
  [operator, rule]: readonly [string, Rule],
  input: string[],
  output: string[],
  depth: number,
): NodeProto {
  const [domain, opType] = operator.includes(":") ? operator.split(":") : ["", operator];
  const density = rng.pick([0.1, 0.5, 0.9]);
  const names = rule.attributes.filter((name) => TYPES[0]?.[0].test(name) === true || rng.chance(density));
  if (rng.chance(0.02)) names.push(rng.pick(["axis", "to", "surprise"]));
  return create(NodeProtoSchema, {
    domain: domain ?? "",
    opType: opType ?? "",
    input,
    output,
    attribute: names.map((name) => hostileAttribute(rng, name, typeOf(rng, name), depth)),
  });
}

const MAX_DEPTH = 3;

/** A graph for an attribute: of a few nodes over its own inputs, constants, and names from outside. */
function hostileBody(rng: Rng, depth: number): GraphProto {
  if (depth > MAX_DEPTH || rng.chance(0.05)) return create(GraphProtoSchema, {});
  const input = Array.from({ length: rng.int(0, 4) }, (_, k) =>
    valueInfo(`b${depth}_${k}`, elemTypeOf(rng.pick(NAMES))),
  );
  const names = input.map(({ name }) => name);
  const initializer: TensorProto[] = [];
  const node: NodeProto[] = [];
  for (let k = 0; k < rng.int(1, 3); k++)
    node.push(hostileNode(rng, { names, initializer, tag: `g${depth}_${rng.u32() % 1000}_${k}`, depth }));
  const output = Array.from({ length: rng.int(1, 3) }, () => valueInfo(rng.pick([...names, "x0"]), T.FLOAT));
  return create(GraphProtoSchema, { name: "body", input, output, node, initializer });
}

interface Scope {
  /** What is defined so far; a node's outputs are added. */
  readonly names: string[];
  readonly initializer: TensorProto[];
  readonly tag: string;
  readonly depth: number;
}

const SIMPLE = [
  "Add",
  "Identity",
  "Cast",
  "Concat",
  "Less",
  "Loop",
  "If",
  "Reshape",
  "Slice",
  "Mul",
  "Shape",
];

function hostileNode(rng: Rng, { names, initializer, tag, depth }: Scope): NodeProto {
  const simple = ALL_RULES.filter(([operator]) => SIMPLE.includes(operator));
  const inputs = Array.from({ length: rng.int(1, 3) }, (_, k) => {
    if (names.length > 0 && rng.chance(0.6)) return rng.pick(names);
    initializer.push(hostileTensor(rng, `${tag}c${k}`, rng.pick(NAMES)));
    return `${tag}c${k}`;
  });
  const outputs = Array.from({ length: rng.pick([1, 1, 2]) }, (_, k) => `${tag}o${k}`);
  const node = nodeOf(rng, rng.pick(simple), inputs, outputs, depth);
  names.push(...outputs);
  return node;
}

/** A model of a node of this rule, and sometimes of more behind it. */
export function hostileModel(rng: Rng, [operator, rule]: readonly [string, Rule]): ModelProto {
  const common = rng.pick([...NAMES, "f32", "f32", "f32", "f16", "i64"] as const);
  const usual = shape(rng);
  const initializer: TensorProto[] = [];
  const input: ValueInfoProto[] = [];
  const names = Array.from({ length: rng.int(0, rng.pick([2, 3, 4, 9])) }, (_, k) => {
    if (rng.chance(0.08)) return "";
    const name = `x${k}`;
    const list = k > 0 && rng.chance(0.3);
    const type = list ? "i64" : rng.chance(0.75) ? common : rng.pick(NAMES);
    if (list || rng.chance(0.25)) initializer.push(hostileTensor(rng, name, type));
    else {
      const dims: (bigint | string)[] = rng.chance(0.5) ? [...usual] : shape(rng);
      if (rng.chance(0.01)) dims.push("N");
      const elemType = rng.chance(0.02) ? rng.pick([T.INT4, T.UINT2, T.DOUBLE, T.STRING]) : elemTypeOf(type);
      input.push(valueInfo(name, elemType, rng.chance(0.01) ? undefined : dims));
    }
    return name;
  });
  const outputs = Array.from({ length: rng.pick([1, 1, 1, 2, 3, 5]) }, (_, k) =>
    rng.chance(0.05) ? "" : `y${k}`,
  );
  const node = [nodeOf(rng, [operator, rule], names, outputs, 0)];
  const known = [...names, ...outputs].filter((name) => name !== "");
  while (rng.chance(0.15))
    node.push(hostileNode(rng, { names: known, initializer, tag: `n${node.length}`, depth: 0 }));
  const last = node.at(-1)?.output ?? [];
  const wanted = rng.chance(0.8) ? last.slice(0, 1) : last;
  const [domain] = operator.includes(":") ? operator.split(":") : [""];
  const until = Math.min(rule.until ?? LAST_OPSET, domain === "" ? LAST_OPSET : rule.since + 3);
  const opset = rng.chance(0.02) ? rng.int(0, 30) : rng.int(rule.since, Math.max(rule.since, until));
  const main = domain === "" ? opset : rng.int(13, LAST_OPSET);
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: "", version: BigInt(main) },
      ...(domain === "" ? [] : [{ domain: domain ?? "", version: BigInt(opset) }]),
    ],
    graph: {
      name: "hostile",
      node,
      input,
      initializer,
      output: wanted.map((name) => valueInfo(name, elemTypeOf(common))),
    },
  });
}
