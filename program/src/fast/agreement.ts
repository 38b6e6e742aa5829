/**
 * For tests: runs one instruction in the fast and the naive interpreter.
 */
import { expect } from "chai";
import { dtype, type DTypeName } from "../dtype.ts";
import { outElements, tensorsOf, type Instruction, type Program } from "../instruction.ts";
import { runNaive } from "../naive/interpret.ts";
import { validateProgram } from "../validate.ts";
import type { Way } from "./compute.ts";
import { computePart, planPart } from "./parts.ts";
import type { Lookup } from "./read.ts";
import { runProgram } from "./run.ts";
import { loadTensor, newTensor } from "./tensor.ts";

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

function expectSame(got: Uint8Array, expected: Uint8Array, note: string): void {
  const at = expected.findIndex((byte, i) => byte !== got[i]);
  if (at >= 0 || got.length !== expected.length)
    expect.fail(`${note}: byte ${at} is ${got[at] ?? "missing"}, not ${expected[at] ?? ""}`);
}

/** Expects an instruction in two parts, along each dimension, to give the same. */
function expectParts(
  program: Program,
  k: number,
  inputs: readonly Uint8Array[],
  expected: readonly Uint8Array[],
  note: string,
): void {
  const instruction = program.instructions[k];
  if (instruction === undefined) return;
  const { dtype: name, outDims } = instruction;
  const lookup: Lookup = (source, id) => {
    const load = instruction.loads.flatMap(tensorsOf).find((l) => l.source === source && l.id === id);
    if (load === undefined) throw new RangeError(`there is no ${source} ${id}`);
    const bytes = { input: inputs, constant: program.constants.map((c) => c.data), instruction: expected };
    return loadTensor(load.dtype, load.elements, bytes[source][id] ?? new Uint8Array());
  };
  for (const [dim, size] of outDims.entries()) {
    if (size < 2) continue;
    const out = newTensor(name, outElements(instruction));
    const middle = Math.ceil(size / 2);
    for (const [from, to] of [
      [0, middle],
      [middle, size],
    ] as const)
      computePart(planPart(instruction, { dim, from, to }), lookup, out);
    expectSame(out.data, expected[k] ?? out.data, `${note}, instruction ${k} in parts of dimension ${dim}`);
  }
}

/** Expects equal tensors, of instructions as a whole and in parts. @returns How the fast interpreter computed each instruction, and the last tensor. */
export function expectAgreement(
  program: Program,
  inputs: readonly Uint8Array[],
  note: string,
): { ways: readonly Way[]; last: Uint8Array } {
  validateProgram(program);
  const expected = runNaive(program, inputs);
  const { tensors, ways } = runProgram(program, inputs, { keep: "all" });
  for (const [k, data] of expected.entries()) {
    expectSame(tensors.get(k) ?? new Uint8Array(), data, `${note}, instruction ${k} (${ways[k] ?? ""})`);
    expectParts(program, k, inputs, expected, note);
  }
  return { ways, last: expected.at(-1) ?? new Uint8Array() };
}
