/**
 * Products of u8 activations and i8 weights. Without VNNI, onnxruntime's x86-64 kernels add two of them in 16 bits and
 * saturate (VPMADDUBSW), so that processors differ. Pure.
 */
import { hostTensor } from "../../../program/src/onnx/tensor.ts";
import { integers, type HostTensor } from "../../../program/src/onnx/host.ts";
import type { OnnxGraph, OnnxNode } from "../../../program/src/onnx/graph.ts";
import type { OnnxModel } from "../../../program/src/onnx/model.ts";
import type { DTypeName } from "../../../program/src/dtype.ts";

export interface Saturation {
  readonly node: string;
  readonly operator: string;
  /** Name of the i8 weights in the file. */
  readonly weights: string;
  /** Whether the product is one of floats between QuantizeLinear and DequantizeLinear, which onnxruntime replaces. */
  readonly fused: boolean;
  /** Largest |w1 + w2| of two weights of one output column, which two activations of 255 multiply; undefined: not known before the run. */
  readonly pair: number | undefined;
}

/** 255 * |w1 + w2| stays within 16 bits up to here. */
export const GREATEST_SAFE_PAIR = Math.floor(32_767 / 255);

type Graph = Pick<OnnxGraph, "initializers" | "nodes">;

/** What names stand for, in a graph and those around it. */
interface Scope {
  readonly dtypes: ReadonlyMap<string, DTypeName>;
  readonly initializers: ReadonlyMap<string, HostTensor>;
  readonly producers: ReadonlyMap<string, OnnxNode>;
}

/** Positions of the operands and of the weights' columns in the inputs and shapes of a product. */
interface Product {
  readonly activations: number;
  readonly weights: number;
  readonly zeros: readonly [activations: number, weights: number] | undefined;
  /** Axis of the weights that tells output columns apart. */
  readonly axis: number;
}

/** Enums of ONNX's TensorProto.DataType. */
const TYPES: Readonly<Record<number, DTypeName>> = { 2: "u8", 3: "i8" };

function attribute(node: OnnxNode, name: string): number | undefined {
  const found = node.attributes.get(name);
  return found === undefined ? undefined : Number(found.i);
}

function productOf(node: OnnxNode): Product | undefined {
  const columns = attribute(node, "transB") === 1 ? 0 : 1;
  switch (node.operator) {
    case "MatMulInteger":
      return { activations: 0, weights: 1, zeros: [2, 3], axis: -1 };
    case "ConvInteger":
      return { activations: 0, weights: 1, zeros: [2, 3], axis: 0 };
    case "QLinearMatMul":
      return { activations: 0, weights: 3, zeros: [2, 5], axis: -1 };
    case "QLinearConv":
      return { activations: 0, weights: 3, zeros: [2, 5], axis: 0 };
    case "com.microsoft:QGemm":
      return { activations: 0, weights: 3, zeros: [2, 5], axis: columns };
    case "com.microsoft:MatMulIntegerToFloat":
      return { activations: 0, weights: 1, zeros: [4, 5], axis: -1 };
    case "com.microsoft:DynamicQuantizeMatMul":
      return { activations: 0, weights: 1, zeros: undefined, axis: -1 };
    case "MatMul":
      return { activations: 0, weights: 1, zeros: undefined, axis: -1 };
    case "Gemm":
      return { activations: 0, weights: 1, zeros: undefined, axis: columns };
    case "Conv":
      return { activations: 0, weights: 1, zeros: undefined, axis: 0 };
    default:
      return undefined;
  }
}

/** Of a quantised tensor; undefined if it cannot be told. All other operators hand on the dtype of their first input. */
function dtypeOf(scope: Scope, name: string | undefined): DTypeName | undefined {
  const seen = new Set<string>();
  for (let at = name; at !== undefined && at !== "" && !seen.has(at);) {
    seen.add(at);
    const known = scope.dtypes.get(at) ?? scope.initializers.get(at)?.dtype;
    const producer = scope.producers.get(at);
    if (known !== undefined || producer === undefined) return known;
    const { operator, inputs } = producer;
    if (operator === "Constant") return constantOf(scope, at)?.dtype;
    if (operator === "DynamicQuantizeLinear") return "u8";
    if (operator === "Cast") return TYPES[attribute(producer, "to") ?? 0];
    if (operator.endsWith("QuantizeLinear") && !operator.endsWith("DequantizeLinear")) {
      if ((inputs[2] ?? "") === "") return TYPES[attribute(producer, "output_dtype") ?? 2] ?? "u8";
      at = inputs[2];
    } else if (operator === "QLinearConv" || operator === "QLinearMatMul") at = inputs[7];
    else if (operator === "com.microsoft:QGemm") at = inputs[8];
    else if (operator === "com.microsoft:QLinearConcat") at = inputs[1];
    else at = inputs[0];
  }
  return undefined;
}

