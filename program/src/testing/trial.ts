/** Programs on trial before a referee. */
import { inputsTree, wholeClaim } from "../claim.ts";
import { commitProgram, type ProgramCommitment } from "../commit.ts";
import type { Program, TensorLoad } from "../instruction.ts";
import { hashTree, tensorRoot, tensorTree, treeRoot } from "../merkle.ts";
import { runNaive } from "../naive/interpret.ts";
import { proveOutput, proveStep, type OutputProof, type StepProof } from "../prove.ts";

/** A program, its inputs, and the tensors that its instructions should give. */
export interface Trial {
  readonly program: Program;
  readonly commitment: ProgramCommitment;
  readonly inputs: readonly Uint8Array[];
  readonly right: readonly Uint8Array[];
}

export function trial(program: Program, inputs: readonly Uint8Array[], right?: readonly Uint8Array[]): Trial {
  return { program, commitment: commitProgram(program), inputs, right: right ?? runNaive(program, inputs) };
}

/** What a claim says: the right tensors but for one, to which `change` is done. */
export function tampered(
  { right }: Trial,
  instruction: number,
  change: (data: Uint8Array) => void,
): Uint8Array[] {
  const claimed = right.map((data) => data.slice());
  const data = claimed[instruction];
  if (data === undefined) throw new RangeError(`there is no instruction ${instruction}`);
  change(data);
  return claimed;
}

export function flipBit(element: number, bytes: number, bit: number): (data: Uint8Array) => void {
  return (data) => {
    const at = element * bytes + Math.floor(bit / 8);
    data[at] = (data[at] ?? 0) ^ (1 << (bit % 8));
  };
}

export function stepProof(
  { program, commitment, inputs, right }: Trial,
  claimed: readonly Uint8Array[],
  instruction: number,
  element: number,
): StepProof {
  const tensor = (source: TensorLoad["source"], id: number): Uint8Array => {
    const sources = {
      input: inputs,
      constant: program.constants.map(({ data }) => data),
      instruction: right,
    };
    const data = sources[source][id];
    if (data === undefined) throw new RangeError(`there is no ${source} ${id}`);
    return data;
  };
  const trace = {
    tensor,
    tensorTree: (source: TensorLoad["source"], id: number) => tensorTree(tensor(source, id)),
    inputs: inputsTree(inputs),
    claimed: wholeClaim(claimed),
  };
  return proveStep({ commitment, program, trace, instruction, element });
}

export function outputProof(
  { program, commitment }: Trial,
  claimed: readonly Uint8Array[],
  output: number,
  element: number,
): OutputProof {
  return proveOutput({ commitment, program, claimed: wholeClaim(claimed) }, output, element);
}

export function traceRootOf(tensors: readonly Uint8Array[]): Uint8Array {
  return treeRoot(hashTree(tensors.map(tensorRoot)));
}

type StepCall = [
  programRoot: Uint8Array,
  traceRoot: Uint8Array,
  inputsRoot: Uint8Array,
  instruction: number,
  element: number,
  proof: Omit<StepProof, "operands"> & { operands: StepProof["operands"][number][] },
];

/** Arguments of `IReferee.judgeStep` for what is claimed. */
export function stepCall(
  on: Trial,
  claimed: readonly Uint8Array[],
  instruction: number,
  element: number,
  proof: StepProof = stepProof(on, claimed, instruction, element),
): StepCall {
  return [
    on.commitment.root,
    traceRootOf(claimed),
    treeRoot(inputsTree(on.inputs)),
    instruction,
    element,
    { ...proof, operands: [...proof.operands] },
  ];
}
