import { expectAgreement, floats, ints, scalar, tensor, type Case, type TestTensor } from "./testing.ts";

const f32 = ["f32"] as const;

describe("lowering against onnxruntime: floats", () => {
  describe("elementwise", () => {
    const pairs: readonly [string, number, number][] = [
      ["Add", -2, 2],
      ["Sub", -2, 2],
      ["Mul", -2, 2],
      ["Div", 0.5, 2],
      ["Pow", 0.5, 2],
      ["Min", -2, 2],
      ["Max", -2, 2],
    ];
    for (const [operator, low, high] of pairs)
      it(`${operator} broadcasts`, () =>
        expectAgreement({
          operator,
          inputs: [floats(1, [2, 1, 3], low, high), floats(2, [4, 1], low, high)],
          outputs: f32,
        }));

    const functions: readonly [string, number, number][] = [
      ["Neg", -2, 2],
      ["Abs", -2, 2],
      ["Sqrt", 0, 4],
      ["Reciprocal", 0.5, 2],
      ["Exp", -5, 5],
      ["Log", 0.1, 9],
      ["Sin", -9, 9],
      ["Cos", -9, 9],
      ["Atan", -9, 9],
      ["Tanh", -3, 3],
      ["Erf", -3, 3],
      ["Floor", -9, 9],
      ["Ceil", -9, 9],
      ["Round", -9, 9],
      ["Sign", -1, 1],
      ["Relu", -2, 2],
      ["Sigmoid", -20, 20],
      ["HardSigmoid", -6, 6],
      ["HardSwish", -6, 6],
      ["Softplus", -40, 40],
      ["Softsign", -4, 4],
      ["LeakyRelu", -4, 4],
      ["Elu", -4, 4],
      ["Selu", -4, 4],
      ["Celu", -4, 4],
      ["ThresholdedRelu", -4, 4],
      ["Mish", -4, 4],
    ];
    for (const [operator, low, high] of functions)
      it(operator, () =>
        expectAgreement({
          operator,
          inputs: [floats(3, [3, 5], low, high)],
          outputs: f32,
          opset: operator === "Mish" ? 18 : 17,
        }),
      );

    it("Mod with fmod", () =>
      expectAgreement({
        operator: "Mod",
        inputs: [floats(4, [9], -9, 9), floats(5, [9], 1, 2)],
        outputs: f32,
        attributes: { fmod: 1 },
      }));
    it("Gelu, both forms", async () => {
      for (const approximate of ["none", "tanh"])
        await expectAgreement({
          operator: "Gelu",
          inputs: [floats(6, [9])],
          outputs: f32,
          attributes: { approximate },
          opset: 20,
        });
    });
    it("Clip by inputs and by attributes", async () => {
      const x = floats(7, [9], -9, 9);
      await expectAgreement({
        operator: "Clip",
        inputs: [x, scalar("f32", -1), scalar("f32", 2)],
        outputs: f32,
      });
      await expectAgreement({
        operator: "Clip",
        inputs: [x, undefined, scalar("f32", 2)],
        outputs: f32,
        constants: [2],
      });
      await expectAgreement({
        operator: "Clip",
        inputs: [x],
        outputs: f32,
        attributes: { min: { float: -1 } },
        opset: 9,
      });
    });
    it("PRelu", () =>
      expectAgreement({
        operator: "PRelu",
        inputs: [floats(8, [2, 3, 2]), floats(9, [3, 1])],
        outputs: f32,
      }));
  });

  describe("convolution and pooling", () => {
    const image = floats(10, [2, 4, 7, 6]);
    const conv = (
      attributes: Case["attributes"],
      x: TestTensor,
      w: readonly number[],
      bias = true,
    ): Case => ({
      operator: "Conv",
      inputs: [x, floats(11, w), bias ? floats(12, [w[0] ?? 1]) : undefined],
      outputs: f32,
      constants: bias ? [1, 2] : [1],
      ...(attributes === undefined ? {} : { attributes }),
    });
    it("Conv with padding, strides, dilations", async () => {
      await expectAgreement(
        conv({ pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] }, image, [5, 4, 3, 2]),
      );
      await expectAgreement(conv({ auto_pad: "SAME_UPPER", strides: [2, 2] }, image, [5, 4, 3, 3], false));
      await expectAgreement(conv({ auto_pad: "SAME_LOWER" }, image, [5, 4, 2, 2], false));
    });
    it("Conv in groups and by channel", async () => {
      await expectAgreement(conv({ group: 2, pads: [1, 1, 1, 1] }, image, [6, 2, 3, 3]));
      await expectAgreement(conv({ group: 4 }, image, [8, 1, 3, 3]));
    });
    it("Conv in one and three dimensions", async () => {
      await expectAgreement(conv({ pads: [1, 1] }, floats(13, [2, 3, 8]), [4, 3, 3]));
      await expectAgreement(conv({}, floats(14, [1, 2, 4, 4, 4]), [3, 2, 2, 2, 2]));
    });
    it("Conv with weights from an input", () =>
      expectAgreement({ operator: "Conv", inputs: [image, floats(11, [5, 4, 2, 2])], outputs: f32 }));
    it("MaxPool, AveragePool", async () => {
      const window = { kernel_shape: [3, 2], strides: [2, 2] };
      for (const ceil_mode of [0, 1]) {
        await expectAgreement({
          operator: "MaxPool",
          inputs: [image],
          outputs: f32,
          attributes: { ...window, ceil_mode, pads: [1, 1, 1, 0] },
        });
        for (const count_include_pad of [0, 1])
          await expectAgreement({
            operator: "AveragePool",
            inputs: [image],
            outputs: f32,
            attributes: { ...window, ceil_mode, count_include_pad, pads: [1, 1, 0, 0] },
          });
      }
      await expectAgreement({
        operator: "MaxPool",
        inputs: [image],
        outputs: f32,
        attributes: { kernel_shape: [2, 2], dilations: [2, 1] },
      });
      await expectAgreement({
        operator: "AveragePool",
        inputs: [image],
        outputs: f32,
        attributes: { ...window, auto_pad: "SAME_UPPER" },
      });
    });
    it("GlobalAveragePool, GlobalMaxPool", async () => {
      await expectAgreement({ operator: "GlobalAveragePool", inputs: [image], outputs: f32 });
      await expectAgreement({ operator: "GlobalMaxPool", inputs: [image], outputs: f32 });
    });
    it("normalisation", async () => {
      const vectors = [20, 21, 22].map((seed) => floats(seed, [4]));
      const variance = floats(23, [4], 0.5, 2);
      await expectAgreement({
        operator: "BatchNormalization",
        inputs: [image, ...vectors, variance],
        outputs: f32,
        constants: [1, 2, 3, 4],
      });
      await expectAgreement({
        operator: "InstanceNormalization",
        inputs: [image, ...vectors.slice(0, 2)],
        outputs: f32,
      });
      await expectAgreement({
        operator: "LayerNormalization",
        inputs: [floats(24, [3, 8]), floats(25, [8]), floats(26, [8])],
        outputs: f32,
      });
    });
  });

  describe("matrix products", () => {
    it("MatMul of every rank", async () => {
      const shapes: readonly (readonly [number[], number[]])[] = [
        [
          [3, 4],
          [4, 5],
        ],
        [[4], [4, 5]],
        [[3, 4], [4]],
        [[4], [4]],
        [
          [2, 1, 3, 4],
          [5, 4, 2],
        ],
        [
          [2, 3, 4],
          [4, 2],
        ],
      ];
      for (const [x, y] of shapes)
        for (const constants of [[], [1]])
          await expectAgreement({
            operator: "MatMul",
            inputs: [floats(30, x), floats(31, y)],
            outputs: f32,
            constants,
          });
    });
    it("Gemm", async () => {
      const c = floats(34, [5]);
      await expectAgreement({
        operator: "Gemm",
        inputs: [floats(32, [3, 4]), floats(33, [4, 5]), c],
        outputs: f32,
        constants: [1, 2],
      });
      await expectAgreement({
        operator: "Gemm",
        inputs: [floats(32, [4, 3]), floats(33, [5, 4]), c],
        outputs: f32,
        attributes: { transA: 1, transB: 1, alpha: { float: 0.7 }, beta: { float: 0.3 } },
      });
      await expectAgreement({
        operator: "Gemm",
        inputs: [floats(32, [3, 4]), floats(33, [4, 5])],
        outputs: f32,
      });
    });
  });

  describe("reductions", () => {
    const x = floats(40, [3, 4, 5]);
    for (const operator of [
      "ReduceMean",
      "ReduceMax",
      "ReduceMin",
      "ReduceProd",
      "ReduceL1",
      "ReduceL2",
      "ReduceSumSquare",
      "ReduceLogSumExp",
    ])
      it(operator, async () => {
        await expectAgreement({
          operator,
          inputs: [x],
          outputs: f32,
          attributes: { axes: [1, -1], keepdims: 0 },
        });
        await expectAgreement({ operator, inputs: [x], outputs: f32, opset: 18 });
        await expectAgreement({ operator, inputs: [x, ints(0)], outputs: f32, constants: [1], opset: 18 });
      });
    it("ReduceSum", async () => {
      await expectAgreement({ operator: "ReduceSum", inputs: [x, ints(-2)], outputs: f32, constants: [1] });
      await expectAgreement({
        operator: "ReduceSum",
        inputs: [x],
        outputs: f32,
        attributes: { axes: [0] },
        opset: 11,
      });
      await expectAgreement({
        operator: "ReduceSum",
        inputs: [x],
        outputs: f32,
        attributes: { noop_with_empty_axes: 1 },
      });
    });
    it("Softmax, LogSoftmax, before and after opset 13", async () => {
      for (const operator of ["Softmax", "LogSoftmax"]) {
        await expectAgreement({ operator, inputs: [x], outputs: f32, opset: 11 });
        await expectAgreement({ operator, inputs: [x], outputs: f32 });
        await expectAgreement({ operator, inputs: [x], outputs: f32, attributes: { axis: 1 } });
      }
    });
    it("ArgMax, ArgMin with ties", async () => {
      const ties = tensor("f32", [2, 5], [1, 3, 3, 2, 1, 0, -1, 5, 5, -1]);
      for (const operator of ["ArgMax", "ArgMin"])
        for (const select_last_index of [0, 1])
          for (const axis of [0, 1])
            await expectAgreement({
              operator,
              inputs: [ties],
              outputs: ["i64"],
              attributes: { axis, select_last_index, keepdims: axis },
            });
    });
  });
});
