import {
  expectSameBytes,
  ints,
  random,
  randomTensor,
  scalar,
  tensor,
  type Case,
  type TestTensor,
} from "./testing.ts";

const integer = (seed: number, shape: readonly number[], low = -50, high = 50): TestTensor =>
  randomTensor(random(seed), "i32", shape, low, high);
const bool = (seed: number, shape: readonly number[]): TestTensor =>
  randomTensor(random(seed), "bool", shape, 0, 1);

describe("lowering against onnxruntime: integers, logic, shapes, bit for bit", () => {
  const x = integer(1, [2, 3, 4]);

  it("integer arithmetic wraps and truncates", async () => {
    const wide = tensor("i32", [3], [2 ** 31 - 1, -(2 ** 31), 123456]);
    for (const operator of ["Add", "Sub", "Mul"])
      await expectSameBytes({ operator, inputs: [wide, integer(2, [3])], outputs: ["i32"] });
    await expectSameBytes({
      operator: "Div",
      inputs: [integer(3, [9]), integer(4, [9], 1, 7)],
      outputs: ["i32"],
    });
    for (const fmod of [0, 1])
      await expectSameBytes({
        operator: "Mod",
        inputs: [integer(3, [9]), integer(4, [9], 1, 7)],
        outputs: ["i32"],
        attributes: { fmod },
      });
    await expectSameBytes({
      operator: "Pow",
      inputs: [integer(5, [4]), tensor("i32", [], [3])],
      outputs: ["i32"],
      constants: [1],
    });
  });

  it("integer reductions", async () => {
    for (const operator of ["ReduceMax", "ReduceMin", "ReduceProd"])
      await expectSameBytes({
        operator,
        inputs: [integer(6, [3, 5], -9, 9)],
        outputs: ["i32"],
        attributes: { axes: [1] },
      });
    await expectSameBytes({ operator: "ReduceSum", inputs: [x, ints(1)], outputs: ["i32"], constants: [1] });
  });

  it("comparisons, logic, Where", async () => {
    const [a, c] = [integer(7, [3, 1], 0, 3), integer(8, [4], 0, 3)];
    for (const operator of ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
      await expectSameBytes({ operator, inputs: [a, c], outputs: ["bool"] });
    for (const operator of ["And", "Or", "Xor"])
      await expectSameBytes({ operator, inputs: [bool(9, [3, 1]), bool(10, [4])], outputs: ["bool"] });
    await expectSameBytes({ operator: "Not", inputs: [bool(11, [5])], outputs: ["bool"] });
    await expectSameBytes({ operator: "Where", inputs: [bool(12, [4]), a, c], outputs: ["i32"] });
  });

  it("bits", async () => {
    const [a, c] = [integer(50, [6]), integer(51, [6])];
    for (const operator of ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
      await expectSameBytes({ operator, inputs: [a, c], outputs: ["i32"], opset: 18 });
    await expectSameBytes({ operator: "BitwiseNot", inputs: [a], outputs: ["i32"], opset: 18 });
    const [u, by] = [randomTensor(random(52), "u8", [9], 0, 255), randomTensor(random(53), "u8", [9], 0, 7)];
    for (const direction of ["LEFT", "RIGHT"])
      await expectSameBytes({
        operator: "BitShift",
        inputs: [u, by],
        outputs: ["u8"],
        attributes: { direction },
      });
  });

  it("Cast between integers, floats and bool", async () => {
    const floats = tensor("f32", [6], [-1.5, -0.5, 0, 0.5, 1.5, 200.25]);
    await expectSameBytes({ operator: "Cast", inputs: [floats], outputs: ["i32"], attributes: { to: 6 } });
    await expectSameBytes({ operator: "Cast", inputs: [floats], outputs: ["bool"], attributes: { to: 9 } });
    await expectSameBytes({
      operator: "Cast",
      inputs: [integer(13, [5], -300, 300)],
      outputs: ["i8"],
      attributes: { to: 3 },
    });
    await expectSameBytes({
      operator: "Cast",
      inputs: [tensor("i64", [2], [16777217, -5])],
      outputs: ["f32"],
      attributes: { to: 1 },
    });
    await expectSameBytes({
      operator: "Cast",
      inputs: [bool(14, [5])],
      outputs: ["i64"],
      attributes: { to: 7 },
    });
  });

  it("Reshape, Flatten, Transpose, Squeeze, Unsqueeze", async () => {
    await expectSameBytes({
      operator: "Reshape",
      inputs: [x, ints(0, -1, 2)],
      outputs: ["i32"],
      constants: [1],
    });
    for (const axis of [0, 1, 2, -1, 3])
      await expectSameBytes({ operator: "Flatten", inputs: [x], outputs: ["i32"], attributes: { axis } });
    await expectSameBytes({ operator: "Transpose", inputs: [x], outputs: ["i32"] });
    await expectSameBytes({
      operator: "Transpose",
      inputs: [x],
      outputs: ["i32"],
      attributes: { perm: [1, 0, 2] },
    });
    await expectSameBytes({
      operator: "Squeeze",
      inputs: [integer(15, [1, 3, 1]), ints(-1)],
      outputs: ["i32"],
      constants: [1],
    });
    await expectSameBytes({
      operator: "Squeeze",
      inputs: [integer(15, [1, 3, 1])],
      outputs: ["i32"],
      opset: 11,
    });
    await expectSameBytes({
      operator: "Unsqueeze",
      inputs: [x, ints(0, -1)],
      outputs: ["i32"],
      constants: [1],
    });
  });

  it("Slice forwards and backwards, Split", async () => {
    const slice = (starts: number[], ends: number[], axes: number[], steps: number[]): Case => ({
      operator: "Slice",
      inputs: [x, ints(...starts), ints(...ends), ints(...axes), ints(...steps)],
      outputs: ["i32"],
      constants: [1, 2, 3, 4],
    });
    await expectSameBytes(slice([1, 0], [3, 999], [1, 2], [1, 2]));
    await expectSameBytes(slice([-1, 3], [-999, 0], [1, -1], [-1, -2]));
    await expectSameBytes({
      operator: "Slice",
      inputs: [x],
      outputs: ["i32"],
      attributes: { starts: [1], ends: [2], axes: [2] },
      opset: 9,
    });
    await expectSameBytes({
      operator: "Split",
      inputs: [x, ints(1, 3)],
      outputs: ["i32", "i32"],
      attributes: { axis: 2 },
      constants: [1],
    });
    await expectSameBytes({
      operator: "Split",
      inputs: [x],
      outputs: ["i32", "i32"],
      attributes: { axis: 1, num_outputs: 2 },
      opset: 18,
    });
  });

  it("Expand, Tile, Concat, Pad", async () => {
    await expectSameBytes({
      operator: "Expand",
      inputs: [integer(16, [3, 1]), ints(2, 1, 4)],
      outputs: ["i32"],
      constants: [1],
    });
    await expectSameBytes({ operator: "Tile", inputs: [x, ints(2, 1, 3)], outputs: ["i32"], constants: [1] });
    const parts = [1, 2, 1, 3, 1, 2, 1].map((size, seed) => integer(20 + seed, [2, size, 3]));
    for (let count = 1; count <= parts.length; count++)
      await expectSameBytes({
        operator: "Concat",
        inputs: parts.slice(0, count),
        outputs: ["i32"],
        attributes: { axis: 1 },
      });
    const pads = ints(0, 2, 1, 1, -1, 2);
    await expectSameBytes({
      operator: "Pad",
      inputs: [x, pads, tensor("i32", [], [7])],
      outputs: ["i32"],
      constants: [1, 2],
    });
    await expectSameBytes({
      operator: "Pad",
      inputs: [x, pads, tensor("i32", [], [7])],
      outputs: ["i32"],
      constants: [1],
    });
    for (const mode of ["edge", "reflect"])
      await expectSameBytes({
        operator: "Pad",
        inputs: [x, ints(0, 2, 1, 0, 1, 2)],
        outputs: ["i32"],
        attributes: { mode },
        constants: [1],
      });
  });

  it("Gather and its kin, indices from the end too", async () => {
    const indices = tensor("i64", [2, 2], [0, -1, 2, -3]);
    for (const constants of [[], [1]]) {
      await expectSameBytes({
        operator: "Gather",
        inputs: [x, indices],
        outputs: ["i32"],
        attributes: { axis: 1 },
        constants,
      });
      await expectSameBytes({
        operator: "Gather",
        inputs: [x, scalar("i64", -2)],
        outputs: ["i32"],
        attributes: { axis: 2 },
        constants,
      });
      const each = tensor("i64", [2, 3, 2], [0, -1, 1, 2, 3, -4, 1, 1, 0, -2, 2, 3]);
      await expectSameBytes({
        operator: "GatherElements",
        inputs: [x, each],
        outputs: ["i32"],
        attributes: { axis: 2 },
        constants,
      });
      const pairs = tensor("i64", [2, 2], [0, -1, 1, 2]);
      await expectSameBytes({ operator: "GatherND", inputs: [x, pairs], outputs: ["i32"], constants });
    }
  });

  it("DepthToSpace, SpaceToDepth", async () => {
    const image = randomTensor(random(60), "f32", [2, 8, 2, 4], -1, 1);
    for (const mode of ["DCR", "CRD"])
      await expectSameBytes({
        operator: "DepthToSpace",
        inputs: [image],
        outputs: ["f32"],
        attributes: { mode, blocksize: 2 },
      });
    await expectSameBytes({
      operator: "SpaceToDepth",
      inputs: [image],
      outputs: ["f32"],
      attributes: { blocksize: 2 },
    });
  });

  it("Shape, Size, ConstantOfShape, Range, Dropout, Identity", async () => {
    await expectSameBytes({
      operator: "Shape",
      inputs: [x],
      outputs: ["i64"],
      attributes: { start: 1, end: -1 },
    });
    await expectSameBytes({ operator: "Size", inputs: [x], outputs: ["i64"] });
    await expectSameBytes({
      operator: "ConstantOfShape",
      inputs: [ints(2, 3)],
      outputs: ["i32"],
      attributes: { value: tensor("i32", [1], [5]) },
      constants: [0],
    });
    const range = [1, 10, 3].map((value) => scalar("i64", value));
    await expectSameBytes({ operator: "Range", inputs: range, outputs: ["i64"], constants: [0, 1, 2] });
    await expectSameBytes({
      operator: "Dropout",
      inputs: [randomTensor(random(61), "f32", [5], -1, 1)],
      outputs: ["f32", "bool"],
    });
    await expectSameBytes({ operator: "Identity", inputs: [x], outputs: ["i32"] });
  });
});
