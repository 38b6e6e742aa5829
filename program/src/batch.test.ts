import { toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { isBatchOf } from "./batch.ts";
import { runProgram } from "./fast/run.ts";
import type { Program } from "./instruction.ts";
import { lowerModel } from "./lower/lower.ts";
import { ModelError } from "./onnx/error.ts";
import { ModelProtoSchema, type NodeProto } from "./onnx/gen/onnx-ml_pb.js";
import { randomTensor } from "./testing/elements.ts";
import { ALL_RULES, instance } from "./testing/instances/index.ts";
import {
  caseModel,
  info,
  ints,
  modelFile,
  node,
  random,
  randomTensor as between,
  scalar,
  tensor,
  type AttributeValue,
  type Graph,
  type TestTensor,
} from "./testing/onnx.ts";
import { seededRng, type Rng } from "./testing/rng.ts";

const SIZES = [2, 3, 4];

interface Programs {
  readonly one: Program;
  readonly many: Program;
}

/** The programs of a file for one row and for several. @returns undefined if one of them cannot be lowered. */
function lowered(file: Uint8Array, rows: number): Programs | undefined {
  try {
    const [one, many] = [1, rows].map((N) => lowerModel(file, { dims: { N } }).program);
    return one && many && { one, many };
  } catch (error) {
    if (error instanceof ModelError) return undefined;
    throw error;
  }
}

function part(data: Uint8Array, b: number, rows: number): Uint8Array {
  const bytes = data.length / rows;
  return data.subarray(b * bytes, (b + 1) * bytes);
}

/** Whether the outputs for random inputs are those of each row. */
function agree(many: Program, one: Program, rows: number, rng: Rng): boolean {
  const inputs = many.inputs.map((input) => randomTensor(rng, input.dtype, input.elements));
  const together = runProgram(many, inputs).outputs;
  return Array.from({ length: rows }, (_, b) => b).every((b) => {
    const alone = runProgram(
      one,
      inputs.map((data) => part(data, b, rows)),
    ).outputs;
    return alone.every((data, j) => Buffer.compare(data, part(together[j] ?? data, b, rows)) === 0);
  });
}

interface Op {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

type Type = "u8" | "i8" | "i32" | "i64" | "f32";

/** A chain of nodes from x to y; "" among the inputs of a node is what the one before it gives. */
function chain(
  type: Type,
  shape: readonly number[],
  ops: readonly Op[],
  out: { readonly type?: Type; readonly constants?: Graph["constants"] } = {},
): Uint8Array {
  const { type: outType = type, constants = {} } = out;
  const nodes = ops.map(({ op, inputs = [""], attributes = {} }, k) =>
    node(
      op,
      inputs.map((name) => (name !== "" ? name : k === 0 ? "x" : `t${k - 1}`)),
      [k === ops.length - 1 ? "y" : `t${k}`],
      attributes,
    ),
  );
  return modelFile({
    nodes,
    constants,
    inputs: [info("x", type, ["N", ...shape])],
    outputs: [info("y", outType)],
  });
}

const next = random(7);
const bytes = (type: "u8" | "i8", ...shape: number[]): TestTensor =>
  between(next, type, shape, type === "u8" ? 0 : -128, type === "u8" ? 255 : 127);
const f32 = (value: number): TestTensor => scalar("f32", value);

const SCALES = { s: f32(0.02), z: scalar("u8", 128), t: f32(1.5), u: scalar("u8", 3) };
const QCONV: Op = {
  op: "QLinearConv",
  inputs: ["", "s", "z", "w", "s", "z", "t", "u", "b"],
  attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
};
const WEIGHTS = { ...SCALES, w: bytes("u8", 6, 3, 3, 3), b: between(next, "i32", [6], -5000, 5000) };
const QGEMM: Op = { op: "com.microsoft:QGemm", inputs: ["", "s", "z", "g", "s", "z", "c", "t", "u"] };

/** Models that compute each row by itself. */
const ROWWISE: Readonly<Record<string, Uint8Array>> = {
  "a quantised convolution": chain("u8", [3, 9, 8], [QCONV], { constants: WEIGHTS }),
  "a quantised network": chain(
    "u8",
    [3, 9, 8],
    [
      QCONV,
      { op: "MaxPool", attributes: { kernel_shape: [2, 2], strides: [1, 1] } },
      { op: "Flatten" },
      QGEMM,
    ],
    { constants: { ...WEIGHTS, g: bytes("u8", 72, 10), c: between(next, "i32", [10], -900, 900) } },
  ),
  "a product of integers": chain("u8", [5, 12], [{ op: "MatMulInteger", inputs: ["", "w"] }], {
    type: "i32",
    constants: { w: bytes("u8", 12, 7) },
  }),
  "softmax over the last axis": chain("f32", [4, 6], [{ op: "Softmax", attributes: { axis: -1 } }]),
  "layer normalisation": chain("f32", [4, 6], [{ op: "LayerNormalization", inputs: ["", "g", "h"] }], {
    constants: { g: between(next, "f32", [6], -1, 1), h: between(next, "f32", [6], -1, 1) },
  }),
  "reshaping with -1 and 0": chain(
    "i32",
    [6, 4],
    [
      { op: "Reshape", inputs: ["", "a"] },
      { op: "Neg" },
      { op: "Reshape", inputs: ["", "b"] },
      { op: "ReduceMax", attributes: { axes: [1], keepdims: 0 } },
    ],
    { constants: { a: ints(-1, 8), b: ints(-1, 6, 4) } },
  ),
  "reshaping by the batch size itself": modelFile({
    nodes: [
      node("Shape", ["x"], ["s"]),
      node("Gather", ["s", "zero"], ["n"]),
      node("Concat", ["n", "rest"], ["shape"], { axis: 0 }),
      node("Reshape", ["x", "shape"], ["r"]),
      node("Neg", ["r"], ["y"]),
    ],
    inputs: [info("x", "i32", ["N", 4, 3])],
    outputs: [info("y", "i32")],
    constants: { zero: ints(0), rest: ints(-1) },
  }),
  "transposing behind the first axis": chain(
    "i32",
    [3, 4, 5],
    [{ op: "Transpose", attributes: { perm: [0, 3, 1, 2] } }, { op: "Neg" }],
  ),
  "a transposed head, as in attention": modelFile({
    nodes: [
      node("Reshape", ["x", "heads"], ["h"]),
      node("Transpose", ["h"], ["q"], { perm: [0, 2, 1, 3] }),
      node("Transpose", ["h"], ["k"], { perm: [0, 2, 3, 1] }),
      node("MatMul", ["q", "k"], ["scores"]),
      node("Softmax", ["scores"], ["p"]),
      node("MatMul", ["p", "q"], ["mixed"]),
      node("Transpose", ["mixed"], ["back"], { perm: [0, 2, 1, 3] }),
      node("Reshape", ["back", "flat"], ["y"]),
    ],
    inputs: [info("x", "f32", ["N", 5, 8])],
    outputs: [info("y", "f32")],
    constants: { heads: ints(0, 0, 2, 4), flat: ints(0, 0, -1) },
  }),
  "embedding, positions and a mask": modelFile({
    nodes: [
      node("Gather", ["table", "ids"], ["e"]),
      node("Shape", ["ids"], ["s"]),
      node("ConstantOfShape", ["s"], ["zeros"], { value: tensor("i64", [1], [0]) }),
      node("Add", ["zeros", "ramp"], ["where"]),
      node("Gather", ["table", "where"], ["p"]),
      node("Add", ["e", "p"], ["sum"]),
      node("Cast", ["mask"], ["m"], { to: 6 }),
      node("Unsqueeze", ["m", "last"], ["wide"]),
      node("Mul", ["sum", "wide"], ["y"]),
    ],
    inputs: [info("ids", "i64", ["N", 6]), info("mask", "i64", ["N", 6])],
    outputs: [info("y", "i32")],
    constants: {
      table: between(next, "i32", [9, 4], -99, 99),
      ramp: ints(0, 1, 2, 3, 4, 5),
      last: ints(2),
    },
  }),
  "a constant for each row": modelFile({
    nodes: [
      node("Shape", ["x"], ["s"]),
      node("ConstantOfShape", ["s"], ["y"], { value: tensor("i32", [1], [7]) }),
      node("Neg", ["x"], ["z"]),
    ],
    inputs: [info("x", "i32", ["N", 3])],
    outputs: [info("y", "i32"), info("z", "i32")],
  }),
  "top elements of each row": modelFile({
    nodes: [node("TopK", ["x", "k"], ["y", "i"])],
    inputs: [info("x", "i32", ["N", 5])],
    outputs: [info("y", "i32"), info("i", "i64")],
    constants: { k: ints(2) },
  }),
  "elements gathered from the own row": modelFile({
    nodes: [node("GatherElements", ["x", "i"], ["y"], { axis: 1 })],
    inputs: [info("x", "i32", ["N", 5]), info("i", "i64", ["N", 3])],
    outputs: [info("y", "i32")],
  }),
};

/** What the nodes of MIXING read. */
const CONSTANTS = {
  ...{ zero: ints(0), one: ints(1), end: ints(100), back: ints(-1), all: ints(-100) },
  ...{ first: scalar("i64", 0), step: scalar("i64", 1), none: scalar("i32", 0) },
  ...{ pads: ints(1, 0, 0, 0), swapped: ints(-1, 4), rare: scalar("i32", 123_456_789) },
};
const COUNT = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "first"], ["n"])];

