import { expect } from "chai";
import { lowerModel } from "./lower.ts";
import {
  caseFile,
  expectAgreement,
  expectRefusal,
  floats,
  ints,
  numbers,
  random,
  randomTensor,
  runCase,
  tensor,
  vector,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Resizes X by scales or, if these are undefined, to sizes. */
function resizing(x: TestTensor, by: TestTensor, attributes: Attributes, opset = 19, roi?: TestTensor): Case {
  return {
    operator: "Resize",
    inputs: by.dtype === "f32" ? [x, roi, by] : [x, roi, undefined, by],
    outputs: [x.dtype],
    attributes,
    constants: [1, 2, 3],
    opset,
  };
}

const x = floats(1, [1, 2, 5, 7]);
const TRANSFORMATIONS = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "asymmetric",
  "align_corners",
] as const;

describe("lowering against onnxruntime: resizing", () => {
  it("nearest, all roundings, bit for bit", async () => {
    for (const coordinate_transformation_mode of TRANSFORMATIONS)
      for (const nearest_mode of ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
        for (const by of [ints(1, 2, 3, 11), ints(1, 2, 10, 2)])
          await expectAgreement(
            resizing(x, by, { mode: "nearest", coordinate_transformation_mode, nearest_mode }),
            0,
          );
    for (const by of [vector(1, 1, 2, 3), vector(1, 1, 0.6, 1.7)])
      await expectAgreement(resizing(x, by, { mode: "nearest" }), 0);
  });

  it("linear and cubic, all coordinates", async () => {
    for (const mode of ["linear", "cubic"])
      for (const coordinate_transformation_mode of TRANSFORMATIONS)
        for (const by of [ints(1, 2, 3, 11), ints(1, 2, 10, 1)])
          await expectAgreement(resizing(x, by, { mode, coordinate_transformation_mode }));
    await expectAgreement(resizing(x, vector(1, 1, 0.6, 2.3), { mode: "linear" }));
    await expectAgreement(resizing(floats(2, [1, 1, 3, 4, 5]), ints(1, 1, 5, 7, 3), { mode: "linear" }));
    await expectAgreement(
      resizing(x, vector(1, 1, 0.8, 2), {
        mode: "cubic",
        exclude_outside: 1,
        cubic_coeff_a: { float: -0.5 },
      }),
    );
  });

  it("antialias", async () => {
    for (const mode of ["linear", "cubic"])
      for (const exclude_outside of [0, 1])
        for (const by of [ints(1, 2, 2, 3), ints(1, 2, 3, 9), vector(1, 1, 0.6, 0.4)])
          await expectAgreement(resizing(x, by, { mode, antialias: 1, exclude_outside }));
  });

  it("integers, bit for bit", async () => {
    for (const type of ["u8", "i8"] as const)
      for (const by of [ints(1, 2, 3, 11), ints(1, 2, 10, 7), vector(1, 1, 2, 1.5)]) {
        const image = randomTensor(random(3), type, [1, 2, 5, 7], type === "u8" ? 0 : -128, 127);
        for (const mode of ["linear", "nearest"]) await expectAgreement(resizing(image, by, { mode }), 0);
      }
  });

  it("cropping, with a value outside", async () => {
    const roi = vector(0, 0, -0.2, 0.4, 1, 1, 0.7, 1.2);
    const attributes = {
      coordinate_transformation_mode: "tf_crop_and_resize",
      extrapolation_value: { float: 5 },
    };
    for (const mode of ["linear", "nearest", "cubic"])
      for (const by of [ints(1, 2, 4, 9), ints(1, 2, 1, 3)])
        await expectAgreement(resizing(x, by, { ...attributes, mode }, 13, roi));
  });

  it("axes and the policies that keep the aspect ratio", async () => {
    for (const keep_aspect_ratio_policy of ["stretch", "not_larger", "not_smaller"])
      for (const axes of [
        [2, 3],
        [3, 2],
      ])
        await expectAgreement(resizing(x, ints(8, 9), { mode: "linear", axes, keep_aspect_ratio_policy }));
  });

  it("Upsample and Resize of opset 10", async () => {
    for (const mode of ["nearest", "linear"]) {
      const by = vector(1, 1, 2, 3);
      for (const [operator, opset] of [
        ["Upsample", 9],
        ["Resize", 10],
      ] as const)
        await expectAgreement({
          operator,
          inputs: [x, by],
          outputs: ["f32"],
          attributes: { mode },
          constants: [1],
          opset,
        });
    }
    const by = vector(1, 1, 0.6, 0.4);
    await expectAgreement({
      operator: "Resize",
      inputs: [x, by],
      outputs: ["f32"],
      constants: [1],
      opset: 10,
    });
  });

  it("follows the specification where onnxruntime does not: fractional lengths of align_corners", async () => {
    const ramp = tensor("f32", [1, 1, 1, 4], [1, 2, 3, 4]);
    const test = resizing(ramp, vector(1, 1, 1, 0.6), {
      mode: "linear",
      coordinate_transformation_mode: "align_corners",
    });
    const { exact } = await runCase(test);
    // The second of 2.4 elements is at 3 / 1.4.
    const [first, second] = exact.flatMap(numbers);
    expect(first).to.equal(1);
    expect(second).to.be.closeTo(1 + 3 / 1.4, 1e-5);
  });

  it("takes no instruction to repeat elements a whole number of times", () => {
    const test = resizing(x, vector(1, 1, 2, 2), {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
    // The one is the output's copy.
    expect(lowerModel(caseFile(test)).program.instructions).to.have.length(1);
  });

  it("refuses what does not fit", () => {
    const by = ints(1, 2, 3, 11);
    for (const attributes of [
      { mode: "quadratic" },
      { coordinate_transformation_mode: "pixel" },
      { nearest_mode: "up" },
      { axes: [0, 1] },
      { axes: [0, 1, 2, 2] },
      { axes: [0, 1, 2, 9] },
      { keep_aspect_ratio_policy: "larger" },
      { coordinate_transformation_mode: "tf_crop_and_resize" },
      { mode: "nearest", antialias: 1 },
    ])
      expectRefusal("MALFORMED", resizing(x, by, attributes));
    expectRefusal("MALFORMED", resizing(x, ints(1, 2, 0, 3), {}));
    expectRefusal("MALFORMED", resizing(x, ints(1, 2, -5, 3), {}));
    expectRefusal("MALFORMED", resizing(x, vector(1, 1, NaN, 1), {}));
    expectRefusal("MALFORMED", resizing(x, vector(1, 1, Infinity, 1), {}));
    expectRefusal("MALFORMED", { ...resizing(x, by, {}), inputs: [x] });
    expectRefusal("TOO_LARGE", resizing(x, ints(1, 2, 2 ** 31, 2 ** 31), {}));
    expectRefusal("TOO_LARGE", resizing(x, ints(1, 2, 2 ** 25, 1), { mode: "linear" }));
    expectRefusal("TOO_LARGE", resizing(x, vector(1, 1, 1e30, 1), { mode: "cubic" }));
    expectRefusal("DYNAMIC_SHAPE", { ...resizing(x, by, {}), constants: [] });
    const image = randomTensor(random(3), "u8", [1, 5, 7, 2], 0, 255);
    expectRefusal("UNSUPPORTED_DTYPE", resizing(image, ints(1, 8, 9, 2), { mode: "linear" }));
    expectRefusal("UNSUPPORTED_DTYPE", resizing(image, ints(1, 5, 9, 3), { mode: "cubic" }));
  });
});
