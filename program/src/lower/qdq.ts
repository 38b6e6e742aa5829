/**
 * Quantised graphs in onnxruntime's QDQ format: float operators whose inputs come from DequantizeLinear and whose output goes to
 * QuantizeLinear compute on integers there (onnxruntime/core/optimizer/qdq_transformer, extended optimisation), and so do they here: each
 * such group becomes the operator on integers. Scales and zero points have to be initializers, of 8-bit tensors, one of each per
 * tensor; of weights, one per output channel.
 */
import { create } from "@bufbuild/protobuf";
import { integerRange } from "../dtype.ts";
import { AttributeProto_AttributeType as Type, AttributeProtoSchema } from "../onnx/gen/onnx-ml_pb.js";
import type { OnnxNode } from "../onnx/graph.ts";
import { float32At, integers, type HostTensor } from "../onnx/host.ts";

/** A tensor with its scale and zero point, as operators on integers take them. */
interface Quantised {
  readonly names: readonly [value: string, scale: string, zero: string];
  readonly dtype: string;
  /** The axis along which there are several scales. */
  readonly axis: number | undefined;
}

interface Group {
  readonly node: OnnxNode;
  /** One per input that is dequantised. */
  readonly inputs: readonly (Quantised | undefined)[];
  readonly output: Quantised | undefined;
}

type Replacement = Pick<OnnxNode, "operator" | "inputs"> & Partial<Pick<OnnxNode, "attributes">>;

const CONTRIB = "com.microsoft:";
const EIGHT_BITS: ReadonlySet<string> = new Set(["u8", "i8"]);

/** Inputs all dequantised, one scale each, and the output quantised to the dtype of the first. */
function plain({ inputs, output }: Group): readonly [first: Quantised, ...Quantised[]] | undefined {
  const all = inputs.flatMap((input) => (input === undefined ? [] : [input]));
  const [first, ...rest] = all;
  if (first === undefined || output === undefined || all.length !== inputs.length) return undefined;
  if (!EIGHT_BITS.has(first.dtype)) return undefined;
  if (![...all, output].every(({ dtype, axis }) => dtype === first.dtype && axis === undefined))
    return undefined;
  return [first, ...rest];
}

function unary(group: Group): Replacement | undefined {
  const [x, ...more] = plain(group) ?? [];
  if (x === undefined || more.length > 0 || group.output === undefined) return undefined;
  const { operator, attributes, opset } = group.node;
  const own = new Map(attributes);
  if (operator === "Softmax") {
    // Its default differs between opsets.
    const axis = opset < 13 ? 1n : -1n;
    if (!own.has("axis")) own.set("axis", integer("axis", axis));
    own.set("opset", integer("opset", BigInt(opset)));
  }
  return {
    operator: `${CONTRIB}QLinear${operator}`,
    inputs: [...x.names, ...group.output.names.slice(1)],
    attributes: own,
  };
}

function integer(name: string, i: bigint) {
  return create(AttributeProtoSchema, { name, type: Type.INT, i });
}

function binary(group: Group): Replacement | undefined {
  const operands = plain(group);
  if (operands?.length !== 2 || group.output === undefined) return undefined;
  return {
    operator: `${CONTRIB}QLinear${group.node.operator}`,
    inputs: [...operands.flatMap(({ names }) => names), ...group.output.names.slice(1)],
  };
}

function concat(group: Group): Replacement | undefined {
  const operands = plain(group);
  if (operands === undefined || group.output === undefined) return undefined;
  return {
    operator: `${CONTRIB}QLinearConcat`,
    inputs: [...group.output.names.slice(1), ...operands.flatMap(({ names }) => names)],
  };
}

/** Products: activations and weights of 8 bits, an output of the activations' dtype if it is quantised at all, a bias of int32. */
function product(
  { node, inputs, output }: Group,
  weightAxis: number,
): { x: Quantised; w: Quantised; bias: Quantised | undefined } | undefined {
  const [x, w, bias] = inputs;
  if (
    x === undefined ||
    w === undefined ||
    x.axis !== undefined ||
    bias?.dtype !== (inputs.length > 2 ? "i32" : undefined)
  )
    return undefined;
  if (!EIGHT_BITS.has(x.dtype) || !EIGHT_BITS.has(w.dtype)) return undefined;
  if (w.axis !== undefined && w.axis !== weightAxis) return undefined;
  if (output !== undefined && (output.dtype !== x.dtype || output.axis !== undefined)) return undefined;
  return node.inputs.length > 3 ? undefined : { x, w, bias };
}

function conv(group: Group): Replacement | undefined {
  const found = product(group, 0);
  if (found === undefined || group.output === undefined || found.x.dtype === "i8") return undefined;
  const { x, w, bias } = found;
  const rest = bias === undefined ? [] : [bias.names[0]];
  return {
    operator: "QLinearConv",
    inputs: [...x.names, ...w.names, ...group.output.names.slice(1), ...rest],
  };
}

