/** Test folders in the layout of the ONNX backend tests: test_X/model.onnx and test_X/test_data_set_K/{input,output}_I.pb. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  TensorProtoSchema,
  type GraphProto,
  type ValueInfoProto,
} from "../../program/src/onnx/gen/onnx-ml_pb.js";
import type { HostTensor } from "../../program/src/onnx/host.ts";
import type { DimBindings } from "../../program/src/onnx/model.ts";
import { hostTensor } from "../../program/src/onnx/tensor.ts";

export interface DataSet {
  /** By name; absent optional ones are not in it. */
  readonly inputs: ReadonlyMap<string, HostTensor>;
  /** In the order of the graph. */
  readonly outputs: readonly HostTensor[];
}

export interface TestCase {
  readonly name: string;
  readonly file: Uint8Array;
  /** The operator of a model of one node; of others, what the model is made of. */
  readonly operator: string;
  /** Sizes that the data give to the file's symbolic dimensions. */
  readonly dims: DimBindings;
  /** Reads the test's data. @throws {ModelError} for what is no tensor of a supported dtype. */
  readonly load: () => DataSet[];
}

/** Folders with a model in them, at any depth, sorted. */
export function findTests(directory: string): string[] {
  if (existsSync(join(directory, "model.onnx"))) return [directory];
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.flatMap(({ name }) => findTests(join(directory, name))).toSorted();
}

function tensorFiles(directory: string, kind: "input" | "output"): string[] {
  const count = readdirSync(directory).filter((name) => name.startsWith(`${kind}_`)).length;
  return Array.from({ length: count }, (_, k) => join(directory, `${kind}_${k}.pb`));
}

function readTensor(path: string): HostTensor {
  return hostTensor(fromBinary(TensorProtoSchema, readFileSync(path)), basename(path));
}

function operatorOf({ node }: GraphProto): string {
  const names = node.map(({ domain, opType }) => (domain === "" ? opType : `${domain}:${opType}`));
  const [first = "(none)"] = names;
  return names.length === 1 ? first : "(graphs)";
}

/** Symbolic dimensions, as parseModel names them, with the sizes of the first data set. */
function dimsOf(inputs: readonly ValueInfoProto[], files: readonly string[]): DimBindings {
  const dims: Record<string, number> = {};
  inputs.forEach(({ name, type }, k) => {
    const path = files[k];
    if (type?.value.case !== "tensorType" || path === undefined) return;
    const sizes = fromBinary(TensorProtoSchema, readFileSync(path)).dims;
    type.value.value.shape?.dim.forEach(({ value }, axis) => {
      if (value.case === "dimValue") return;
      const key = value.case === "dimParam" && value.value !== "" ? value.value : `${name}:${axis}`;
      dims[key] = Number(sizes[axis] ?? 1);
    });
  });
  return dims;
}

export function readTest(directory: string): TestCase {
  const file = new Uint8Array(readFileSync(join(directory, "model.onnx")));
  const { graph } = fromBinary(ModelProtoSchema, file);
  const sets = readdirSync(directory).filter((name) => name.startsWith("test_data_set_"));
  const inputs = graph?.input ?? [];
  const firstSet = sets.toSorted()[0];
  const files = firstSet === undefined ? [] : tensorFiles(join(directory, firstSet), "input");
  return {
    name: basename(directory),
    file,
    operator: graph === undefined ? "(none)" : operatorOf(graph),
    dims: dimsOf(inputs, files),
    load: () =>
      sets.toSorted().map((set) => {
        const at = join(directory, set);
        const tensors = tensorFiles(at, "input").map(readTensor);
        const named = tensors.map((tensor, k): [string, HostTensor] => [inputs[k]?.name ?? "", tensor]);
        return { inputs: new Map(named), outputs: tensorFiles(at, "output").map(readTensor) };
      }),
  };
}
