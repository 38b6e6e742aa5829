import { expect } from "chai";
import type { ElementType } from "../../../sdk/src/tensor.ts";
import { NO_DEVIATION, type Deviation } from "./deviation.ts";
import { oneDigitUp, propose, type MeasuredOutput } from "./proposal.ts";
import type { Kind } from "./stability.ts";

function output(kind: Kind, ordinary: Partial<Deviation> = {}, dtype: ElementType = "f32"): MeasuredOutput {
  return {
    spec: { name: "y", dtype, shape: [4] },
    kind,
    ordinary: { ...NO_DEVIATION, elements: 4, ...ordinary },
  };
}

describe("proposed tolerance", () => {
  it("is 0 for what onnxruntime gives bit for bit", () => {
    const found = propose([output("exact", {}, "i32"), output("reproducible")], 1, 8);
    expect([found.kind, found.atol, found.rtol]).to.deep.equal(["equal", 0, 0]);
  });

  it("is the worst deviation with a margin, one digit, relative to the outputs' magnitude", () => {
    const measured = [output("continuous", { differing: 1, scaled: 3e-6 }), output("continuous")];
    const found = propose(measured, 100, 8);
    expect([found.kind, found.atol, found.rtol]).to.deep.equal(["tolerance", 3e-3, 3e-5]);
  });

  it("is never below one rounding of a float", () => {
    expect(propose([output("continuous")], 1, 8).rtol).to.equal(5e-7);
    expect(propose([output("continuous", {}, "f16")], 1, 8).rtol).to.equal(4e-3);
  });

  it("counts a float that should be reproducible and is not", () => {
    expect(propose([output("reproducible", { differing: 1, scaled: 1e-3 })], 1, 8).rtol).to.equal(8e-3);
  });

  for (const [what, measured, scale] of [
    ["a jump", output("discontinuous"), 1],
    ["unequal integers", output("reproducible", { differing: 1 }, "i32"), 1],
    ["an exact output that differs", output("exact", { differing: 1, scaled: 1e-7 }), 1],
    ["NaN on one side", output("continuous", { differing: 1, incomparable: 1 }), 1],
    ["deviations of the outputs' size", output("continuous", { differing: 1, scaled: 0.1 }), 1],
    ["outputs beyond the registry's limit", output("continuous"), 1e12],
    ["nothing measured", output("exact", { elements: 0 }), 1],
  ] as const)
    it(`is none for ${what}`, () => {
      const found = propose([measured], scale, 8);
      expect([found.kind, found.atol, found.rtol]).to.deep.equal(["none", 0, 0]);
    });

  it("rounds up to one digit", () => {
    expect([1, 1.1, 0.000031, 9.5, 10, 3e-7].map(oneDigitUp)).to.deep.equal([1, 2, 0.00004, 10, 10, 3e-7]);
  });
});
