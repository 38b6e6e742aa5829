import type { Instruction, Load, Program } from "../../program/src/instruction.ts";

/** A program each of whose instructions adds one to all the bytes of the one before. */
export function addOnes(instructions: number, elements: number): Program {
  const at = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };
  const axes = [{ size: elements, stride: 1, at }];
  const one: Load = { kind: "literal", dtype: "u8", bits: 1n };
  const addOne = (k: number): Instruction => {
    const source =
      k === 0 ? ({ source: "input", id: 0 } as const) : ({ source: "instruction", id: k - 1 } as const);
    const load: Load = { kind: "tensor", ...source, dtype: "u8", elements, axes };
    return { body: "add", fold: "none", dtype: "u8", outDims: [elements], redDims: [], loads: [load, one] };
  };
  return {
    loweringVersion: 1,
    inputs: [{ dtype: "u8", elements }],
    outputs: [{ instruction: instructions - 1, dtype: "u8", elements }],
    constants: [],
    instructions: Array.from({ length: instructions }, (_, k) => addOne(k)),
  };
}