/** Nodes from x, i32 [N, 4], to `mixed`, which depends on other rows, on the row's number, or on how many there are. */
const MIXING: Readonly<Record<string, readonly NodeProto[]>> = {
  "a maximum over the rows": [node("ReduceMax", ["x"], ["mixed"], { axes: [0] })],
  "the batch size": [...COUNT, node("Cast", ["n"], ["mixed"], { to: 6 })],
  "division by the batch size": [
    ...COUNT,
    node("Cast", ["n"], ["c"], { to: 6 }),
    node("Div", ["x", "c"], ["mixed"]),
  ],
  "the number of the row": [
    ...COUNT,
    node("Range", ["first", "n", "step"], ["r"]),
    node("Unsqueeze", ["r", "one"], ["column"]),
    node("Cast", ["column"], ["mixed"], { to: 6 }),
  ],
  "rows in reverse": [node("Slice", ["x", "back", "all", "zero", "back"], ["mixed"])],
  "rows moved on by one": [
    node("Slice", ["x", "one", "end", "zero"], ["a"]),
    node("Slice", ["x", "zero", "one", "zero"], ["b"]),
    node("Concat", ["a", "b"], ["mixed"], { axis: 0 }),
  ],
  "the first row for all": [node("Gather", ["x", "zero"], ["mixed"])],
  "sums along the rows": [node("CumSum", ["x", "none"], ["mixed"])],
  "the greatest row": [node("ArgMax", ["x"], ["i"], { axis: 0 }), node("Cast", ["i"], ["mixed"], { to: 6 })],
  "padding between the rows": [
    node("Pad", ["x", "pads"], ["p"]),
    node("Slice", ["p", "zero", "back", "zero"], ["mixed"]),
  ],
  "a transposed batch": [
    node("Transpose", ["x"], ["t"], { perm: [1, 0] }),
    node("Reshape", ["t", "swapped"], ["mixed"]),
  ],
};

