/**
 * For tests: runs one instruction in the fast and the naive interpreter.
 */
import { expect } from "chai";
import { dtype, type DTypeName } from "../dtype.ts";
import { outElements, type Instruction, type Program } from "../instruction.ts";
import { runNaive } from "../naive/interpret.ts";
import { validateProgram } from "../validate.ts";
import { runProgram, type Way } from "./run.ts";

export interface OperandData {
  readonly dtype: DTypeName;
  readonly data: Uint8Array;
}

/** A program of one instruction whose tensor loads are of inputs or constants by position. */
export function singleProgram(
  instruction: Instruction,
  inputs: readonly OperandData[],
  constants: readonly OperandData[] = [],
): Program {
  const elements = outElements(instruction);
  return {
    loweringVersion: 1,
    inputs: inputs.map(({ dtype: name, data }) => ({
      dtype: name,
      elements: data.length / dtype(name).bytes,
    })),
    constants,
    instructions: [instruction],
    outputs: [{ instruction: 0, dtype: instruction.dtype, elements }],
  };
}

/** Expects equal tensors. @returns How the fast interpreter computed each instruction, and the last tensor. */
export function expectAgreement(
  program: Program,
  inputs: readonly Uint8Array[],
  note: string,
): { ways: readonly Way[]; last: Uint8Array } {
  validateProgram(program);
  const expected = runNaive(program, inputs);
  const { tensors, ways } = runProgram(program, inputs, { keep: "all" });
  for (const [k, data] of expected.entries()) {
    const got = tensors.get(k) ?? new Uint8Array();
    const at = data.findIndex((byte, i) => byte !== got[i]);
    if (at >= 0 || got.length !== data.length)
      expect.fail(
        `${note}, instruction ${k} (${ways[k] ?? ""}): byte ${at} is ${got[at] ?? "missing"}, not ${data[at] ?? ""}`,
      );
  }
  return { ways, last: expected.at(-1) ?? new Uint8Array() };
}
