import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { lowerModel } from "../lower/lower.ts";
import {
  info,
  ints,
  modelFile,
  modelProto,
  node,
  random,
  randomTensor,
  scalar,
  tensor,
  tensorProto,
  type Graph,
} from "../lower/testing.ts";
import { ModelError, type ModelErrorCode } from "./error.ts";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
} from "./gen/onnx-ml_pb.js";

const floats = (shape: readonly number[]) => randomTensor(random(1), "f32", shape, -1, 1);
const x = info("x", "f32", [1, 3, 6, 6]);
const y = info("y", "f32");

const GOOD: Graph = {
  nodes: [
    node("Conv", ["x", "w", "b"], ["c"], { pads: [1, 1, 1, 1], strides: [2, 2] }),
    node("Relu", ["c"], ["r"]),
    node("MaxPool", ["r"], ["p"], { kernel_shape: [2, 2] }),
    node("Reshape", ["p", "shape"], ["f"]),
    node("Gemm", ["f", "g"], ["z"], { transB: 1 }),
    node("Softmax", ["z"], ["y"], { axis: 1 }),
  ],
  inputs: [x],
  outputs: [y],
  constants: { w: floats([4, 3, 3, 3]), b: floats([4]), shape: ints(1, -1), g: floats([3, 16]) },
};

function refused(file: Uint8Array, code: ModelErrorCode): ModelError {
  try {
    lowerModel(file);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    expect(error.code, error.message).to.equal(code);
    return error;
  }
  throw new Error(`lowered, though it is ${code}`);
}

/** GOOD with something changed. */
function changed(change: (graph: GraphProto, model: ModelProto) => void): Uint8Array {
  const model = modelProto(GOOD);
  if (model.graph === undefined) throw new Error("no graph");
  change(model.graph, model);
  return toBinary(ModelProtoSchema, model);
}

function single(
  operator: string,
  inputs: Graph["inputs"],
  rest: Partial<Graph> = {},
  attributes = {},
): Uint8Array {
  const names = [...inputs.map(({ name }) => name), ...Object.keys(rest.constants ?? {})];
  return modelFile({ nodes: [node(operator, names, ["y"], attributes)], inputs, outputs: [y], ...rest });
}

