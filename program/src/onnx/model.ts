/**
 * ONNX file -> checked graph: names resolve, nodes are in an order in which they can run, tensors have their shapes.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelError } from "./error.ts";
import { ModelProtoSchema, type ModelProto, type ValueInfoProto } from "./gen/onnx-ml_pb.js";
import { createReader, order, readInitializers, readOpsets, type OnnxNode } from "./graph.ts";
import type { HostTensor } from "./host.ts";
import { MAX_DEPTH, scanMessage } from "./scan.ts";
import { checkShape, elementType, type ElementType } from "./tensor.ts";

export const MAX_FILE_BYTES = 2 ** 31 - 1;

/** A tensor that enters or leaves the model. */
export interface TensorInfo extends ElementType {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of an input: what its first dimension is bound by, if it is symbolic. */
  readonly lead?: string;
}

export interface OnnxModel {
  readonly inputs: readonly TensorInfo[];
  /** Shape undefined where the file leaves it open. */
  readonly outputs: readonly (ElementType & { readonly name: string; readonly shape?: readonly number[] })[];
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
  if (graph.sparseInitializer.length > 0) throw new ModelError("UNSUPPORTED_DTYPE", "sparse initializers");
  const initializers = readInitializers(graph.initializer);
  const inputs = graph.input
    .filter(({ name }) => !initializers.has(name))
    .map((info) => inputInfo(info, dims));
  const nodes = order(createReader(functions).read(graph.node, readOpsets(opsetImport)), [
    ...inputs.map(({ name }) => name),
    ...initializers.keys(),
  ]);
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

function tensorType(
  info: ValueInfoProto,
  what: string,
): { element: ElementType; dims: DimProto[] | undefined } {
  const type = info.type?.value;
  if (type === undefined || type.case === undefined) throw new ModelError("MALFORMED", `${what} has no type`);
  if (type.case !== "tensorType") throw new ModelError("UNSUPPORTED_DTYPE", `${what} is not a tensor`);
  return { element: elementType(type.value.elemType, what), dims: type.value.shape?.dim };
}

type DimProto = NonNullable<
  Extract<NonNullable<ValueInfoProto["type"]>["value"], { case: "tensorType" }>["value"]["shape"]
>["dim"][number];

/** What a dimension is bound by; undefined if the file gives its size. */
function symbolOf({ value }: DimProto, unnamed: string): string | undefined {
  if (value.case === "dimValue") return undefined;
  return value.case === "dimParam" && value.value !== "" ? value.value : unnamed;
}

/** The size of one dimension, or undefined if neither file nor bindings give it. */
function dimSize(dim: DimProto, unnamed: string, dims: DimBindings): number | undefined {
  if (dim.value.case === "dimValue") return Number(dim.value.value);
  const key = symbolOf(dim, unnamed) ?? unnamed;
  const size = Object.hasOwn(dims, key) ? dims[key] : undefined;
  if (size !== undefined && (!Number.isInteger(size) || size < 1))
    throw new ModelError("MALFORMED", `dimension "${key}" is bound to ${size}`);
  return size;
}

function inputInfo(info: ValueInfoProto, bindings: DimBindings): TensorInfo {
  const what = `input "${info.name}"`;
  const { element, dims } = tensorType(info, what);
  if (dims === undefined) throw new ModelError("DYNAMIC_SHAPE", `${what} has no shape`);
  const sizes = dims.map((dim, axis) => {
    const size = dimSize(dim, `${info.name}:${axis}`, bindings);
    if (size !== undefined) return size;
    const name = symbolOf(dim, `${info.name}:${axis}`);
    throw new ModelError("DYNAMIC_SHAPE", `${what} has the symbolic dimension "${name}", which is not bound`);
  });
  const lead = dims[0] && symbolOf(dims[0], `${info.name}:0`);
  return {
    ...{ name: info.name, ...element, shape: checkShape(sizes, what) },
    ...(lead === undefined ? {} : { lead }),
  };
}

function outputInfo(info: ValueInfoProto, bindings: DimBindings): OnnxModel["outputs"][number] {
  const what = `output "${info.name}"`;
  const { element, dims } = tensorType(info, what);
  const shape = dims?.map((dim, axis) => dimSize(dim, `${info.name}:${axis}`, bindings));
  if (shape === undefined || !shape.every((size) => size !== undefined))
    return { name: info.name, ...element };
  return { name: info.name, ...element, shape: checkShape(shape, what) };
}
