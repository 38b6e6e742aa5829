import { expect } from "chai";
import { encodeInput } from "./encode.ts";
import { AssayError } from "./error.ts";
import { imageTensor, type ImageOptions, type Pixels } from "./image.ts";
import type { ElementType, TensorSpec } from "./tensor.ts";

function spec(shape: readonly number[], dtype: ElementType = "f32"): TensorSpec {
  return { name: "image", dtype, shape };
}

/** Opaque, of one grey value a pixel. */
function grey(width: number, height: number, values: readonly number[]): Pixels {
  return { width, height, data: Uint8Array.from(values.flatMap((v) => [v, v, v, 255])) };
}

const COLOURS: Pixels = { width: 2, height: 1, data: Uint8ClampedArray.of(10, 20, 30, 255, 40, 50, 60, 255) };

function elements(
  shape: readonly number[],
  image: Pixels,
  options: ImageOptions = {},
  dtype: ElementType = "u8",
): number[] {
  return Array.from<number | bigint>(imageTensor(spec(shape, dtype), image, options)).map(Number);
}

function refused(run: () => unknown): void {
  expect(run).to.throw(AssayError).with.property("code", "BAD_TENSOR");
}

describe("images", () => {
  it("become planes or interleaved channels, as the shape says", () => {
    const planes = [10, 40, 20, 50, 30, 60];
    const mixed = [10, 20, 30, 40, 50, 60];
    expect(elements([1, 3, 1, 2], COLOURS)).to.deep.equal(planes);
    expect(elements([3, 1, 2], COLOURS)).to.deep.equal(planes);
    expect(elements([1, 1, 2, 3], COLOURS, { layout: "NHWC" })).to.deep.equal(mixed);
    expect(elements([1, 2, 2, 3], COLOURS)).to.deep.equal([...mixed, ...mixed]);
    // One row of three grey pixels, or three rows of one colour?
    refused(() => elements([1, 1, 2, 3], COLOURS));
    for (const shape of [[1, 2, 4, 4], [2, 3, 4, 4], [64], [1, 1, 1, 4, 4]])
      refused(() => elements(shape, COLOURS));
    refused(() => elements([3, 4, 4], COLOURS, { layout: "NHWC" }));
  });

  it("become grey by BT.601", () => {
    expect(elements([1, 1, 1, 2], COLOURS, { scale: 1 }, "f32")).to.deep.equal(
      [0.299 * 10 + 0.587 * 20 + 0.114 * 30, 0.299 * 40 + 0.587 * 50 + 0.114 * 60].map(Math.fround),
    );
    expect(elements([1, 1], grey(1, 1, [255]), {}, "f32")).to.deep.equal([1]);
  });

  it("shrink by the mean of the area that a pixel covers", () => {
    const image = grey(4, 2, [0, 100, 200, 40, 20, 80, 40, 120]);
    expect(elements([1, 2], image)).to.deep.equal([50, 100]);
    // Three pixels over two: each takes one and a half.
    expect(elements([1, 2], grey(3, 1, [30, 90, 240]))).to.deep.equal([50, 190]);
    expect(elements([2, 4], image)).to.deep.equal([0, 100, 200, 40, 20, 80, 40, 120]);
    expect(elements([1, 4], grey(2, 1, [7, 9]))).to.deep.equal([7, 7, 9, 9]);
  });

  it("grow and shrink bilinearly between pixel centres", () => {
    const bilinear = { resize: "bilinear" } as const;
    expect(elements([1, 4], grey(2, 1, [0, 100]), bilinear)).to.deep.equal([0, 25, 75, 100]);
    expect(elements([1, 2], grey(4, 1, [0, 100, 200, 40]), bilinear)).to.deep.equal([50, 120]);
    expect(elements([1, 1], grey(5, 1, [1, 2, 200, 3, 4]), bilinear)).to.deep.equal([200]);
    expect(elements([4, 1], grey(1, 2, [0, 100]), bilinear)).to.deep.equal([0, 25, 75, 100]);
  });

  it("are scaled and normalised, and integers rounded to even", () => {
    const [zero, full] = elements([1, 2], grey(2, 1, [0, 255]), { mean: 0.5, std: 0.25 }, "f32");
    expect([zero, full]).to.deep.equal([-2, 2]);
    const normal = { mean: [0.5, 0, 0], std: [1, 2, 1], scale: 1 / 10 };
    expect(elements([1, 3, 1, 2], COLOURS, normal, "f32")).to.deep.equal(
      [0.5, 3.5, 1, 2.5, 3, 6].map(Math.fround),
    );
    expect(elements([1, 2], grey(2, 1, [0, 255]), { mean: 128 }, "i8")).to.deep.equal([-128, 127]);
    expect(elements([1, 4], grey(4, 1, [1, 3, 5, 2]), { scale: 0.5 })).to.deep.equal([0, 2, 2, 1]);
    // Ink on paper, 0 to 16: the digits of examples/models.
    expect(elements([1, 3], grey(3, 1, [255, 0, 128]), { scale: -16 / 255, mean: -16 })).to.deep.equal([
      0, 16, 8,
    ]);
  });

  it("refuse values that the dtype cannot hold, and options that make none", () => {
    refused(() => elements([1, 1], grey(1, 1, [200]), {}, "i8"));
    refused(() => elements([1, 1], grey(1, 1, [200]), { scale: 1e9 }, "f16"));
    for (const options of [
      { std: 0 },
      { mean: [1, 2] },
      { mean: NaN },
      { scale: Infinity },
      { std: [1, 1, 0] },
    ])
      refused(() => elements([3, 1, 2], COLOURS, options, "f32"));
    refused(() => elements([1, 1], { width: 2, height: 2, data: new Uint8Array(15) }));
    refused(() => elements([1, 1], { width: 0, height: 0, data: new Uint8Array(0) }));
  });

  it("show their background through what is transparent", () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 51) };
    expect(elements([1, 2], image)).to.deep.equal([255, 204]);
    expect(elements([1, 3, 1, 2], image, { background: [10, 100, 200] })).to.deep.equal([
      10, 8, 100, 80, 200, 160,
    ]);
  });

  it("are taken as an input", () => {
    const input = spec([1, 1, 1, 2], "u8");
    const image = imageTensor(input, grey(2, 1, [3, 4]));
    expect(encodeInput({ inputs: [input], outputs: [] }, { image })).to.deep.equal(Uint8Array.of(3, 4));
  });
});
