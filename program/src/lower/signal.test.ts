import { expect } from "chai";
import { cosine, sine } from "./ops/circle.ts";
import {
  expectAgreement,
  expectRefusal,
  floats,
  scalar,
  tensor,
  type Case,
  type TestTensor,
} from "./testing.ts";

/** Within the error of onnxruntime's float32 transforms. */
const agrees = (test: Case) => expectAgreement(test, 5e-5);

const f32 = ["f32"] as const;
const length = (value: number) => scalar("i64", value);

describe("lowering against onnxruntime: signals and determinants", () => {
  it("cosine and sine of parts of a turn", () => {
    for (const whole of [1, 2, 3, 4, 7, 8, 12, 100, 4097])
      for (let part = -whole; part <= 2 * whole; part += Math.ceil(whole / 50)) {
        expect(cosine(part, whole)).to.be.closeTo(Math.cos((2 * Math.PI * part) / whole), 2e-15);
        expect(sine(part, whole)).to.be.closeTo(Math.sin((2 * Math.PI * part) / whole), 2e-15);
      }
    expect([cosine(1, 4), sine(2, 4), cosine(2, 4), sine(3, 4)]).to.deep.equal([0, 0, -1, -1]);
  });

  it("DFT of opset 17: forward, inverse, one-sided, padded, cut", async () => {
    for (const parts of [1, 2])
      for (const inverse of [0, 1])
        for (const dft of [undefined, length(5), length(8), length(12)])
          await agrees({
            operator: "DFT",
            inputs: [floats(1, [2, 8, 3, parts]), dft],
            outputs: f32,
            attributes: { inverse, axis: 1 },
            constants: [1],
          });
    for (const size of [7, 8])
      await agrees({
        operator: "DFT",
        inputs: [floats(2, [2, 3, size, 1])],
        outputs: f32,
        attributes: { onesided: 1, axis: -2 },
      });
  });

  it("DFT of opset 20, whose axis is an input", async () => {
    for (const axis of [0, 1, -2, -3])
      await agrees({
        operator: "DFT",
        inputs: [floats(3, [2, 6, 5, 2]), undefined, length(axis)],
        outputs: f32,
        constants: [2],
        opset: 20,
      });
  });

  it("STFT with and without a window, real and complex", async () => {
    // onnxruntime reads outside of the window if the signal is complex.
    for (const [window, parts, onesided] of [
      [undefined, 1, 1],
      [undefined, 1, 0],
      [undefined, 2, 0],
      [floats(4, [16]), 1, 1],
      [floats(4, [16]), 1, 0],
    ] as const)
      await agrees({
        operator: "STFT",
        inputs: [floats(5, [2, 64, parts]), length(8), window, length(16)],
        outputs: f32,
        attributes: { onesided },
        constants: [1, 3],
      });
  });

  it("windows, of floats and integers", async () => {
    for (const operator of ["HannWindow", "HammingWindow", "BlackmanWindow"])
      for (const periodic of [0, 1])
        for (const [type, output_datatype] of [
          ["f32", 1],
          ["i32", 6],
        ] as const)
          await agrees({
            operator,
            inputs: [length(11)],
            outputs: [type],
            attributes: { periodic, output_datatype },
            constants: [0],
          });
  });

  it("MelWeightMatrix", async () => {
    await agrees({
      operator: "MelWeightMatrix",
      inputs: [length(8), length(32), length(8192), scalar("f32", 100), scalar("f32", 4096)],
      outputs: f32,
      constants: [0, 1, 2, 3, 4],
    });
  });

  it("Det", async () => {
    for (const shape of [
      [1, 1],
      [2, 2],
      [3, 3],
      [2, 3, 4, 4],
      [2, 5, 5],
      [7, 7],
    ])
      await agrees({ operator: "Det", inputs: [floats(6, shape)], outputs: f32 });
  });

  it("refuses what does not fit", () => {
    const dft = (x: TestTensor, attributes = {}, dftLength?: number): Case => ({
      operator: "DFT",
      inputs: [x, dftLength === undefined ? undefined : length(dftLength)],
      outputs: f32,
      attributes,
      constants: [1],
    });
    expectRefusal("MALFORMED", dft(floats(1, [2, 8, 3])));
    expectRefusal("MALFORMED", dft(floats(1, [2])));
    expectRefusal("MALFORMED", dft(floats(1, [2, 8, 1]), { axis: 2 }));
    expectRefusal("MALFORMED", dft(floats(1, [2, 8, 1]), { axis: -4 }));
    expectRefusal("MALFORMED", dft(floats(1, [2, 8, 1]), {}, -5));
    expectRefusal("TOO_LARGE", dft(floats(1, [2, 8, 1]), {}, 2 ** 40));
    expectRefusal("UNSUPPORTED_USE", dft(floats(1, [2, 8, 2]), { onesided: 1 }));
    expectRefusal("UNSUPPORTED_USE", dft(floats(1, [2, 8, 1]), { onesided: 1, inverse: 1 }));
    const stft = (step: number, frame: number): Case => ({
      operator: "STFT",
      inputs: [floats(1, [1, 8, 1]), length(step), undefined, length(frame)],
      outputs: f32,
      constants: [1, 3],
    });
    expectRefusal("MALFORMED", stft(0, 4));
    expectRefusal("MALFORMED", stft(2, 9));
    const window = (size: number, attributes = {}): Case => ({
      operator: "HannWindow",
      inputs: [length(size)],
      outputs: f32,
      attributes,
      constants: [0],
    });
    expectRefusal("MALFORMED", window(-1));
    expectRefusal("TOO_LARGE", window(2 ** 40));
    expectRefusal("UNSUPPORTED_USE", window(1, { periodic: 0 }));
    expectRefusal("UNSUPPORTED_DTYPE", window(4, { output_datatype: 11 }));
    expectRefusal("DYNAMIC_SHAPE", { ...window(4), constants: [] });
    expectRefusal("MALFORMED", { operator: "Det", inputs: [floats(1, [2, 3])], outputs: f32 });
    expectRefusal("MALFORMED", { operator: "Det", inputs: [tensor("f32", [3], [1, 2, 3])], outputs: f32 });
    expectRefusal("UNSUPPORTED_USE", { operator: "Det", inputs: [floats(1, [9, 9])], outputs: f32 });
  });
});
