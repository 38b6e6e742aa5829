import { expect } from "chai";
import {
  deviation,
  expectAgreement,
  expectRefusal,
  floats,
  ints,
  numbers,
  random,
  randomTensor,
  runCase,
  runExact,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

const f32 = ["f32"] as const;
const PADDINGS = ["zeros", "border", "reflection"] as const;

describe("lowering against onnxruntime: sampling", () => {
  it("GridSample of images", async () => {
    for (const mode of ["linear", "nearest", "cubic"])
      for (const padding_mode of PADDINGS)
        for (const align_corners of [0, 1])
          await expectAgreement({
            operator: "GridSample",
            inputs: [floats(1, [2, 3, 4, 5]), floats(2, [2, 3, 4, 2], -1.9, 1.9)],
            outputs: f32,
            attributes: { mode, padding_mode, align_corners },
            opset: 20,
          });
  });

  it("GridSample of volumes, and of opset 16", async () => {
    for (const mode of ["linear", "nearest"])
      for (const padding_mode of PADDINGS)
        await expectAgreement({
          operator: "GridSample",
          inputs: [floats(3, [1, 2, 3, 4, 2]), floats(4, [1, 2, 3, 2, 3], -1.6, 1.6)],
          outputs: f32,
          attributes: { mode, padding_mode, align_corners: 1 },
          opset: 20,
        });
    for (const mode of ["bilinear", "nearest", "bicubic"])
      await expectAgreement({
        operator: "GridSample",
        inputs: [floats(3, [1, 2, 3, 4]), floats(4, [1, 2, 3, 2], -1.2, 1.2)],
        outputs: f32,
        attributes: { mode },
        opset: 16,
      });
  });

  it("GridSample far outside, where a single element is its own reflection", async () => {
    const grid = tensor("f32", [1, 1, 4, 2], [9.1, -7.3, -5.2, 0, 100.7, 55.5, -0.3, 3]);
    for (const padding_mode of ["border", "reflection"])
      await expectAgreement({
        operator: "GridSample",
        inputs: [floats(5, [1, 1, 1, 3]), grid],
        outputs: f32,
        attributes: { padding_mode, mode: "linear" },
        opset: 20,
      });
  });

  it("AffineGrid", async () => {
    for (const align_corners of [0, 1])
      for (const [theta, size] of [
        [
          [2, 2, 3],
          [2, 1, 3, 4],
        ],
        [
          [1, 3, 4],
          [1, 2, 2, 3, 4],
        ],
      ] as const)
        await expectAgreement({
          operator: "AffineGrid",
          inputs: [floats(6, theta), ints(...size)],
          outputs: f32,
          attributes: { align_corners },
          constants: [1],
          opset: 20,
        });
  });

  it("RoiAlign", async () => {
    // Inside, with fractions, tiny, partly outside, turned inside out.
    const corners = [
      [0, 0, 5, 4],
      [1.3, 0.2, 7.9, 6.1],
      [3, 3, 3.2, 3.1],
      [-2, -1, 9.5, 12],
      [5, 4, 1, 1],
    ];
    const rois = tensor("f32", [5, 4], corners.flat());
    const inputs = [floats(7, [2, 3, 8, 9]), rois, ints(0, 1, 1, 0, 1)];
    for (const mode of ["avg", "max"])
      for (const sampling_ratio of [0, 1, 3])
        for (const coordinate_transformation_mode of ["half_pixel", "output_half_pixel"])
          await expectAgreement({
            operator: "RoiAlign",
            inputs,
            outputs: f32,
            attributes: {
              mode,
              sampling_ratio,
              coordinate_transformation_mode,
              output_height: 3,
              output_width: 2,
              spatial_scale: { float: 0.75 },
            },
            constants: sampling_ratio === 0 ? [1] : [],
          });
    await expectAgreement({ operator: "RoiAlign", inputs, outputs: f32, constants: [1], opset: 10 });
  });

  it("MaxRoiPool", async () => {
    const rois = tensor(
      "f32",
      [4, 5],
      [0, 0, 0, 5, 4, 1, 1.5, 0.2, 7.9, 6.5, 1, 3, 3, 3, 3, 0, 20, 20, 30, 30],
    );
    for (const scale of [1, 0.5])
      await expectAgreement({
        operator: "MaxRoiPool",
        inputs: [floats(8, [2, 3, 8, 9]), rois],
        outputs: f32,
        attributes: { pooled_shape: [3, 2], spatial_scale: { float: scale } },
      });
  });

  it("DeformConv without offsets is Conv", async () => {
    const [x, w, bias] = [floats(9, [2, 4, 5, 6]), floats(10, [6, 2, 3, 2]), floats(11, [6])];
    const attributes = { group: 2, pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] };
    const zeros = tensor("f32", [2, 24, 3, 5], new Array<number>(720).fill(0));
    const test = { outputs: f32, attributes, opset: 19 };
    const deformed = runExact({
      ...test,
      operator: "DeformConv",
      inputs: [x, w, zeros, bias],
      attributes: { ...attributes, offset_group: 2 },
    });
    const { onnxruntime } = await runCase({ ...test, operator: "Conv", inputs: [x, w, bias] });
    expect(deformed).to.have.length(1);
    deformed.forEach((result, k) => expect(deviation(result, onnxruntime[k] ?? x)).to.be.at.most(1e-5));
  });

  it("DeformConv agrees with sampling, weighting and summing", () => {
    const x = floats(12, [1, 1, 3, 4]);
    const w = tensor("f32", [1, 1, 1, 1], [2]);
    const offset = floats(13, [1, 2, 3, 4], -1.5, 1.5);
    const mask = floats(14, [1, 1, 3, 4]);
    const [moves, masks] = [numbers(offset), numbers(mask)];
    const [dy, dx] = [moves.slice(0, 12), moves.slice(12)];
    const element = (row: number, column: number) =>
      row < 0 || column < 0 || row > 2 || column > 3 ? 0 : (numbers(x)[4 * row + column] ?? 0);
    const expected = masks.map((m, i) => {
      const [y, z] = [Math.floor(i / 4) + (dy[i] ?? 0), (i % 4) + (dx[i] ?? 0)];
      const [row, column] = [Math.floor(y), Math.floor(z)];
      const [v, u] = [y - row, z - column];
      const upper = (1 - u) * element(row, column) + u * element(row, column + 1);
      const lower = (1 - u) * element(row + 1, column) + u * element(row + 1, column + 1);
      return 2 * m * ((1 - v) * upper + v * lower);
    });
    const [result] = runExact({
      operator: "DeformConv",
      inputs: [x, w, offset, undefined, mask],
      outputs: f32,
      opset: 19,
    });
    expect(deviation(result ?? x, tensor("f32", [1, 1, 3, 4], expected))).to.be.at.most(1e-5);
  });

  it("refuses what does not fit", () => {
    const [x, grid] = [floats(1, [1, 2, 3, 3]), floats(2, [1, 2, 2, 2])];
    const sample = (attributes: Attributes, ...inputs: TestTensor[]): Case => ({
      operator: "GridSample",
      inputs: inputs.length > 0 ? inputs : [x, grid],
      outputs: f32,
      attributes,
      opset: 20,
    });
    expectRefusal("MALFORMED", sample({ mode: "bilinear" }));
    expectRefusal("MALFORMED", sample({ padding_mode: "wrap" }));
    expectRefusal("MALFORMED", sample({}, x, floats(2, [1, 2, 2, 3])));
    expectRefusal("MALFORMED", sample({}, x, floats(2, [2])));
    expectRefusal("MALFORMED", sample({}, x));
    const bytes = randomTensor(random(1), "u8", [1, 2, 3, 3], 0, 9);
    expectRefusal("UNSUPPORTED_DTYPE", { ...sample({}, bytes, grid), outputs: ["u8"] });
    const affine = (size: TestTensor): Case => ({
      operator: "AffineGrid",
      inputs: [floats(1, [1, 2, 3]), size],
      outputs: f32,
      constants: [1],
      opset: 20,
    });
    expectRefusal("MALFORMED", affine(ints(1, 1, 2)));
    expectRefusal("MALFORMED", affine(ints(1, 1, -2, 3)));
    expectRefusal("TOO_LARGE", affine(ints(1, 1, 2 ** 15, 2 ** 15)));
    const rois = floats(3, [2, 4], 0, 3);
    const align = (attributes: Attributes): Case => ({
      operator: "RoiAlign",
      inputs: [x, rois, ints(0, 0)],
      outputs: f32,
      attributes,
    });
    expectRefusal("DYNAMIC_SHAPE", align({ sampling_ratio: 0 }));
    expectRefusal("MALFORMED", align({ sampling_ratio: -1 }));
    expectRefusal("MALFORMED", align({ sampling_ratio: 1, output_height: 0 }));
    expectRefusal("TOO_LARGE", align({ sampling_ratio: 2 ** 30 }));
    expectRefusal("MALFORMED", { ...align({}), inputs: [x, floats(3, [2, 5]), ints(0, 0)] });
    expectRefusal("MALFORMED", { ...align({ sampling_ratio: 1 }), inputs: [x, rois, ints(0)] });
    expectRefusal("MALFORMED", { operator: "MaxRoiPool", inputs: [x, floats(3, [2, 5])], outputs: f32 });
    expectRefusal("MALFORMED", {
      operator: "DeformConv",
      inputs: [x, floats(1, [2, 2, 2, 2]), floats(2, [1, 8, 3, 3])],
      outputs: f32,
      opset: 19,
    });
  });
});