function mixing(nodes: readonly NodeProto[], ...last: readonly NodeProto[]): Uint8Array {
  return modelFile({
    nodes: [...nodes, ...last],
    inputs: [info("x", "i32", ["N", 4])],
    outputs: [info("y", "i32")],
    constants: CONSTANTS,
  });
}

const openly = (nodes: readonly NodeProto[]): Uint8Array => mixing(nodes, node("Sub", ["x", "mixed"], ["y"]));
const rarely = (nodes: readonly NodeProto[]): Uint8Array =>
  mixing(nodes, node("Equal", ["x", "rare"], ["is"]), node("Where", ["is", "mixed", "x"], ["y"]));

/** Files of other forms that mix rows. */
const OTHERS: Readonly<Record<string, Uint8Array>> = {
  "quantisation by the range of all rows": modelFile({
    nodes: [node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])],
    inputs: [info("x", "f32", ["N", 4])],
    outputs: [info("y", "u8")],
  }),
  "normalisation over the batch": modelFile({
    nodes: [node("ReduceMean", ["x"], ["m"], { axes: [0] }), node("Sub", ["x", "m"], ["y"])],
    inputs: [info("x", "f32", ["N", 4])],
    outputs: [info("y", "f32")],
  }),
  "rows chosen by an input": modelFile({
    nodes: [
      node("Greater", ["i", "zero"], ["positive"]),
      node("Cast", ["positive"], ["row"], { to: 7 }),
      node("Gather", ["x", "row"], ["y"], { axis: 0 }),
    ],
    inputs: [info("x", "i32", ["N", 4]), info("i", "i64", ["N"])],
    outputs: [info("y", "i32")],
    constants: { zero: ints(0) },
  }),
  "resizing along the rows": modelFile({
    nodes: [
      node("Resize", ["x", "", "scales"], ["wide"], { mode: "linear" }),
      node("Slice", ["wide", "zero", "end", "zero", "two"], ["y"]),
    ],
    inputs: [info("x", "f32", ["N", 1, 4, 4])],
    outputs: [info("y", "f32")],
    constants: { scales: tensor("f32", [4], [2, 1, 1, 1]), zero: ints(0), end: ints(100), two: ints(2) },
  }),
};

