import { expect } from "chai";
import {
  feedsOf,
  floats,
  info,
  ints,
  modelFile,
  node,
  numbers,
  runExact,
  runExactFile,
  scalar,
  tensor,
  vector,
  type Case,
  type TestTensor,
} from "./testing.ts";

describe("lowering of 16-bit floats", () => {
  const x = vector(1, -2, 0.5, 3, 0.25, -1);
  const matrix = tensor("f32", [2, 3], numbers(x));
  const square = tensor("f32", [3, 3], [1, 2, 3, 0, 1, 4, 5, 6, 0]);
  const cases: readonly Case[] = [
    ...["none", "add", "mul", "max"].flatMap((reduction): Case[] => [
      {
        operator: "ScatterElements",
        inputs: [x, ints(1, 5), vector(2, -3)],
        outputs: ["f32"],
        attributes: { reduction },
      },
      {
        operator: "ScatterND",
        inputs: [x, tensor("i64", [1, 1], [2]), vector(4)],
        outputs: ["f32"],
        attributes: { reduction },
      },
    ]),
    { operator: "TopK", inputs: [x, ints(3)], outputs: ["f32"], constants: [1] },
    { operator: "CumSum", inputs: [x, scalar("i64", 0)], outputs: ["f32"], constants: [1] },
    {
      operator: "CumSum",
      inputs: [floats(31, [1100]), scalar("i64", 0)],
      outputs: ["f32"],
      constants: [1],
    },
    { operator: "CumProd", inputs: [x, scalar("i64", 0)], outputs: ["f32"], constants: [1] },
    {
      operator: "OneHot",
      inputs: [ints(1, 0), scalar("i64", 2), vector(2, 3)],
      outputs: ["f32"],
      constants: [1],
    },
    { operator: "Trilu", inputs: [matrix], outputs: ["f32"] },
    { operator: "EyeLike", inputs: [matrix], outputs: ["f32"] },
    { operator: "Hardmax", inputs: [matrix], outputs: ["f32"] },
    { operator: "ReverseSequence", inputs: [matrix, ints(1, 2, 1)], outputs: ["f32"] },
    {
      operator: "NegativeLogLikelihoodLoss",
      inputs: [matrix, ints(2, 1), vector(1, 2, 3)],
      outputs: ["f32"],
    },
    { operator: "SoftmaxCrossEntropyLoss", inputs: [matrix, ints(2, 1)], outputs: ["f32", "f32"] },
    {
      operator: "Einsum",
      inputs: [matrix, square, square],
      outputs: ["f32"],
      attributes: { equation: "ij,jk,kl->il" },
    },
    { operator: "Shrink", inputs: [x], outputs: ["f32"] },
    { operator: "Asinh", inputs: [x], outputs: ["f32"] },
    {
      operator: "Range",
      inputs: [vector(1), vector(3), vector(0.25)],
      outputs: ["f32"],
      constants: [0, 1, 2],
      opset: 27,
    },
    { operator: "Unique", inputs: [x], outputs: ["f32"], constants: [0] },
  ];
  // Float inputs cast to f16 or bf16, outputs back.
  const narrowed = (test: Case, to: number): number[][] => {
    const nodes: ReturnType<typeof node>[] = [];
    const inputs: ReturnType<typeof info>[] = [];
    const outputs = test.outputs.map((type, k) => info(`y${k}`, type));
    const constants: Record<string, TestTensor> = {};
    test.inputs.forEach((value, k) => {
      if (value === undefined) return;
      const name = `x${k}`;
      if (test.constants?.includes(k) === true) constants[name] = value;
      else inputs.push(info(name, value.dtype, value.shape));
      const narrow = value.dtype === "f32";
      nodes.push(node(narrow ? "Cast" : "Identity", [name], [`n${k}`], narrow ? { to } : {}));
    });
    const names = test.outputs.map((_, k) => `y${k}`);
    nodes.push(
      node(
        test.operator,
        test.inputs.map((_, k) => `n${k}`),
        names.map((name) => `n${name}`),
        test.attributes,
      ),
      ...names.map((name) => node("Cast", [`n${name}`], [name], { to: 1 })),
    );
    return runExactFile(
      modelFile({ nodes, inputs, outputs, constants, opset: test.opset ?? 26 }),
      feedsOf(test),
    ).map(numbers);
  };
  for (const test of cases)
    it(`${test.operator} ${JSON.stringify(test.attributes ?? {})}`, () => {
      const wide = runExact({ ...test, opset: test.opset ?? 26 }).map(numbers);
      for (const [to, tolerance] of [
        [10, 0.01],
        [16, 0.06],
      ] as const)
        narrowed(test, to).forEach((result, k) => {
          expect(result).to.have.length(wide[k]?.length ?? 0);
          result.forEach((value, i) => {
            const expected = wide[k]?.[i] ?? NaN;
            expect(Math.abs(value - expected)).to.be.at.most(tolerance * Math.max(1, Math.abs(expected)));
          });
        });
    });
  it("BitCast and back", () => {
    for (const [to, bits] of [
      [10, 5],
      [16, 4],
    ] as const) {
      const nodes = [
        node("Cast", ["x"], ["narrow"], { to }),
        node("BitCast", ["narrow"], ["bits"], { to: bits }),
        node("BitCast", ["bits"], ["same"], { to }),
        node("Cast", ["same"], ["y"], { to: 1 }),
        node("Cast", ["bits"], ["z"], { to: 6 }),
      ];
      const values = [0, 1, -2, 2 ** -16, -Infinity, NaN];
      const graph = {
        nodes,
        inputs: [info("x", "f32", [6])],
        outputs: [info("y", "f32"), info("z", "i32")],
        opset: 26,
      };
      const [same, codes] = runExactFile(modelFile(graph), [vector(...values)]).map(numbers);
      expect(same).to.deep.equal(values);
      const f16 = [0, 0x3c00, 0xc000 - 0x10000, 0x0100, 0xfc00 - 0x10000, 0x7e00];
      const bf16 = [0, 0x3f80, 0xc000, 0x3780, 0xff80, 0x7fc0];
      expect(codes).to.deep.equal(to === 10 ? f16 : bf16);
    }
  });
});
