import { expect } from "chai";
import { AssayError } from "./error.ts";
import {
  bindingsHash,
  bindingsText,
  decodeTensors,
  encodeTensors,
  parseBindings,
  signatureHash,
  type TensorSpec,
} from "./tensor.ts";

const specs: readonly TensorSpec[] = [
  { name: "a", dtype: "i16", shape: [2, 2] },
  { name: "b", dtype: "f32", shape: [1] },
  { name: "c", dtype: "u64", shape: [2] },
  { name: "d", dtype: "bool", shape: [] },
];

function codeOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return error instanceof AssayError ? error.code : String(error);
  }
}

describe("tensors", () => {
  const values = { a: [1, -2, 32767, -32768], b: [0.1], c: [5n, 2n ** 64n - 1n], d: [1] };

  it("lays elements out little-endian, tensor after tensor, without padding", () => {
    const blob = encodeTensors(specs, values);
    expect(Buffer.from(blob).toString("hex")).to.equal(
      "0100feffff7f0080" + "cdcccc3d" + "0500000000000000ffffffffffffffff" + "01",
    );
  });

  it("decodes what it encoded into the dtype's typed arrays", () => {
    const decoded = decodeTensors(specs, encodeTensors(specs, values));
    expect(decoded).to.deep.equal({
      a: Int16Array.of(1, -2, 32767, -32768),
      b: Float32Array.of(0.1),
      c: BigUint64Array.of(5n, 2n ** 64n - 1n),
      d: Uint8Array.of(1),
    });
    expect(encodeTensors(specs, decoded)).to.deep.equal(encodeTensors(specs, values));
  });

  it("refuses what does not fit the signature", () => {
    expect(codeOf(() => encodeTensors(specs, { ...values, a: [1, 2, 3] }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => encodeTensors(specs, { ...values, a: [1, 2, 3, 32768] }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => encodeTensors(specs, { ...values, a: [1, 2, 3, 0.5] }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => encodeTensors(specs, { ...values, b: Int32Array.of(1) }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => encodeTensors(specs, { ...values, e: [1] }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => encodeTensors(specs, { a: values.a }))).to.equal("BAD_TENSOR");
    expect(codeOf(() => decodeTensors(specs, new Uint8Array(28)))).to.equal("BAD_TENSOR");
  });

  it("commits to names, dtypes, shapes and their order", () => {
    const [a, b] = specs;
    if (a === undefined || b === undefined) throw new Error("unreachable");
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

  it("writes dimension bindings in one way", () => {
    expect(bindingsText({ seq: 8, batch: 1 })).to.equal("batch=1&seq=8");
    expect(bindingsHash({ seq: 8, batch: 1 })).to.equal(bindingsHash({ batch: 1, seq: 8 }));
    expect(parseBindings(bindingsText({ "a b&c": 3 }))).to.deep.equal({ "a b&c": 3 });
    expect(codeOf(() => parseBindings("batch=0"))).to.equal("BAD_TENSOR");
  });
});