const SEEDS = [1, 2, 3, 4, 5];

function needLowered(file: Uint8Array, rows: number): Programs {
  const programs = lowered(file, rows);
  if (programs === undefined) throw new Error("the file is not lowered");
  return programs;
}

/** A random node of any operator, the first dimension of its inputs symbolic. */
function anyModel(rng: Rng): Uint8Array {
  const model = caseModel(instance(rng.pick(ALL_RULES), rng));
  for (const { type } of model.graph?.input ?? []) {
    const dim = type?.value.case === "tensorType" ? type.value.value.shape?.dim[0] : undefined;
    if (dim !== undefined) dim.value = { case: "dimParam", value: "N" };
  }
  return toBinary(ModelProtoSchema, model);
}

describe("batches", () => {
  for (const [name, file] of Object.entries(ROWWISE))
    it(`of ${name} are proved, and computed row by row`, () => {
      for (const rows of SIZES) {
        const { many, one } = needLowered(file, rows);
        expect(isBatchOf(many, one, rows), `${rows} rows`).to.equal(true);
        for (const seed of SEEDS)
          expect(agree(many, one, rows, seededRng(seed)), `${rows} rows, seed ${seed}`).to.equal(true);
      }
    });

  function expectRefused(file: Uint8Array, isSeen: boolean): void {
    for (const rows of SIZES) {
      const { many, one } = needLowered(file, rows);
      expect(isBatchOf(many, one, rows), `${rows} rows`).to.equal(false);
      const alike = SEEDS.every((seed) => agree(many, one, rows, seededRng(seed)));
      expect(alike, `${rows} rows`).to.equal(!isSeen);
    }
  }

  for (const [name, file] of Object.entries(OTHERS))
    it(`of ${name} are not proved`, () => expectRefused(file, true));
  for (const [name, nodes] of Object.entries(MIXING)) {
    it(`of ${name} are not proved`, () => expectRefused(openly(nodes), true));
    it(`of ${name}, where a rare value asks for it, are not proved, though tests find nothing`, () =>
      expectRefused(rarely(nodes), false));
  }

  it("hold for the number of rows that was asked for, and no other", () => {
    const eight = [
      ...COUNT,
      node("Equal", ["n", "eight"], ["is"]),
      node("Cast", ["is"], ["mixed"], { to: 6 }),
      node("Sub", ["x", "mixed"], ["y"]),
    ];
    const file = modelFile({
      nodes: eight,
      inputs: [info("x", "i32", ["N", 4])],
      outputs: [info("y", "i32")],
      constants: { ...CONSTANTS, eight: scalar("i64", 8) },
    });
    const proved = [2, 4, 8].map((rows) => {
      const { many, one } = needLowered(file, rows);
      return isBatchOf(many, one, rows);
    });
    expect(proved).to.deep.equal([true, true, false]);
    const { many, one } = needLowered(file, 4);
    expect(isBatchOf(many, one, 2)).to.equal(false);
  });

  it("of any operator are computed row by row if they are proved", () => {
    let proved = 0;
    for (let seed = 0; seed < 400; seed++) {
      const rng = seededRng(seed);
      const [file, rows] = [anyModel(rng), rng.pick(SIZES)];
      const programs = lowered(file, rows);
      if (programs === undefined || !isBatchOf(programs.many, programs.one, rows)) continue;
      proved++;
      for (let run = 0; run < 3; run++)
        expect(agree(programs.many, programs.one, rows, rng), `seed ${seed}`).to.equal(true);
    }
    expect(proved).to.be.greaterThan(100);
  });
});