function matmul(group: Group): Replacement | undefined {
  const found = product(group, 1);
  if (found === undefined || found.bias !== undefined || found.x.dtype === "i8") return undefined;
  const { x, w } = found;
  if (group.output !== undefined)
    return { operator: "QLinearMatMul", inputs: [...x.names, ...w.names, ...group.output.names.slice(1)] };
  const [a, b, scales, zeros] = [x.names[0], w.names[0], [x.names[1], w.names[1]], [x.names[2], w.names[2]]];
  return { operator: `${CONTRIB}MatMulIntegerToFloat`, inputs: [a, b, ...scales, ...zeros] };
}

function gemm(group: Group): Replacement | undefined {
  const { attributes } = group.node;
  const found = product(group, attributes.get("transB")?.i === 1n ? 0 : 1);
  if (found?.x.dtype === "i8" && found.w.dtype !== "i8") return undefined;
  if (found === undefined || (attributes.get("beta")?.f ?? 1) !== 1) return undefined;
  const { x, w, bias } = found;
  const [, scale = "", zero = ""] = group.output?.names ?? [];
  const own = new Map(attributes);
  own.delete("beta");
  return {
    operator: `${CONTRIB}QGemm`,
    inputs: [...x.names, ...w.names, bias?.names[0] ?? "", scale, zero],
    attributes: own,
  };
}

/** Operators that only move or choose elements do so with the integers, if scale and zero point stay the same. */
function carried({ node, inputs, output }: Group): Replacement | undefined {
  const [x] = inputs;
  if (x === undefined || output === undefined || x.axis !== undefined) return undefined;
  if (x.names[1] !== output.names[1] || x.names[2] !== output.names[2]) return undefined;
  return { operator: node.operator, inputs: [x.names[0], ...node.inputs.slice(1)] };
}

const GROUPS: Readonly<Record<string, (group: Group) => Replacement | undefined>> = {
  Conv: conv,
  MatMul: matmul,
  Gemm: gemm,
  Add: binary,
  Mul: binary,
  Concat: concat,
  AveragePool: unary,
  GlobalAveragePool: unary,
  LeakyRelu: unary,
  Sigmoid: unary,
  Softmax: unary,
  Expand: carried,
  Flatten: carried,
  Gather: carried,
  Reshape: carried,
  Slice: carried,
  Squeeze: carried,
  Tile: carried,
  Transpose: carried,
  Unsqueeze: carried,
};

/** The dtype of a quantised tensor and the axis of its scales. @returns undefined if they are not known. */
function parametersOf(
  { inputs, attributes }: OnnxNode,
  initializers: ReadonlyMap<string, HostTensor>,
  value: HostTensor | undefined,
): Pick<Quantised, "dtype" | "axis"> | undefined {
  const [, scaleName = "", zeroName = ""] = inputs;
  const scale = initializers.get(scaleName);
  const zero = initializers.get(zeroName);
  if (scale?.dtype !== "f32" || (attributes.get("block_size")?.i ?? 0n) !== 0n) return undefined;
  // A bias has no zero point.
  const dtype = zero?.dtype ?? (zeroName === "" && value?.dtype === "i32" ? "i32" : undefined);
  if (dtype === undefined || zero?.bits !== undefined) return undefined;
  const elements = scale.shape.reduce((n, size) => n * size, 1);
  if (elements === 1) return { dtype, axis: undefined };
  const axis = Number(attributes.get("axis")?.i ?? 1n);
  const rank = value?.shape.length;
  return rank === undefined ? undefined : { dtype, axis: axis < 0 ? axis + rank : axis };
}

/** Whether Relu or Clip changes nothing that is quantised after it. */
function isRedundant(
  { operator, inputs }: OnnxNode,
  quantise: OnnxNode,
  initializers: ReadonlyMap<string, HostTensor>,
): boolean {
  const float = (name = ""): number => {
    const tensor = initializers.get(name);
    return tensor?.dtype === "f32" && tensor.data.length === 4 ? float32At(tensor, 0) : NaN;
  };
  const scale = float(quantise.inputs[1]);
  const zeros = initializers.get(quantise.inputs[2] ?? "");
  if (zeros === undefined || zeros.data.length !== 1 || !EIGHT_BITS.has(zeros.dtype) || !(scale > 0))
    return false;
  const [zero = 0] = integers(zeros).map(Number);
  const [least, most] = integerRange(zeros.dtype).map(Number) as [number, number];
  const bound = (name = "", absent: number): number => (name === "" ? absent : float(name));
  const [low, high] =
    operator === "Relu" ? [0, Infinity] : [bound(inputs[1], -Infinity), bound(inputs[2], Infinity)];
  return Math.fround((least - zero) * scale) >= low && Math.fround((most - zero) * scale) <= high;
}

/** Who makes and who reads the values of a graph. */
interface Wiring {
  readonly makers: ReadonlyMap<string, OnnxNode>;
  /** The only node that reads what this one makes; undefined if there are others, or none. */
  readonly readerOf: (node: OnnxNode | undefined) => OnnxNode | undefined;
  /** How many inputs of nodes and outputs of the graph it is. */
  readonly uses: (name: string) => number;
}

