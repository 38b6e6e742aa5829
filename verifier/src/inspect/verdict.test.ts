import { expect } from "chai";
import type { TensorSpec } from "../../../sdk/src/tensor.ts";
import { toleranceBits } from "../releases/release.ts";
import { compareAnswer, isRight } from "./verdict.ts";

const FLOATS: TensorSpec = { name: "p", dtype: "f32", shape: [2, 2] };
const BYTES: TensorSpec = { name: "q", dtype: "i8", shape: [3] };
const EXACT = { atol: 0, rtol: 0 };
const LOOSE = { atol: toleranceBits(0.25), rtol: 0 };

function blob(floats: readonly number[], bytes: readonly number[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat([
      new Uint8Array(Float32Array.from(floats).buffer),
      new Uint8Array(Int8Array.from(bytes).buffer),
    ]),
  );
}

const compare = (
  published: Uint8Array,
  exact: Uint8Array,
  tolerance = EXACT,
): ReturnType<typeof compareAnswer> => compareAnswer([FLOATS, BYTES], published, exact, tolerance);

describe("an answer against the exact one", () => {
  const exact = blob([1, 2, 3, 4], [1, -2, 3]);

  it("is right if all bytes are equal", () => {
    const outputs = compare(exact, exact);
    expect(isRight(outputs)).to.equal(true);
    expect(outputs.map(({ differing, wrong, worst }) => [differing, wrong, worst])).to.deep.equal([
      [0, 0, undefined],
      [0, 0, undefined],
    ]);
  });

  it("may deviate within the tolerance, and says where most", () => {
    const [floats] = compare(blob([1, 2.125, 3.25, 4], [1, -2, 3]), exact, LOOSE);
    expect(floats).to.deep.include({ differing: 2, wrong: 0, firstWrong: undefined });
    expect(floats?.worst).to.deep.include({ element: 2, place: "[1, 0]", deviation: 0.25, allowed: 0.25 });
    expect(isRight(compare(blob([1, 2.125, 3, 4], [1, -2, 3]), exact))).to.equal(false);
  });

  it("is wrong beyond it; integers have none", () => {
    const outputs = compare(blob([1, 2.5, 3, 5], [1, -3, 3]), exact, LOOSE);
    expect(outputs[0]).to.deep.include({ wrong: 2, elements: 4 });
    expect(outputs[0]?.firstWrong).to.deep.include({ element: 1, deviation: 0.5 });
    expect(outputs[0]?.worst?.element).to.equal(3);
    expect(outputs[1]?.firstWrong).to.deep.include({ element: 1, allowed: 0 });
    expect(outputs[1]?.firstWrong?.published.text).to.equal("-3");
  });

  it("is wrong where it is no element at all, whatever the tolerance", () => {
    const zero = compare(blob([-0, 2, 3, 4], [1, -2, 3]), blob([0, 2, 3, 4], [1, -2, 3]), LOOSE);
    expect(zero[0]?.firstWrong).to.deep.include({ element: 0, canonical: false, deviation: 0 });
    const nan = compare(blob([NaN, 2, 3, 4], [1, -2, 3]), exact, LOOSE);
    expect(nan[0]?.firstWrong).to.deep.include({ element: 0, canonical: true, deviation: undefined });
    // What is not finite is worse than any distance.
    const both = compare(blob([1, 100, Infinity, 4], [1, -2, 3]), exact, LOOSE);
    expect(both[0]?.worst?.element).to.equal(2);
  });
});
