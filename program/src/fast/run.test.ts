import { expect } from "chai";
import type { Instruction, Program } from "../instruction.ts";
import { runProgram } from "./run.ts";

const AT = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };

function chained(source: "input" | "instruction", id: number): Instruction {
  const axes = [{ size: 2, stride: 1, at: AT }];
  const load = { kind: "tensor", source, id, dtype: "f32", elements: 2, axes } as const;
  return { body: "add", fold: "none", dtype: "f32", outDims: [2], redDims: [], loads: [load, load] };
}

describe("running programs", () => {
  const program: Program = {
    loweringVersion: 1,
    inputs: [{ dtype: "f32", elements: 2 }],
    constants: [],
    instructions: [chained("input", 0), chained("instruction", 0), chained("instruction", 1)],
    outputs: [{ instruction: 2, dtype: "f32", elements: 2 }],
  };
  const input = new Uint8Array(Float32Array.of(1, -0).buffer);
  const floats = (data: Uint8Array | undefined): number[] =>
    data === undefined ? [] : [...new Float32Array(data.slice().buffer)];

  it("returns the outputs and, by default, no other tensors", () => {
    const { outputs, tensors } = runProgram(program, [input]);
    expect(outputs.map(floats)).to.deep.equal([[8, 0]]);
    expect(tensors.size).to.equal(0);
  });

  it("returns the tensors asked for and reports every one in order", () => {
    const seen: number[] = [];
    const onTensor = (k: number): void => void seen.push(k);
    const { tensors } = runProgram(program, [input], { keep: (k) => k === 1, onTensor });
    expect([...tensors.keys()]).to.deep.equal([1]);
    expect(floats(tensors.get(1))).to.deep.equal([4, 0]);
    expect(seen).to.deep.equal([0, 1, 2]);
  });

  it("leaves its inputs as they are", () => {
    const copy = input.slice();
    runProgram(program, [input]);
    expect(input).to.deep.equal(copy);
  });

  it("refuses inputs of the wrong number or length", () => {
    expect(() => runProgram(program, [])).to.throw(RangeError);
    expect(() => runProgram(program, [new Uint8Array(7)])).to.throw(RangeError);
  });
});
