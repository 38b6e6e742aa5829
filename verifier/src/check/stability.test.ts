import { expect } from "chai";
import { lowerModel } from "../../../program/src/lower/lower.ts";
import {
  info,
  ints,
  modelFile,
  node,
  random,
  randomTensor,
  scalar,
  type Graph,
} from "../../../program/src/testing/onnx.ts";
import { stabilityOf, type Stability } from "./stability.ts";

const x = info("x", "f32", [2, 4]);
const constants = { w: randomTensor(random(1), "f32", [4, 3], -1, 1) };
const product = node("MatMul", ["x", "w"], ["p"]);

function of(graph: Graph): Stability[] {
  const { program, nodes } = lowerModel(modelFile(graph));
  return stabilityOf(program, nodes);
}

function kindsOf(graph: Graph): string[] {
  return of(graph).map(({ kind }) => kind);
}

describe("stability of outputs", () => {
  it("is exact for integers, reproducible where only the edges differ", () => {
    const inputs = [info("a", "i32", [2]), info("b", "i32", [2])];
    const outputs = [info("s", "i32", [2]), info("q", "i32", [2])];
    const nodes = [node("Add", ["a", "b"], ["s"]), node("Div", ["a", "b"], ["q"])];
    expect(kindsOf({ nodes, inputs, outputs })).to.deep.equal(["exact", "reproducible"]);
  });

  it("is continuous for sums of floats and what follows smoothly", () => {
    const nodes = [product, node("LeakyRelu", ["p"], ["l"]), node("Softmax", ["l"], ["y"])];
    const outputs = [info("y", "f32", [2, 3])];
    expect(kindsOf({ nodes, inputs: [x], outputs, constants })).to.deep.equal(["continuous"]);
  });

  it("names the choice between deviating values", () => {
    const nodes = [product, node("ArgMax", ["p"], ["y"], { axis: 1 })];
    const [found] = of({ nodes, inputs: [x], outputs: [info("y", "i64", [2, 1])], constants });
    expect(found?.kind).to.equal("discontinuous");
    expect(found?.causes.map(({ operator, name }) => [operator, name])).to.deep.equal([
      ["ArgMax", "ArgMax of y"],
    ]);
  });

  it("is reproducible for a choice between values as they were given", () => {
    const nodes = [node("ArgMax", ["x"], ["y"], { axis: 1 })];
    expect(kindsOf({ nodes, inputs: [x], outputs: [info("y", "i64", [2, 1])] })).to.deep.equal([
      "reproducible",
    ]);
  });

  it("tells the sorted values from their positions", () => {
    const nodes = [product, node("TopK", ["p", "k"], ["v", "i"])];
    const outputs = [info("v", "f32", [2, 2]), info("i", "i64", [2, 2])];
    expect(kindsOf({ nodes, inputs: [x], outputs, constants: { ...constants, k: ints(2) } })).to.deep.equal([
      "continuous",
      "discontinuous",
    ]);
  });

  it("does not recover from a jump", () => {
    const nodes = [product, node("Round", ["p"], ["r"]), node("Softmax", ["r"], ["y"])];
    const [found] = of({ nodes, inputs: [x], outputs: [info("y", "f32", [2, 3])], constants });
    expect([found?.kind, found?.causes.map(({ body }) => body)]).to.deep.equal(["discontinuous", ["rint"]]);
  });

  it("counts a choice made by a comparison, but not the values chosen from", () => {
    const shape = [2, 3];
    const inputs = [x, info("c", "bool", shape)];
    const outputs = [info("y", "f32", shape)];
    const given = [product, node("Neg", ["p"], ["n"]), node("Where", ["c", "p", "n"], ["y"])];
    expect(kindsOf({ nodes: given, inputs, outputs, constants })).to.deep.equal(["continuous"]);
    const compared = [
      product,
      node("Less", ["p", "zero"], ["d"]),
      node("Neg", ["p"], ["n"]),
      node("Where", ["d", "p", "n"], ["y"]),
    ];
    const zero = scalar("f32", 0);
    expect(
      kindsOf({ nodes: compared, inputs: [x], outputs, constants: { ...constants, zero } }),
    ).to.deep.equal(["discontinuous"]);
  });

  it("sees a comparison that a continuous operator has made already", () => {
    const nodes = [product, node("LeakyRelu", ["p"], ["y"]), node("Less", ["p", "zero"], ["d"])];
    const outputs = [info("y", "f32", [2, 3]), info("d", "bool", [2, 3])];
    const zero = scalar("f32", 0);
    expect(kindsOf({ nodes, inputs: [x], outputs, constants: { ...constants, zero } })).to.deep.equal([
      "continuous",
      "discontinuous",
    ]);
  });

  it("takes a sum of floats quantised for a jump, and floats quantised as they were given for none", () => {
    const scale = { s: scalar("f32", 0.1), z: scalar("u8", 128) };
    const outputs = (shape: readonly number[]) => [info("y", "u8", shape)];
    const late = [product, node("QuantizeLinear", ["p", "s", "z"], ["y"])];
    const early = [node("QuantizeLinear", ["x", "s", "z"], ["y"])];
    expect(
      kindsOf({ nodes: late, inputs: [x], outputs: outputs([2, 3]), constants: { ...constants, ...scale } }),
    ).to.deep.equal(["discontinuous"]);
    expect(kindsOf({ nodes: early, inputs: [x], outputs: outputs([2, 4]), constants: scale })).to.not.include(
      "discontinuous",
    );
  });
});
