import { expect } from "chai";
import { AssayError } from "./error.ts";
import {
  bindingsHash,
  bindingsText,
  parseBindings,
  parseSignature,
  signatureHash,
  type TensorSpec,
} from "./tensor.ts";

const a: TensorSpec = { name: "a", dtype: "i16", shape: [2, 2] };
const b: TensorSpec = { name: "b", dtype: "f32", shape: [1] };

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof AssayError ? error.code : String(error);
  }
}

describe("signatures", () => {
  it("commits to names, dtypes, shapes and their order", () => {
    const hash = signatureHash({ inputs: [a, b], outputs: [b] });
    const others = [
      { inputs: [b, a], outputs: [b] },
      { inputs: [a], outputs: [b, b] },
      { inputs: [{ ...a, shape: [4] }, b], outputs: [b] },
      { inputs: [a, { ...b, dtype: "i32" as const }], outputs: [b] },
    ].map(signatureHash);
    expect(new Set([hash, ...others]).size).to.equal(5);
    expect(signatureHash({ inputs: [a, b], outputs: [b] })).to.equal(hash);
  });

  it("are read of what `assay model inspect` prints, and of nothing else", () => {
    const signature = { inputs: [a], outputs: [b] };
    expect(parseSignature({ ...signature, worst: { gas: 5 } })).to.deep.equal(signature);
    for (const wrong of [
      null,
      { inputs: [a] },
      { inputs: [{ ...a, dtype: "f64" }], outputs: [b] },
      { inputs: [{ ...a, dtype: "toString" }], outputs: [b] },
      { inputs: [{ ...a, shape: [-1] }], outputs: [b] },
    ])
      expect(codeOf(() => parseSignature(wrong))).to.equal("BAD_TENSOR");
  });

  it("writes dimension bindings in one way", () => {
    expect(bindingsText({ seq: 8, batch: 1 })).to.equal("batch=1&seq=8");
    expect(bindingsHash({ seq: 8, batch: 1 })).to.equal(bindingsHash({ batch: 1, seq: 8 }));
    expect(parseBindings(bindingsText({ "a b&c": 3 }))).to.deep.equal({ "a b&c": 3 });
    expect(codeOf(() => parseBindings("batch=0"))).to.equal("BAD_TENSOR");
  });
});