describe("files that cannot be lowered", () => {
  it("the file that the others are made from can", () => {
    expect(lowerModel(modelFile(GOOD)).outputs).to.deep.equal([{ name: "y", dtype: "f32", shape: [1, 3] }]);
  });

  it("names the node, its operator and the reason", () => {
    const error = refused(single("NoSuchThing", [x]), "UNSUPPORTED_OPERATOR");
    expect(error.node).to.equal("NoSuchThing of y");
    expect(error.operator).to.equal("NoSuchThing");
    expect(error.reason).to.not.equal("");
  });

  it("no protobuf, nothing, or half a file", () => {
    refused(new TextEncoder().encode("hello, world"), "MALFORMED");
    refused(new Uint8Array(0), "MALFORMED");
    const file = modelFile(GOOD);
    for (let length = 1; length < file.length - 40; length += 97)
      expect(() => lowerModel(file.subarray(0, length))).to.throw(ModelError);
  });

  it("fields of a wire type that they do not have, which would hide what follows", () => {
    // Field 7 (graph) and field 2 (producer name) as varints: a lenient decoder takes them for lengths.
    refused(Uint8Array.from([0x38, 0x02, 0x0a, 0x00]), "MALFORMED");
    refused(Uint8Array.from([0x10, 0x02, 0x0a, 0x00]), "MALFORMED");
  });

  it("names that nothing defines, or two things", () => {
    refused(
      changed((g) => (g.initializer = g.initializer.filter(({ name }) => name !== "w"))),
      "MISSING_VALUE",
    );
    refused(
      changed((g) => (g.input = [])),
      "MISSING_VALUE",
    );
    refused(
      changed((g) => (g.output = [info("nowhere", "f32")])),
      "MISSING_VALUE",
    );
    refused(
      changed((g) => g.initializer.push(...g.initializer.slice(0, 1))),
      "MALFORMED",
    );
    refused(
      changed((g) => g.input.push(x)),
      "MALFORMED",
    );
    refused(
      changed((g) => g.node.push(node("Relu", ["x"], ["c"]))),
      "MALFORMED",
    );
    refused(
      changed((g) => g.node.push(node("Relu", ["c"], ["x"]))),
      "MALFORMED",
    );
    refused(
      changed((g) => (g.output = [])),
      "MALFORMED",
    );
  });

  it("cycles; but nodes may come in any order", () => {
    refused(
      modelFile({
        ...GOOD,
        nodes: [node("Add", ["x", "k"], ["a"]), node("Neg", ["a"], ["k"]), node("Neg", ["k"], ["y"])],
      }),
      "CYCLE",
    );
    refused(modelFile({ ...GOOD, nodes: [node("Neg", ["y"], ["y"])] }), "CYCLE");
    expect(lowerModel(changed((g) => g.node.reverse())).program).to.deep.equal(
      lowerModel(modelFile(GOOD)).program,
    );
  });

  it("weights outside the file, or of another length than their shape", () => {
    const weight = (change: (t: GraphProto["initializer"][number]) => void) =>
      changed((g) => {
        const [first] = g.initializer;
        if (first !== undefined) change(first);
      });
    refused(
      weight((t) => (t.dataLocation = TensorProto_DataLocation.EXTERNAL)),
      "EXTERNAL_DATA",
    );
    refused(
      weight((t) =>
        t.externalData.push(create(StringStringEntryProtoSchema, { key: "location", value: "/etc" })),
      ),
      "EXTERNAL_DATA",
    );
    refused(
      weight((t) => (t.rawData = t.rawData.slice(1))),
      "MALFORMED",
    );
    refused(
      weight((t) => (t.rawData = new Uint8Array(0))),
      "MALFORMED",
    );
    refused(
      weight((t) => t.floatData.push(1)),
      "MALFORMED",
    );
    refused(
      weight((t) => (t.dims = [-4n, 3n, 3n, 3n])),
      "MALFORMED",
    );
    refused(
      weight((t) => (t.dims = [1n << 62n])),
      "TOO_LARGE",
    );
    refused(
      weight((t) => (t.dims = Array.from({ length: 40 }, () => 1n))),
      "TOO_LARGE",
    );
    refused(
      weight((t) => (t.dataType = TensorProto_DataType.DOUBLE)),
      "UNSUPPORTED_DTYPE",
    );
    refused(
      weight((t) => (t.dataType = TensorProto_DataType.STRING)),
      "UNSUPPORTED_DTYPE",
    );
    refused(
      weight((t) => (t.dataType = 77)),
      "UNSUPPORTED_DTYPE",
    );
  });

  it("values that are no tensors, and types of inputs", () => {
    const inputOf = (type: NonNullable<GraphProto["input"][number]["type"]>["value"]) =>
      changed((g) => (g.input = [create(ValueInfoProtoSchema, { name: "x", type: { value: type } })]));
    refused(inputOf({ case: undefined }), "MALFORMED");
    const sequence = create(ValueInfoProtoSchema, {
      name: "x",
      type: { value: { case: "sequenceType", value: {} } },
    });
    refused(
      changed((g) => (g.input = [sequence])),
      "UNSUPPORTED_DTYPE",
    );
    refused(
      changed((g) => (g.input = [info("x", "f32")])),
      "DYNAMIC_SHAPE",
    );
    refused(
      changed((g) => (g.input = [info("x", "f32", ["batch", 3, 6, 6])])),
      "DYNAMIC_SHAPE",
    );
    refused(
      changed((g) => (g.input = [info("x", "f32", [1, -3, 6, 6])])),
      "MALFORMED",
    );
    refused(
      changed((g) => (g.input = [info("x", "i32", [1, 3, 6, 6])])),
      "MALFORMED",
    );
    refused(
      changed((g) => (g.output = [info("y", "i32")])),
      "MALFORMED",
    );
    refused(
      changed((g) => (g.output = [info("y", "f32", [7])])),
      "MALFORMED",
    );
  });

  it("opsets and attributes", () => {
    refused(modelFile({ ...GOOD, opset: 999 }), "UNSUPPORTED_OPSET");
    refused(single("GreaterOrEqual", [x], { opset: 11 }), "UNSUPPORTED_OPSET");
    refused(
      changed((_, model) => (model.opsetImport = [])),
      "MALFORMED",
    );
    refused(single("Relu", [x], {}, { colour: 3 }), "UNSUPPORTED_USE");
    refused(single("Softmax", [x], {}, { axis: "one" }), "MALFORMED");
    refused(single("Softmax", [x], {}, { axis: 4 }), "MALFORMED");
    const typeless = create(AttributeProtoSchema, { name: "axis", type: AttributeType.UNDEFINED, i: 1n });
    const twice = create(AttributeProtoSchema, { name: "axis", type: AttributeType.INT, i: 1n });
    const softmax = (...attribute: (typeof twice)[]) =>
      changed(
        (g) =>
          (g.node = [create(NodeProtoSchema, { opType: "Softmax", input: ["x"], output: ["y"], attribute })]),
      );
    refused(softmax(typeless), "MALFORMED");
    refused(softmax(twice, twice), "MALFORMED");
  });

  it("operators whose operands do not fit", () => {
    const w = (shape: readonly number[]) => ({ constants: { w: floats(shape) } });
    refused(single("Conv", [x], w([4, 2, 3, 3])), "MALFORMED");
    refused(single("Conv", [x], w([4, 3, 9, 9])), "MALFORMED");
    refused(single("Conv", [x], w([4, 3, 3])), "MALFORMED");
    for (const attributes of [
      { strides: [0, 1] },
      { dilations: [-1, 1] },
      { pads: [1] },
      { group: 0 },
      { auto_pad: "YES" },
      { kernel_shape: [2, 2] },
    ])
      refused(single("Conv", [x], w([4, 3, 3, 3]), attributes), "MALFORMED");
    refused(single("MatMul", [info("x", "f32", [2, 3])], w([4, 5])), "MALFORMED");
    refused(single("Add", [info("x", "f32", [2, 3])], w([4])), "MALFORMED");
    refused(single("Add", [info("x", "i8", [4])], w([4])), "MALFORMED");
    refused(single("Reshape", [x], { constants: { s: ints(5, -1) } }), "MALFORMED");
    refused(single("Reshape", [x], { constants: { s: ints(-2, 3) } }), "MALFORMED");
    refused(single("Reshape", [x, info("s", "i64", [1])]), "DYNAMIC_SHAPE");
    refused(single("Gather", [x], { constants: { i: ints(9) } }), "MALFORMED");
    refused(single("Concat", [x], w([1, 3, 6, 6]), { axis: 9 }), "MALFORMED");
    refused(single("Relu", []), "MALFORMED");
    refused(single("Cast", [x], {}, { to: 11 }), "UNSUPPORTED_DTYPE");
    refused(single("Exp", [info("x", "i32", [2])]), "UNSUPPORTED_DTYPE");
  });

  it("tensors beyond 2^32 elements, made from a few bytes", () => {
    const huge = ints(65536, 65536, 2);
    refused(single("ConstantOfShape", [], { constants: { s: huge } }), "TOO_LARGE");
    refused(single("Expand", [info("x", "f32", [1])], { constants: { s: huge } }), "TOO_LARGE");
    refused(single("Tile", [info("x", "f32", [2])], { constants: { s: ints(2 ** 31) } }), "TOO_LARGE");
    refused(
      single("Unsqueeze", [info("x", "f32", [2])], {
        constants: { s: ints(...Array.from({ length: 40 }, (_, k) => k)) },
      }),
      "TOO_LARGE",
    );
    refused(
      single("Range", [], {
        constants: { a: scalar("f32", 0), b: scalar("f32", 1e30), c: scalar("f32", 1) },
      }),
      "TOO_LARGE",
    );
    // A constant of 2^32 - 1 elements that a few bytes state is never written out.
    const wide = { s: ints(2 ** 32 - 1), zero: ints(0) };
    const expanded = node("ConstantOfShape", ["s"], ["c"]);
    const used = (operator: string, inputs: readonly string[]) =>
      modelFile({
        nodes: [expanded, node(operator, inputs, ["y"])],
        inputs: [x],
        outputs: [y],
        constants: wide,
      });
    refused(used("Reshape", ["x", "c"]), "TOO_LARGE");
    expect(lowerModel(used("Flatten", ["c"])).program.constants.length).to.be.at.most(1);
    const outer = single("Mul", [info("x", "f32", [70000, 1])], {
      constants: { w: tensor("f32", [1, 1], [2]) },
    });
    expect(lowerModel(outer).program.instructions).to.have.length(1);
    refused(
      modelFile({
        nodes: [node("Transpose", ["x"], ["t"]), node("Mul", ["x", "t"], ["y"])],
        inputs: [info("x", "f32", [70000, 1])],
        outputs: [y],
      }),
      "TOO_LARGE",
    );
  });

  it("more nodes, deeper nesting or more records than anyone needs", () => {
    const chain = Array.from({ length: 100_001 }, (_, k) =>
      node("Neg", [k === 0 ? "x" : `v${k}`], [`v${k + 1}`]),
    );
    refused(modelFile({ ...GOOD, nodes: chain }), "TOO_LARGE");
    let graph = create(GraphProtoSchema, {});
    for (let depth = 0; depth < 40; depth++) {
      const g = create(AttributeProtoSchema, { name: "g", type: AttributeType.GRAPH, g: graph });
      graph = create(GraphProtoSchema, { node: [create(NodeProtoSchema, { opType: "If", attribute: [g] })] });
    }
    refused(toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph })), "TOO_LARGE");
    // An empty node takes two bytes of file; 25 million of them would take gigabytes of memory.
    const nodes = new Uint8Array(50_000_000).fill(0);
    for (let k = 0; k < nodes.length; k += 2) nodes[k] = 0x0a;
    const head = [0x3a, ...varint(nodes.length)];
    refused(Buffer.concat([Uint8Array.from(head), nodes]), "TOO_LARGE");
  }).timeout(20_000);

  it("a long chain of nodes does not overflow the stack, in any order", () => {
    const length = 20_000;
    const chain = Array.from({ length }, (_, k) =>
      node("Identity", [k === 0 ? "x" : `v${k}`], [k === length - 1 ? "y" : `v${k + 1}`]),
    );
    expect(lowerModel(modelFile({ ...GOOD, nodes: chain.reverse() })).program.instructions).to.have.length(1);
  }).timeout(20_000);

  it("holds a tensor in its typed fields as well as raw", () => {
    const proto = tensorProto("w", floats([4, 3, 3, 3]));
    const values = Array.from(new Float32Array(proto.rawData.slice().buffer));
    const typed = create(TensorProtoSchema, {
      name: "w",
      dataType: proto.dataType,
      dims: proto.dims,
      floatData: values,
    });
    const file = changed((g) => (g.initializer = [typed, ...g.initializer.slice(1)]));
    expect(lowerModel(file).program).to.deep.equal(lowerModel(modelFile(GOOD)).program);
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

describe("mutated files", () => {
  it("lower or are refused, quickly", () => {
    const file = modelFile(GOOD);
    const next = random(20_000);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 800; round++) {
      const bytes = file.slice();
      const edits = 1 + Math.floor(next() * 4);
      for (let k = 0; k < edits; k++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      const started = performance.now();
      let outcome = "lowered";
      try {
        lowerModel(bytes);
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        if (error.code === "INTERNAL") throw new Error(`round ${round}: ${error.message}`, { cause: error });
        outcome = error.code;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(performance.now() - started, `round ${round}`).to.be.below(5000);
    }
    expect(outcomes.get("lowered")).to.be.above(50);
    expect(outcomes.get("MALFORMED")).to.be.above(50);
  }).timeout(60_000);
});
