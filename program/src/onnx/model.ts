/**
 * ONNX file -> checked graph: names resolve, nodes are in an order in which they can run, tensors have their shapes.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { DTypeName } from "../dtype.ts";
import { ModelError } from "./error.ts";
import {
  ModelProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "./gen/onnx-ml_pb.js";
import type { HostTensor } from "./host.ts";
import { MAX_DEPTH, scanMessage } from "./scan.ts";
import { checkShape, dtypeOfElemType, hostTensor } from "./tensor.ts";

export const MAX_FILE_BYTES = 2 ** 31 - 1;
export const MAX_NODES = 100_000;

/** A tensor that enters or leaves the model. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DTypeName;
  readonly shape: readonly number[];
}

export interface OnnxNode {
  /** The node's name, or one made from its first output. */
  readonly name: string;
  /** Operator with its domain, as in "Conv" or "com.microsoft:QGemm". */
  readonly operator: string;
  readonly opset: number;
  /** "" stands for an optional input or output that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

export interface OnnxModel {
  readonly inputs: readonly TensorInfo[];
  /** Shape undefined where the file leaves it open. */
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: DTypeName;
    readonly shape?: readonly number[];
  }[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Every node after those whose outputs it reads. */
  readonly nodes: readonly OnnxNode[];
}

/** Sizes of symbolic dimensions by their name in the file; an unnamed one goes by `input:axis`. */
export type DimBindings = Readonly<Record<string, number>>;

/** @throws {ModelError} for whatever is not a self-consistent model of tensors with static shapes. */
export function parseModel(file: Uint8Array, dims: DimBindings = {}): OnnxModel {
  const { graph, opsetImport, functions } = decode(file);
  if (graph === undefined) throw new ModelError("MALFORMED", "the file holds no graph");
  if (functions.length > 0)
    throw new ModelError("UNSUPPORTED_OPERATOR", "the model defines functions of its own");
  if (graph.node.length > MAX_NODES) throw new ModelError("TOO_LARGE", `${graph.node.length} nodes`);
  if (graph.sparseInitializer.length > 0) throw new ModelError("UNSUPPORTED_DTYPE", "sparse initializers");

  const opsets = new Map<string, number>();
  for (const { domain, version } of opsetImport) {
    if (opsets.has(canonicalDomain(domain)))
      throw new ModelError("MALFORMED", `domain "${domain}" imported twice`);
    opsets.set(canonicalDomain(domain), Number(version));
  }
  const initializers = readInitializers(graph);
  const inputs = graph.input
    .filter(({ name }) => !initializers.has(name))
    .map((info) => inputInfo(info, dims));
  const nodes = order(
    graph.node.map((node) => readNode(node, opsets)),
    [...inputs.map(({ name }) => name), ...initializers.keys()],
  );
  if (graph.output.length === 0) throw new ModelError("MALFORMED", "the graph has no outputs");
  return { inputs, outputs: graph.output.map((info) => outputInfo(info, dims)), initializers, nodes };
}

function decode(file: Uint8Array): ModelProto {
  if (file.length > MAX_FILE_BYTES) throw new ModelError("TOO_LARGE", `the file has ${file.length} bytes`);
  try {
    scanMessage(ModelProtoSchema, file);
    return fromBinary(ModelProtoSchema, file, { readUnknownFields: false, recursionLimit: MAX_DEPTH + 2 });
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError("MALFORMED", "the file is not an ONNX protobuf", {}, { cause });
  }
}

function canonicalDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function readInitializers(graph: GraphProto): Map<string, HostTensor> {
  const initializers = new Map<string, HostTensor>();
  for (const proto of graph.initializer) {
    if (proto.name === "" || initializers.has(proto.name))
      throw new ModelError("MALFORMED", `initializer name "${proto.name}" is empty or used twice`);
    initializers.set(proto.name, hostTensor(proto, `initializer "${proto.name}"`));
  }
  return initializers;
}

function readNode(proto: NodeProto, opsets: ReadonlyMap<string, number>): OnnxNode {
  const domain = canonicalDomain(proto.domain);
  const operator = domain === "" ? proto.opType : `${domain}:${proto.opType}`;
  const name = proto.name === "" ? `${proto.opType}(${proto.output[0] ?? ""})` : proto.name;
  const opset = opsets.get(domain);
  if (opset === undefined)
    throw new ModelError("MALFORMED", `no opset imported for domain "${domain}"`, { node: name, operator });
  if (proto.overload !== "")
    throw new ModelError("UNSUPPORTED_OPERATOR", `overload "${proto.overload}"`, { node: name, operator });
  const attributes = new Map<string, AttributeProto>();
  for (const attribute of proto.attribute) {
    if (attributes.has(attribute.name))
      throw new ModelError("MALFORMED", `attribute "${attribute.name}" given twice`, {
        node: name,
        operator,
      });
    attributes.set(attribute.name, attribute);
  }
  return { name, operator, opset, inputs: proto.input, outputs: proto.output, attributes };
}

