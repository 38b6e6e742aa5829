/** The program header and what its root commits to (docs/program.md §6, §7). */
import { dtype } from "./dtype.ts";
import { encodeInstruction, FORMAT_VERSION, Writer } from "./encode.ts";
import type { Program } from "./instruction.ts";
import { hashTree, sha256, tensorRoot, treeRoot, type Tree } from "./merkle.ts";

/** Everything a dispute opens of a program besides constant data. */
export interface ProgramCommitment {
  readonly root: Uint8Array;
  readonly header: Uint8Array;
  readonly encodings: readonly Uint8Array[];
  readonly instructions: Tree;
  readonly constants: Tree;
}

export function commitProgram(program: Program): ProgramCommitment {
  const encodings = program.instructions.map(encodeInstruction);
  const instructions = hashTree(encodings.map((e) => sha256(e)));
  const constants = hashTree(program.constants.map((c) => tensorRoot(c.data)));
  const out = new Writer();
  out.unsigned(FORMAT_VERSION, 2).unsigned(program.loweringVersion, 2);
  out.unsigned(program.inputs.length, 4).unsigned(program.constants.length, 4);
  out.unsigned(program.instructions.length, 4).unsigned(program.outputs.length, 4);
  out.raw(treeRoot(constants)).raw(treeRoot(instructions));
  for (const input of program.inputs) out.unsigned(dtype(input.dtype).code, 1).unsigned(input.elements, 4);
  for (const output of program.outputs)
    out.unsigned(dtype(output.dtype).code, 1).unsigned(output.elements, 4).unsigned(output.instruction, 4);
  const header = out.done();
  return { root: sha256(header), header, encodings, instructions, constants };
}