function wire(nodes: readonly OnnxNode[], outputs: readonly string[]): Wiring {
  const makers = new Map<string, OnnxNode>();
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of node.outputs) makers.set(name, node);
    for (const name of [...node.inputs, ...node.captures]) {
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [node]);
      else known.push(node);
    }
  }
  const shown = new Set(outputs);
  const readerOf = (node: OnnxNode | undefined): OnnxNode | undefined => {
    const [name = ""] = node?.outputs ?? [];
    const [reader, ...others] = readers.get(name) ?? [];
    return others.length > 0 || node?.outputs.length !== 1 || shown.has(name) ? undefined : reader;
  };
  const uses = (name: string): number => (readers.get(name)?.length ?? 0) + (shown.has(name) ? 1 : 0);
  return { makers, readerOf, uses };
}

/** An i8 zero point as that of the same numbers as u8. @returns undefined if it is none. */
function asUnsigned(zero: HostTensor | undefined): HostTensor | undefined {
  if (zero?.dtype !== "i8" || zero.data.length !== 1 || zero.bits !== undefined) return undefined;
  return { ...zero, dtype: "u8", data: Uint8Array.of((zero.data[0] ?? 0) ^ 128) };
}

/** Tensors of i8 that one operator reads, between QuantizeLinear and DequantizeLinear, become u8, as onnxruntime makes them on x86-64. */
function unsign(
  nodes: readonly OnnxNode[],
  initializers: ReadonlyMap<string, HostTensor>,
  outputs: readonly string[],
): { nodes: readonly OnnxNode[]; zeros: ReadonlyMap<string, HostTensor> } {
  const { readerOf, uses } = wire(nodes, outputs);
  const zeros = new Map<string, HostTensor>();
  const changed = new Map<OnnxNode, OnnxNode>();
  for (const node of nodes) {
    const next = readerOf(node);
    if (node.operator !== "QuantizeLinear" || next?.operator !== "DequantizeLinear") continue;
    // onnxruntime gives each operator a DequantizeLinear of its own first.
    if (uses(next.outputs[0] ?? "") !== 1) continue;
    const zero = asUnsigned(initializers.get(node.inputs[2] ?? ""));
    const other = asUnsigned(initializers.get(next.inputs[2] ?? ""));
    if (zero === undefined || other?.data[0] !== zero.data[0]) continue;
    const name = `${node.inputs[2] ?? ""} as u8`;
    if (initializers.has(name)) continue;
    zeros.set(name, zero);
    for (const one of [node, next]) changed.set(one, { ...one, inputs: [...one.inputs.slice(0, 2), name] });
  }
  return { nodes: nodes.map((node) => changed.get(node) ?? node), zeros };
}

/**
 * @param outputs Names of the graph's outputs.
 * @returns the nodes with such groups replaced, in an order in which they can run, and what they read beside the graph's own initializers.
 */
export function fuseQuantised(
  graph: readonly OnnxNode[],
  given: ReadonlyMap<string, HostTensor>,
  outputs: readonly string[],
): { nodes: OnnxNode[]; zeros: ReadonlyMap<string, HostTensor> } {
  const { nodes, zeros } = unsign(graph, given, outputs);
  const initializers = new Map([...given, ...zeros]);
  const { makers, readerOf } = wire(nodes, outputs);
  /** A tensor as QuantizeLinear makes it or DequantizeLinear reads it. */
  const quantised = (node: OnnxNode, name: string): Quantised | undefined => {
    const [, scale = "", zero = ""] = node.inputs;
    const known = parametersOf(node, initializers, initializers.get(name));
    return known && { names: [name, scale, zero], ...known };
  };
  const dequantised = (name: string): Quantised | undefined => {
    const maker = makers.get(name);
    return maker?.operator === "DequantizeLinear" ? quantised(maker, maker.inputs[0] ?? "") : undefined;
  };
  const gone = new Set<OnnxNode>();
  const fused = nodes.map((node): OnnxNode => {
    const replace = GROUPS[node.operator];
    if (
      replace === undefined ||
      !node.inputs.some((name) => makers.get(name)?.operator === "DequantizeLinear")
    )
      return node;
    const next = readerOf(node);
    const clip = next?.operator === "Relu" || next?.operator === "Clip" ? next : undefined;
    const quantise = clip === undefined ? next : readerOf(clip);
    const ends =
      quantise?.operator === "QuantizeLinear" &&
      quantise.inputs[0] === (clip ?? node).outputs[0] &&
      (clip === undefined || isRedundant(clip, quantise, initializers));
    const output = ends ? quantised(quantise, quantise.outputs[0] ?? "") : undefined;
    // An output that goes to QuantizeLinear in a way that is not understood is left as it is.
    if (quantise?.operator === "QuantizeLinear" && output === undefined) return node;
    const made = replace({ node, inputs: node.inputs.map(dequantised), output });
    if (made === undefined) return node;
    if (output !== undefined) for (const part of [clip, quantise]) if (part !== undefined) gone.add(part);
    return {
      ...{ ...node, ...made, opset: made.operator.startsWith(CONTRIB) ? 1 : node.opset },
      outputs: output === undefined ? node.outputs : [output.names[0]],
    };
  });
  return { nodes: fused.filter((_, k) => !gone.has(nodes[k] as OnnxNode)), zeros };
}
