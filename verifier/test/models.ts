/** Tiny ONNX files for tests. */
import { create, toBinary } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType, ModelProtoSchema } from "../../program/src/onnx/gen/onnx-ml_pb.js";
import { info, modelFile, node, random, randomTensor } from "../../program/src/testing/onnx.ts";
import type { TensorSpec } from "../../sdk/src/tensor.ts";

const ELEM_TYPE = { f32: 1, u8: 2, i32: 6 } as const;

export interface TinyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Integers. */
  readonly attributes?: Readonly<Record<string, number>>;
}

interface TinySpec extends TensorSpec {
  readonly dtype: keyof typeof ELEM_TYPE;
}

function valueInfo({ name, dtype, shape }: TinySpec) {
  const dim = shape.map((dimValue) => ({ value: { case: "dimValue" as const, value: BigInt(dimValue) } }));
  return {
    name,
    type: { value: { case: "tensorType" as const, value: { elemType: ELEM_TYPE[dtype], shape: { dim } } } },
  };
}

export function tinyModel(
  nodes: readonly TinyNode[],
  inputs: readonly TinySpec[],
  outputs: readonly TinySpec[],
): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 17n }],
      graph: {
        name: "tiny",
        node: nodes.map(({ op, inputs: input, output, attributes = {} }) => ({
          opType: op,
          name: output,
          input: [...input],
          output: [output],
          attribute: Object.entries(attributes).map(([name, value]) => ({
            name,
            type: AttributeProto_AttributeType.INT,
            i: BigInt(value),
          })),
        })),
        input: inputs.map(valueInfo),
        output: outputs.map(valueInfo),
      },
    }),
  );
}

/** x · W for a constant W: floats of rows x depth and depth x columns; and an input for it. */
export function productModel(
  rows: number,
  depth: number,
  columns: number,
): { readonly file: Uint8Array; readonly input: Uint8Array } {
  const next = random(rows);
  const file = modelFile({
    nodes: [node("MatMul", ["x", "w"], ["y"])],
    inputs: [info("x", "f32", [rows, depth])],
    outputs: [info("y", "f32", [rows, columns])],
    constants: { w: randomTensor(next, "f32", [depth, columns], -1, 1) },
  });
  return { file, input: randomTensor(next, "f32", [rows, depth], -1, 1).data };
}
