import { expect } from "chai";
import { tensor } from "../../../program/src/testing/onnx.ts";
import { compare, floatsOf, typicalMagnitude, worse } from "./deviation.ts";

const f32 = (...values: readonly number[]): Uint8Array => tensor("f32", [values.length], values).data;
const i32 = (...values: readonly number[]): Uint8Array => tensor("i32", [values.length], values).data;

describe("deviation of an output", () => {
  it("is absolute, relative and in terms of a tolerance", () => {
    const found = compare("f32", f32(4, 0, 1), f32(4.5, 0.25, 1), 1);
    expect(found).to.deep.equal({
      elements: 3,
      differing: 2,
      incomparable: 0,
      flipped: 2,
      absolute: 0.5,
      relative: 0.125,
      scaled: 0.25,
    });
  });

  it("counts what no tolerance covers: NaN or infinities on one side", () => {
    const found = compare("f32", f32(NaN, Infinity, 1, NaN), f32(NaN, -Infinity, NaN, 3), 1);
    expect([found.differing, found.incomparable, found.absolute]).to.deep.equal([3, 3, 0]);
  });

  it("of integers is a flip each, however near", () => {
    const found = compare("i32", i32(1, 2, 3), i32(1, 3, 2), 1);
    expect([found.elements, found.differing, found.flipped, found.scaled]).to.deep.equal([3, 2, 2, 0]);
  });

  it("of roundings is no flip", () => {
    expect(compare("f32", f32(1), f32(1 + 2 ** -20), 1).flipped).to.equal(0);
  });

  it("adds up to the worst", () => {
    const one = compare("f32", f32(1), f32(2), 1);
    const both = worse(one, compare("f32", f32(8), f32(11), 1));
    expect([both.elements, both.absolute, both.relative]).to.deep.equal([2, 3, 1]);
  });

  it("reads 16-bit floats", () => {
    const values = [1.5, -2, 2 ** -24, 65504, Infinity];
    expect([...floatsOf("f16", tensor("f16", [5], values).data)]).to.deep.equal(values);
    expect([...floatsOf("bf16", tensor("bf16", [2], [1.5, -2]).data)]).to.deep.equal([1.5, -2]);
  });
});

describe("typical magnitude", () => {
  it("is the median, without zeros and what is not finite", () => {
    expect(typicalMagnitude([0, -4, NaN, 0, 2, Infinity, 1])).to.equal(2);
    expect(typicalMagnitude([0, 0])).to.equal(undefined);
  });
});
