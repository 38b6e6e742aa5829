/** A small model that exercises what nodes rely on: float sums, a softmax, an integer product. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "../../../program/src/onnx/gen/onnx-ml_pb.js";

const TYPE = { f32: 1, u8: 2, i32: 6 } as const;

function info(name: string, elemType: number, shape: readonly number[]) {
  const dim = shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } }));
  return { name, type: { value: { case: "tensorType" as const, value: { elemType, shape: { dim } } } } };
}

function node(opType: string, input: readonly string[], output: string) {
  return { opType, name: output, input: [...input], output: [output] };
}

/** Rows x columns of values that are not round. */
function weights(rows: number, columns: number): Uint8Array {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1));
  return new Uint8Array(values.buffer);
}

function initializer(name: string, dataType: number, dims: readonly number[], rawData: Uint8Array) {
  return { name, dataType, dims: dims.map(BigInt), rawData };
}

/** The ONNX file: `probabilities` of 24 floats, and `product`, an integer matrix product. */
export function probeModel(): Uint8Array {
  const bytes = Uint8Array.from({ length: 16 * 4 }, (_, i) => (i * 37) % 256);
  const graph = {
    name: "probe",
    node: [
      node("MatMul", ["x", "w"], "sums"),
      node("Relu", ["sums"], "positive"),
      node("Softmax", ["positive"], "probabilities"),
      node("MatMulInteger", ["q", "k"], "product"),
    ],
    initializer: [
      initializer("w", TYPE.f32, [24, 8], weights(24, 8)),
      initializer("k", TYPE.u8, [16, 4], bytes),
    ],
    input: [info("x", TYPE.f32, [1, 24]), info("q", TYPE.u8, [2, 16])],
    output: [info("probabilities", TYPE.f32, [1, 8]), info("product", TYPE.i32, [2, 4])],
  };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: "", version: 17n }], graph }),
  );
}
