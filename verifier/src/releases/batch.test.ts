import { expect } from "chai";
import { info, ints, modelFile, node, tensor, type Graph } from "../../../program/src/testing/onnx.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { exampleModel } from "../../test/world.ts";
import { batchSizes } from "./batch.ts";

const ALL = [2, 4, 8];

function sum(
  a: readonly (number | string)[],
  b: readonly (number | string)[],
  more: Partial<Graph> = {},
): Uint8Array {
  return modelFile({
    nodes: [node("Add", ["a", "b"], ["y"])],
    inputs: [info("a", "i32", a), info("b", "i32", b)],
    outputs: [info("y", "i32")],
    ...more,
  });
}

describe("inputs that may share a run", () => {
  it("are found for files with a batch dimension that the release binds to 1, whatever its name", () => {
    expect(batchSizes(sum(["N", 3], ["N", 3]), { N: 1 })).to.deep.equal(ALL);
    expect(batchSizes(sum(["N", 3], ["batch", 3]), { N: 1, batch: 1 })).to.deep.equal(ALL);
    expect(batchSizes(sum(["", 3], ["", 3]), { "a:0": 1, "b:0": 1 })).to.deep.equal(ALL);
    expect(batchSizes(sum(["N", "M"], ["N", "M"]), { N: 1, M: 5 })).to.deep.equal(ALL);
  });

  it("are not found without one", () => {
    expect(batchSizes(exampleModel("digits"), {})).to.deep.equal([]);
    expect(batchSizes(sum(["N", 3], ["N", 3]), { N: 2 })).to.deep.equal([]);
    expect(batchSizes(sum(["N", 3], [1, 3]), { N: 1 })).to.deep.equal([]);
    expect(batchSizes(sum(["N", 3], []), { N: 1 })).to.deep.equal([]);
    expect(batchSizes(sum([3, "N"], [3, "N"]), { N: 1 })).to.deep.equal([]);
    const known = { inputs: [], constants: { a: ints(1), b: ints(2) }, outputs: [info("y", "i64")] };
    expect(batchSizes(sum([], [], known), {})).to.deep.equal([]);
  });

  it("are not found if the dimension also lies elsewhere, or not first in an output", () => {
    expect(batchSizes(sum(["N", "N"], ["N", "N"]), { N: 1 })).to.deep.equal([]);
    const nodes = [node("Transpose", ["x"], ["y"], { perm: [1, 0] })];
    const turned = { nodes, inputs: [info("x", "i32", ["N", 3])], outputs: [info("y", "i32")] };
    expect(batchSizes(modelFile(turned), { N: 1 })).to.deep.equal([]);
    const declared = [info("y", "i32", [1, 3])];
    expect(batchSizes(sum(["N", 3], ["N", 3], { outputs: declared }), { N: 1 })).to.deep.equal([]);
  });

  it("are as many as the file computes apart", () => {
    const nodes = [
      node("Shape", ["a"], ["s"]),
      node("Greater", ["s", "five"], ["is"]),
      node("Cast", ["is"], ["one"], { to: 6 }),
      node("Add", ["a", "one"], ["c"]),
      node("Add", ["c", "b"], ["y"]),
    ];
    const more = { nodes, constants: { five: tensor("i64", [1], [5]) } };
    expect(batchSizes(sum(["N"], ["N"], more), { N: 1 })).to.deep.equal([2, 4]);
  });

  it("are not looked for in large models", () => {
    expect(batchSizes(sum(["N", 2 ** 22], ["N", 2 ** 22]), { N: 1 })).to.deep.equal([2, 4]);
    expect(batchSizes(sum(["N", 2 ** 24], ["N", 2 ** 24]), { N: 1 })).to.deep.equal([]);
  });

  it("are not looked for in what is no model", () => {
    expect(() => batchSizes(new Uint8Array(9), {}))
      .to.throw(AssayError)
      .with.property("code", "MODEL_REFUSED");
  });
});