function constantOf({ initializers, producers }: Scope, name: string): HostTensor | undefined {
  const known = initializers.get(name);
  const value = producers.get(name)?.attributes.get("value")?.t;
  if (known !== undefined || value === undefined) return known;
  return hostTensor(value, `constant "${name}"`);
}

const MOVES: ReadonlySet<string> = new Set([
  "Identity",
  "Transpose",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
]);

/** Where a tensor comes from, through operators that only move its elements. */
function source(scope: Scope, name: string): { readonly name: string; readonly moved: boolean } {
  let at = { name, moved: false };
  const seen = new Set<string>();
  for (;;) {
    const producer = scope.producers.get(at.name);
    const from = producer?.inputs[0];
    if (producer === undefined || from === undefined || !MOVES.has(producer.operator) || seen.has(from))
      return at;
    seen.add(from);
    at = { name: from, moved: at.moved || producer.operator !== "Identity" };
  }
}

/**
 * @param tensor i8 weights of any shape.
 * @param axis Weights of different indices along it never meet in a sum; undefined: any two may.
 * @returns the largest |w1 + w2| of two that may; one of each sign never saturates.
 */
export function worstPair(tensor: HostTensor, axis: number | undefined): number {
  const { shape } = tensor;
  const along = axis === undefined ? undefined : axis < 0 ? axis + shape.length : axis;
  const columns = along === undefined || shape.length < 2 ? 1 : (shape[along] ?? 1);
  const inner = along === undefined ? 1 : shape.slice(along + 1).reduce((a, b) => a * b, 1);
  // Two largest and two smallest of each column; a weight alone counts with 0.
  const top = Array.from({ length: columns }, () => [0, 0, 0, 0] as [number, number, number, number]);
  integers(tensor).forEach((value, i) => {
    const two = top[Math.floor(i / inner) % columns];
    if (two === undefined) return;
    const w = Number(value);
    if (w > two[0]) [two[0], two[1]] = [w, two[0]];
    else if (w > two[1]) two[1] = w;
    if (w < two[2]) [two[2], two[3]] = [w, two[2]];
    else if (w < two[3]) two[3] = w;
  });
  return Math.max(0, ...top.map(([a, b, c, d]) => Math.max(a + b, -c - d)));
}

/** The tensor that a DequantizeLinear takes; undefined for what is none's result. */
function dequantised(
  scope: Scope,
  name: string,
): { readonly name: string; readonly moved: boolean } | undefined {
  const from = source(scope, name);
  const producer = scope.producers.get(from.name);
  const quantised = producer?.inputs[0];
  if (!producer?.operator.endsWith("DequantizeLinear") || quantised === undefined) return undefined;
  const inner = source(scope, quantised);
  return { name: inner.name, moved: from.moved || inner.moved };
}

function examine(scope: Scope, node: OnnxNode): Saturation | undefined {
  const product = productOf(node);
  const [x = "", w = ""] = product ? [node.inputs[product.activations], node.inputs[product.weights]] : [];
  if (product === undefined || x === "" || w === "") return undefined;
  const fused = ["MatMul", "Gemm", "Conv"].includes(node.operator);
  const weights = fused ? dequantised(scope, w) : source(scope, w);
  const activations = fused ? dequantised(scope, x) : source(scope, x);
  if (weights === undefined || activations === undefined) return undefined;
  const typeOf = (name: string, zero: number | undefined): DTypeName | undefined =>
    (zero === undefined ? undefined : dtypeOf(scope, node.inputs[zero])) ?? dtypeOf(scope, name);
  const dynamic = node.operator === "com.microsoft:DynamicQuantizeMatMul";
  const left = dynamic ? "u8" : typeOf(activations.name, product.zeros?.[0]);
  if (left !== "u8" || typeOf(weights.name, product.zeros?.[1]) !== "i8") return undefined;
  const values = constantOf(scope, weights.name);
  const pair = values && worstPair(values, weights.moved ? undefined : product.axis);
  if (pair !== undefined && pair <= GREATEST_SAFE_PAIR) return undefined;
  return { node: node.name, operator: node.operator, weights: weights.name, fused, pair };
}

function examineGraph({ initializers, nodes }: Graph, outside: Scope): Saturation[] {
  const producers = new Map(outside.producers);
  for (const node of nodes) for (const output of node.outputs) producers.set(output, node);
  const scope: Scope = {
    dtypes: outside.dtypes,
    initializers: new Map([...outside.initializers, ...initializers]),
    producers,
  };
  return nodes.flatMap((node) => {
    const found = examine(scope, node);
    const inner = [...node.graphs.values()].flatMap((graph) => examineGraph(graph, scope));
    return found === undefined ? inner : [found, ...inner];
  });
}

/** The products of a model whose sums may saturate on some processors. */
export function findSaturation(model: Pick<OnnxModel, "inputs" | "initializers" | "nodes">): Saturation[] {
  const dtypes = new Map(model.inputs.map(({ name, dtype }) => [name, dtype]));
  return examineGraph(model, { dtypes, initializers: new Map(), producers: new Map() });
}
