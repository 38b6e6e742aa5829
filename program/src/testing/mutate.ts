/** Sound models, damaged: in one or a few places of the graph, or in bytes of the file. */
import { clone, create } from "@bufbuild/protobuf";
import {
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataType as T,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../onnx/gen/onnx-ml_pb.js";
import { hostileAttribute, hostileDim, hostileInteger, hostileTensor } from "./hostile.ts";
import type { Rng } from "./rng.ts";

type Mutation = (rng: Rng, graph: GraphProto, model: ModelProto) => void;

const ELEMENT_TYPES = Object.values(T).filter((value) => typeof value === "number");

function anyOf<X>(rng: Rng, items: readonly X[]): X | undefined {
  return items[rng.int(0, items.length - 1)];
}

function names({ input, initializer, node }: GraphProto): string[] {
  return [
    ...input.map((v) => v.name),
    ...initializer.map((v) => v.name),
    ...node.flatMap((n) => n.output),
    "",
    "no",
  ];
}

/** Sizes of an input or initializer: one changed, one more, or one less. */
function reshaped(rng: Rng, dims: bigint[]): void {
  const place = rng.int(0, Math.max(0, dims.length - 1));
  const kind = rng.int(0, 3);
  if (kind === 0) dims.splice(place, 1);
  else dims.splice(place, kind === 1 ? 0 : 1, hostileDim(rng));
}

function reshapeInput(rng: Rng, info: ValueInfoProto): void {
  const type = info.type?.value;
  if (type?.case !== "tensorType") return;
  const dim = type.value.shape?.dim ?? [];
  const dims = dim.map(({ value }) => (value.case === "dimValue" ? value.value : 1n));
  reshaped(rng, dims);
  type.value.shape = { $typeName: "onnx.TensorShapeProto", dim: [] };
  for (const value of dims)
    type.value.shape.dim.push({
      $typeName: "onnx.TensorShapeProto.Dimension",
      denotation: "",
      value: { case: "dimValue", value },
    });
}

function redata(rng: Rng, tensor: TensorProto): void {
  const { rawData } = tensor;
  const kind = rng.int(0, 5);
  if (kind === 0) tensor.rawData = rawData.slice(rng.int(0, rawData.length));
  else if (kind === 1) tensor.rawData = new Uint8Array(Buffer.concat([rawData, rawData]));
  else if (kind === 2) reshaped(rng, tensor.dims);
  else if (kind === 3) tensor.int64Data.push(hostileInteger(rng));
  else if (kind === 4)
    tensor.externalData.push(create(StringStringEntryProtoSchema, { key: "location", value: "../x" }));
  else
    for (let k = 0; k < rng.int(1, 8); k++)
      rawData[rng.int(0, Math.max(0, rawData.length - 1))] = rng.int(0, 255);
}

function changeAttribute(rng: Rng, node: NodeProto): void {
  const { attribute } = node;
  const place = rng.int(0, attribute.length);
  const old = attribute[place];
  if (old === undefined || rng.chance(0.1)) {
    attribute.push(hostileAttribute(rng, rng.pick(["axis", "mode", "alpha", "axes", "body"])));
    return;
  }
  if (rng.chance(0.15)) attribute.splice(place, 1);
  else if (rng.chance(0.4) && old.ints.length > 0) {
    const at = rng.int(0, old.ints.length - 1);
    old.ints.splice(at, rng.int(0, 1), ...(rng.chance(0.8) ? [hostileInteger(rng)] : []));
  } else if (rng.chance(0.4) && old.floats.length > 0)
    old.floats.splice(rng.int(0, old.floats.length - 1), rng.int(0, 1), rng.pick([NaN, Infinity, -1e38, 0]));
  else if (old.g !== undefined && rng.chance(0.8)) mutateGraph(rng, old.g);
  else attribute[place] = hostileAttribute(rng, old.name, rng.chance(0.85) ? old.type : undefined);
}

const MUTATIONS: readonly Mutation[] = [
  (rng, { node }) => {
    const chosen = anyOf(rng, node);
    if (chosen !== undefined) changeAttribute(rng, chosen);
  },
  (rng, graph) => {
    const input = anyOf(rng, graph.node)?.input;
    input?.splice(rng.int(0, input.length), rng.int(0, 1), rng.pick(names(graph)));
  },
  (rng, { node }) => {
    const input = anyOf(rng, node)?.input;
    input?.splice(rng.int(0, input.length), 1);
  },
  (rng, graph) => {
    const output = anyOf(rng, graph.node)?.output;
    output?.splice(rng.int(0, output.length), rng.int(0, 1), rng.pick([...names(graph), "new"]));
  },
  (rng, { node }) => {
    node.splice(rng.int(0, node.length), rng.int(0, 1));
  },
  (rng, { node }) => {
    const chosen = anyOf(rng, node);
    if (chosen !== undefined) node.splice(rng.int(0, node.length), 0, clone(NodeProtoSchema, chosen));
  },
  (_, { node }) => {
    node.reverse();
  },
  (rng, { input }) => {
    const chosen = anyOf(rng, input);
    if (chosen !== undefined) reshapeInput(rng, chosen);
  },
  (rng, { input, output }) => {
    const type = anyOf(rng, [...input, ...input, ...output])?.type?.value;
    if (type?.case === "tensorType") type.value.elemType = rng.pick(ELEMENT_TYPES);
  },
  (rng, { initializer }) => {
    const chosen = anyOf(rng, initializer);
    if (chosen !== undefined) redata(rng, chosen);
  },
  (rng, { initializer }) => {
    const chosen = anyOf(rng, initializer);
    if (chosen !== undefined) chosen.dataType = rng.pick(ELEMENT_TYPES);
  },
  // A known input becomes unknown, or the other way round.
  (rng, { initializer, input }) => {
    const [moved] = initializer.splice(rng.int(0, initializer.length), 1);
    if (moved === undefined) return;
    const [like] = input;
    if (like === undefined) return;
    const copy = { ...like, name: moved.name };
    input.push(copy);
  },
  (rng, { initializer, input }) => {
    const [moved] = input.splice(rng.int(0, input.length), 1);
    if (moved !== undefined) initializer.push(hostileTensor(rng, moved.name, rng.pick(["f32", "i64", "u8"])));
  },
  (rng, _, { opsetImport }) => {
    const chosen = anyOf(rng, opsetImport);
    if (chosen !== undefined) chosen.version = rng.chance(0.7) ? BigInt(rng.int(1, 28)) : hostileInteger(rng);
  },
  (rng, graph) => {
    const chosen = anyOf(rng, [...graph.input, ...graph.initializer, ...graph.output]);
    if (chosen !== undefined) chosen.name = rng.pick(names(graph));
  },
];

function mutateGraph(rng: Rng, graph: GraphProto): void {
  const mutation = rng.pick(MUTATIONS.filter((_, k) => k !== MUTATIONS.length - 2));
  mutation(rng, graph, { opsetImport: [] } as unknown as ModelProto);
}

/** In place: one or a few changes. */
export function mutate(rng: Rng, model: ModelProto): void {
  if (model.graph === undefined) return;
  do rng.pick(MUTATIONS)(rng, model.graph, model);
  while (rng.chance(0.3));
}

/** A file with a few bytes changed, cut out or put in. */
export function mutateBytes(rng: Rng, file: Uint8Array): Uint8Array {
  let bytes: Uint8Array = file.slice();
  do {
    const at = rng.int(0, bytes.length);
    const kind = rng.int(0, 5);
    if (kind === 0)
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + rng.int(1, 4))]));
    else if (kind === 1) bytes = bytes.slice(0, at);
    else if (kind === 2)
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]));
    else bytes[at] = rng.pick([0, 1, 0x7f, 0x80, 0xff, rng.int(0, 255)]);
  } while (rng.chance(0.5) && bytes.length > 0);
  return bytes;
}
