/** One step for a deployed referee to judge: a sum of two float32 numbers that has to be rounded. */
import type { Program, TensorLoad } from "../../program/src/instruction.ts";
import { flipBit, stepCall, tampered, trial } from "../../program/src/testing/trial.ts";

function operand(id: number): TensorLoad {
  const axes = [{ size: 1, stride: 1, at: { c0: 0, terms: [], div: 1, exact: false } }];
  return { kind: "tensor", source: "input", id, dtype: "f32", elements: 1, axes };
}

const PROGRAM: Program = {
  loweringVersion: 1,
  inputs: [
    { dtype: "f32", elements: 1 },
    { dtype: "f32", elements: 1 },
  ],
  outputs: [{ instruction: 0, dtype: "f32", elements: 1 }],
  constants: [],
  instructions: [
    { body: "add", fold: "none", dtype: "f32", outDims: [1], redDims: [], loads: [operand(0), operand(1)] },
  ],
};

/** Arguments of `Referee.judgeStep`, for the right sum or one whose last bit is wrong. */
export function verdictCall(right: boolean): ReturnType<typeof stepCall> {
  const inputs = [0.1, 0.2].map((value) => new Uint8Array(Float32Array.of(value).buffer));
  const on = trial(PROGRAM, inputs);
  return stepCall(on, right ? on.right : tampered(on, 0, flipBit(0, 4, 0)), 0, 0);
}
