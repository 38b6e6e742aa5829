import { expect } from "chai";
import { parseModel } from "../../../program/src/onnx/model.ts";
import {
  info,
  modelFile,
  node,
  scalar,
  tensor,
  type Graph,
  type TestTensor,
} from "../../../program/src/testing/onnx.ts";
import { findSaturation, worstPair, type Saturation } from "./saturation.ts";

const WIDE = tensor("i8", [2, 2], [127, -128, 100, 5]);
const REDUCED = tensor("i8", [2, 2], [64, -64, 64, -64]);

function find(graph: Graph): Saturation[] {
  return findSaturation(parseModel(modelFile(graph)));
}

function matmulInteger(w: TestTensor, x: "u8" | "i8" = "u8"): Graph {
  return {
    nodes: [node("MatMulInteger", ["x", "w"], ["y"])],
    inputs: [info("x", x, [1, 2])],
    outputs: [info("y", "i32", [1, 2])],
    constants: { w },
  };
}

/** A product of floats between dequantised operands. */
function betweenFloats(w: TestTensor, zero: "u8" | "i8", turned: boolean): Graph {
  return {
    nodes: [
      node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
      node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
      node("DequantizeLinear", ["w", "s"], ["wd"]),
      ...(turned ? [node("Transpose", ["wd"], ["wt"])] : []),
      node("MatMul", ["xd", turned ? "wt" : "wd"], ["y"]),
    ],
    inputs: [info("x", "f32", [1, 2])],
    outputs: [info("y", "f32", [1, 2])],
    constants: { w, s: scalar("f32", 0.5), z: scalar(zero, 0) },
  };
}

describe("saturating products", () => {
  it("are those of u8 by i8 whose weights are large enough", () => {
    expect(find(matmulInteger(WIDE))).to.deep.equal([
      { node: "MatMulInteger of y", operator: "MatMulInteger", weights: "w", fused: false, pair: 227 },
    ]);
    expect(find(matmulInteger(REDUCED))).to.deep.equal([]);
    expect(find(matmulInteger(WIDE, "i8"))).to.deep.equal([]);
    expect(find(matmulInteger(tensor("u8", [2, 2], [255, 255, 255, 255])))).to.deep.equal([]);
  });

  it("come of DynamicQuantizeLinear, with weights that a node holds", () => {
    const found = find({
      nodes: [
        node("Constant", [], ["w"], { value: WIDE }),
        node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        node("MatMulInteger", ["q", "w", "z"], ["y"]),
      ],
      inputs: [info("x", "f32", [1, 2])],
      outputs: [info("y", "i32", [1, 2])],
    });
    expect(found.map(({ pair }) => pair)).to.deep.equal([227]);
  });

  it("hide between QuantizeLinear and DequantizeLinear", () => {
    const found = find(betweenFloats(WIDE, "u8", false));
    expect(found.map(({ fused, pair }) => [fused, pair])).to.deep.equal([[true, 227]]);
    expect(find(betweenFloats(WIDE, "i8", false))).to.deep.equal([]);
    expect(find(betweenFloats(REDUCED, "u8", false))).to.deep.equal([]);
    expect(find(betweenFloats(WIDE, "u8", true)).map(({ pair }) => pair)).to.deep.equal([227]);
  });

  it("are suspected where weights are not known", () => {
    const { constants, ...graph } = matmulInteger(WIDE);
    expect(constants).not.to.equal(undefined);
    const found = find({ ...graph, inputs: [...graph.inputs, info("w", "i8", [2, 2])] });
    expect(found.map(({ pair }) => pair)).to.deep.equal([undefined]);
  });
});

describe("worst pair of weights", () => {
  it("is of one column and of one sign", () => {
    const weights = tensor("i8", [3, 2], [100, -100, -100, -20, 10, 90]);
    expect(worstPair(weights, 1)).to.equal(120);
    expect(worstPair(weights, -1)).to.equal(120);
    expect(worstPair(weights, 0)).to.equal(120);
    expect(worstPair(weights, undefined)).to.equal(200);
  });

  it("is one weight where there is no other", () => {
    expect(worstPair(tensor("i8", [1, 2], [-128, 127]), 1)).to.equal(128);
  });
});
