import { expect } from "chai";
import {
  expectAgreement,
  expectRefusal,
  floats,
  ints,
  numbers,
  random,
  randomTensor,
  runCase,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

const f32 = ["f32"] as const;

describe("lowering against onnxruntime: windows and placement", () => {
  it("ConvTranspose in one to three dimensions, with every kind of padding", async () => {
    const each: readonly [number[], number[], Attributes][] = [
      [[2, 3, 5], [3, 2, 3], {}],
      [[1, 2, 4], [2, 2, 3], { strides: [3], pads: [1, 0], output_padding: [1] }],
      [[1, 4, 4, 3], [4, 2, 3, 2], { group: 2, strides: [2, 3], dilations: [2, 1], pads: [1, 0, 2, 1] }],
      [[1, 2, 3, 3], [2, 3, 3, 3], { strides: [2, 2], auto_pad: "SAME_UPPER" }],
      [[1, 2, 3, 3], [2, 3, 3, 2], { strides: [2, 2], auto_pad: "SAME_LOWER" }],
      [[1, 2, 3, 3], [2, 3, 3, 3], { strides: [2, 2], auto_pad: "VALID" }],
      [[1, 2, 3, 3], [2, 3, 3, 3], { strides: [3, 2], output_shape: [10, 8], output_padding: [1, 1] }],
      [[1, 2, 3, 3], [2, 3, 3, 3], { strides: [2, 2], output_shape: [6, 5], auto_pad: "SAME_UPPER" }],
      [[1, 2, 2, 3, 2], [2, 1, 2, 2, 3], { strides: [2, 1, 2], pads: [1, 0, 0, 0, 1, 1] }],
    ];
    for (const [x, w, attributes] of each) {
      const bias = floats(3, [(w[1] ?? 1) * Number(attributes.group ?? 1)]);
      for (const inputs of [
        [floats(1, x), floats(2, w)],
        [floats(1, x), floats(2, w), bias],
      ])
        await expectAgreement({
          operator: "ConvTranspose",
          inputs,
          outputs: f32,
          attributes,
          constants: [1, 2],
        });
    }
  });

  it("Col2Im", async () => {
    const each: readonly [number[], number[], number[], Attributes][] = [
      [[1, 18, 9], [5, 5], [3, 3], {}],
      [[2, 8, 4], [5, 5], [2, 2], { dilations: [2, 2], strides: [2, 2] }],
      [[1, 6, 8], [4, 5], [3, 2], { pads: [0, 0, 0, 0] }],
      [[1, 9, 16], [4, 4], [3, 3], { pads: [1, 1, 1, 1] }],
    ];
    for (const [x, image, block, attributes] of each) {
      const inputs = [floats(4, x), ints(...image), ints(...block)];
      await expectAgreement({
        operator: "Col2Im",
        inputs,
        outputs: f32,
        attributes,
        constants: [1, 2],
        opset: 18,
      });
    }
  });

  it("MaxPool with indices in both orders", async () => {
    for (const storage_order of [0, 1])
      for (const [shape, attributes] of [
        [[2, 3, 7], { kernel_shape: [3], pads: [1, 1], strides: [2] }],
        [[2, 3, 6, 5], { kernel_shape: [2, 3], pads: [1, 0, 0, 2], strides: [2, 1] }],
        [[1, 2, 7, 6], { kernel_shape: [2, 2], dilations: [2, 3], ceil_mode: 1, strides: [2, 2] }],
        [[1, 2, 4, 3, 5], { kernel_shape: [2, 2, 2], strides: [1, 1, 2] }],
      ] as const)
        await expectAgreement({
          operator: "MaxPool",
          inputs: [randomTensor(random(5), "f32", shape, -3, 3)],
          outputs: ["f32", "i64"],
          attributes: { ...attributes, storage_order },
        });
  });

  it("MaxPool gives the first of equal maxima", async () => {
    const x = tensor("f32", [1, 1, 3, 3], [1, 2, 2, 2, 1, 0, 2, 2, 2]);
    for (const storage_order of [0, 1])
      await expectAgreement({
        operator: "MaxPool",
        inputs: [x],
        outputs: ["f32", "i64"],
        attributes: { kernel_shape: [2, 2], storage_order },
      });
  });

  it("AveragePool and LpPool with ceil_mode, dilations and padding", async () => {
    const shape = [1, 2, 8, 7];
    for (const attributes of [
      { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
      { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
      { kernel_shape: [3, 3], strides: [2, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
      { kernel_shape: [2, 2], dilations: [2, 3], pads: [1, 1, 0, 1] },
      { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_LOWER" },
    ]) {
      const inputs = [floats(6, shape)];
      for (const count_include_pad of [0, 1])
        await expectAgreement({
          operator: "AveragePool",
          inputs,
          outputs: f32,
          attributes: { ...attributes, count_include_pad },
          opset: 19,
        });
      for (const p of [1, 2, 3])
        await expectAgreement({
          operator: "LpPool",
          inputs,
          outputs: f32,
          attributes: { ...attributes, p },
          opset: 18,
        });
    }
  });

  it("GlobalLpPool", async () => {
    for (const p of [1, 2, 4])
      await expectAgreement({
        operator: "GlobalLpPool",
        inputs: [floats(7, [2, 3, 4, 5])],
        outputs: f32,
        attributes: { p },
      });
  });

  it("NhwcMaxPool", async () => {
    for (const type of ["u8", "i8"] as const)
      await expectAgreement({
        operator: "com.microsoft:NhwcMaxPool",
        inputs: [randomTensor(random(8), type, [1, 6, 5, 3], 0, 100)],
        outputs: [type],
        attributes: { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 1] },
      });
  });

  it("MaxUnpool", async () => {
    const x = tensor("f32", [1, 1, 2, 2], [1, 2, 3, 4]);
    const indices = tensor("i64", [1, 1, 2, 2], [5, 7, 13, 15]);
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    await expectAgreement({ operator: "MaxUnpool", inputs: [x, indices], outputs: f32, attributes });
    // With an output shape, what the ONNX tests expect: zeros at the ends of the axes.
    const inputs = [x, indices, ints(1, 1, 5, 5)];
    const { exact } = await runCase({
      operator: "MaxUnpool",
      inputs,
      outputs: f32,
      attributes,
      constants: [2],
    });
    const expected = Array.from({ length: 25 }, () => 0)
      .with(6, 1)
      .with(8, 2)
      .with(16, 3)
      .with(18, 4);
    expect(exact.map(numbers)).to.deep.equal([expected]);
  });

  it("CenterCropPad", async () => {
    for (const [shape, sizes, attributes] of [
      [[5, 8], [8, 5], {}],
      [[4, 7, 3], [7, 4], { axes: [-1, 0] }],
      [[4, 7], [4, 7], {}],
    ] as const)
      for (const type of ["f32", "i32"] as const)
        await expectAgreement({
          operator: "CenterCropPad",
          inputs: [randomTensor(random(9), type, shape, -9, 9), ints(...sizes)],
          outputs: [type],
          attributes,
          constants: [1],
          opset: 18,
        });
  });

  it("refuses what does not fit", () => {
    const x = floats(1, [1, 2, 3, 3]);
    const w = floats(2, [2, 3, 3, 3]);
    const conv = (attributes: Attributes, ...inputs: TestTensor[]): Case => ({
      operator: "ConvTranspose",
      inputs: inputs.length > 0 ? inputs : [x, w],
      outputs: f32,
      attributes,
    });
    for (const attributes of [
      { strides: [0, 1] },
      { strides: [1] },
      { pads: [9, 9, 9, 9] },
      { pads: [-1, 0, 0, 0] },
      { group: 3 },
      { group: 0 },
      { output_shape: [1] },
      { output_shape: [0, 5] },
      { kernel_shape: [2, 2] },
      { auto_pad: "SAME" },
    ])
      expectRefusal("MALFORMED", conv(attributes));
    expectRefusal("MALFORMED", conv({}, x, floats(2, [2, 3, 3])));
    expectRefusal("MALFORMED", conv({}, x));
    expectRefusal("TOO_LARGE", conv({ strides: [2 ** 23, 2 ** 23] }));
    const pool = { operator: "LpPool", inputs: [x], outputs: f32, opset: 18 };
    expectRefusal("MALFORMED", { ...pool, attributes: { kernel_shape: [2, 2], p: 0 } });
    expectRefusal("MALFORMED", { ...pool, attributes: { p: 2 } });
    const huge = { kernel_shape: [2, 2], pads: [2 ** 24, 0, 2 ** 24, 0] };
    expectRefusal("TOO_LARGE", { operator: "AveragePool", inputs: [x], outputs: f32, attributes: huge });
    const image = (shape: TestTensor): Case => ({
      operator: "Col2Im",
      inputs: [floats(1, [1, 4, 4]), shape, ints(2, 2)],
      outputs: f32,
      constants: [1, 2],
      opset: 18,
    });
    expectRefusal("MALFORMED", image(ints(9, 9)));
    expectRefusal("MALFORMED", image(ints(-3, 3)));
    expectRefusal("MALFORMED", image(ints()));
    const unpool = { kernel_shape: [2, 2], strides: [2 ** 12, 2 ** 12] };
    const indices = tensor(
      "i64",
      [1, 1, 16, 16],
      Array.from({ length: 256 }, (_, i) => i),
    );
    expectRefusal("TOO_LARGE", {
      operator: "MaxUnpool",
      inputs: [floats(1, [1, 1, 16, 16]), indices],
      outputs: f32,
      attributes: unpool,
    });
    expectRefusal("MALFORMED", {
      operator: "CenterCropPad",
      inputs: [x, ints(-1, 2)],
      outputs: f32,
      attributes: { axes: [0, 1] },
      constants: [1],
      opset: 18,
    });
  });
});