function tensorType(info: ValueInfoProto, what: string): { dtype: DTypeName; dims: DimProto[] | undefined } {
  const type = info.type?.value;
  if (type === undefined || type.case === undefined) throw new ModelError("MALFORMED", `${what} has no type`);
  if (type.case !== "tensorType") throw new ModelError("UNSUPPORTED_DTYPE", `${what} is not a tensor`);
  return { dtype: dtypeOfElemType(type.value.elemType, what), dims: type.value.shape?.dim };
}

type DimProto = NonNullable<
  Extract<NonNullable<ValueInfoProto["type"]>["value"], { case: "tensorType" }>["value"]["shape"]
>["dim"][number];

/** The size of one dimension, or undefined if neither file nor bindings give it. */
function dimSize({ value }: DimProto, unnamed: string, dims: DimBindings): number | undefined {
  if (value.case === "dimValue") return Number(value.value);
  const key = value.case === "dimParam" && value.value !== "" ? value.value : unnamed;
  const size = Object.hasOwn(dims, key) ? dims[key] : undefined;
  if (size !== undefined && (!Number.isInteger(size) || size < 1))
    throw new ModelError("MALFORMED", `dimension "${key}" is bound to ${size}`);
  return size;
}

function inputInfo(info: ValueInfoProto, bindings: DimBindings): TensorInfo {
  const what = `input "${info.name}"`;
  const { dtype, dims } = tensorType(info, what);
  if (dims === undefined) throw new ModelError("DYNAMIC_SHAPE", `${what} has no shape`);
  const sizes = dims.map((dim, axis) => {
    const size = dimSize(dim, `${info.name}:${axis}`, bindings);
    if (size !== undefined) return size;
    const name =
      dim.value.case === "dimParam" && dim.value.value !== "" ? dim.value.value : `${info.name}:${axis}`;
    throw new ModelError("DYNAMIC_SHAPE", `${what} has the symbolic dimension "${name}", which is not bound`);
  });
  return { name: info.name, dtype, shape: checkShape(sizes, what) };
}

function outputInfo(info: ValueInfoProto, bindings: DimBindings): OnnxModel["outputs"][number] {
  const what = `output "${info.name}"`;
  const { dtype, dims } = tensorType(info, what);
  const shape = dims?.map((dim, axis) => dimSize(dim, `${info.name}:${axis}`, bindings));
  if (shape === undefined || !shape.every((size) => size !== undefined)) return { name: info.name, dtype };
  return { name: info.name, dtype, shape: checkShape(shape, what) };
}

/**
 * Nodes in dependency order: file order if that is one, else each node just after what it needs.
 * @throws {ModelError} CYCLE, MISSING_VALUE, or MALFORMED if a name is defined twice.
 */
function order(nodes: readonly OnnxNode[], given: readonly string[]): OnnxNode[] {
  const producer = new Map<string, OnnxNode | undefined>(given.map((name) => [name, undefined]));
  if (producer.size !== given.length) throw new ModelError("MALFORMED", "two inputs have one name");
  for (const node of nodes)
    for (const output of node.outputs) {
      if (output === "") continue;
      if (producer.has(output))
        throw new ModelError("MALFORMED", `"${output}" is defined twice`, place(node));
      producer.set(output, node);
    }
  const done = new Set<OnnxNode>();
  const open = new Set<OnnxNode>();
  for (const root of nodes) {
    // Depth first without recursion: a chain of nodes may be longer than the call stack.
    const stack = [{ node: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top;
      const input = node.inputs[top.next++];
      if (done.has(node)) stack.pop();
      else if (input === undefined) {
        open.delete(node);
        done.add(node);
        stack.pop();
      } else if (input !== "") {
        if (!producer.has(input))
          throw new ModelError("MISSING_VALUE", `nothing defines "${input}"`, place(node));
        open.add(node);
        const from = producer.get(input);
        if (from === undefined || done.has(from)) continue;
        if (open.has(from)) throw new ModelError("CYCLE", "the node depends on its own output", place(from));
        stack.push({ node: from, next: 0 });
      }
    }
  }
  return [...done];
}

/** Where an error about a node happened. */
export function place(node: OnnxNode): { node: string; operator: string } {
  return { node: node.name, operator: node.operator };
}
