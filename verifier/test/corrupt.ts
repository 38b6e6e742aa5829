/** Operators that lie, built from the same public parts as honest ones. */
import { depthOf } from "../../program/src/merkle.ts";
import { splitBlob, wholeClaim } from "../../program/src/claim.ts";
import type { Program, TensorLoad } from "../../program/src/instruction.ts";
import { evaluateTensor } from "../../program/src/naive/interpret.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { fromHex } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import type { DefendedTrace } from "../src/play/planner.ts";
import { defend, type OperatorParts } from "../src/roles/operator.ts";

/** One byte of one instruction's tensor that is not what it should be. */
export interface Corruption {
  readonly instruction: number;
  readonly byte: number;
}

/** A trace that is right but for one byte and everything that follows from it: the most plausible lie there is. */
export function corruptTensors(
  program: Program,
  inputs: readonly Uint8Array[],
  { instruction, byte }: Corruption,
): Uint8Array[] {
  const tensors: Uint8Array[] = computeTrace(program, inputs).tensors.map((tensor) => tensor.slice());
  const read = ({ source, id }: TensorLoad): Uint8Array =>
    (source === "input" ? inputs[id] : source === "constant" ? program.constants[id]?.data : tensors[id]) ??
    new Uint8Array();
  program.instructions.forEach((made, k) => {
    if (k > instruction) tensors[k] = evaluateTensor(made, read);
    const tensor = tensors[k];
    if (k === instruction && tensor !== undefined) tensor[byte] = (tensor[byte] ?? 0) ^ 0x40;
  });
  return tensors;
}

function outputOf(program: Program, tensors: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(program.outputs.map(({ instruction }) => tensors[instruction] ?? new Uint8Array())),
  );
}

/** Publishes and defends a corrupt trace. */
export function corruptOperator(corruption: Corruption): OperatorParts {
  const tensorsOf = (program: Program, input: Uint8Array): Uint8Array[] =>
    corruptTensors(program, splitBlob(program.inputs, input), corruption);
  return {
    answer: ({ model: { program } }, input) => Promise.resolve(outputOf(program, tensorsOf(program, input))),
    trace({ model: { program } }, trial) {
      const claimed = wholeClaim(tensorsOf(program, fromHex(trial.request.input)));
      const defended: DefendedTrace = { depth: depthOf(program.instructions.length), claimed };
      return Promise.resolve(defended);
    },
  };
}

/** A cheaper model: the largest constant is all zeros. */
function cheaper(program: Program): Program {
  const largest = Math.max(...program.constants.map(({ data }) => data.length));
  const constants = program.constants.map((constant) =>
    constant.data.length === largest ? { ...constant, data: new Uint8Array(largest) } : constant,
  );
  return { ...program, constants };
}

/** Runs a cheaper model, publishes its output and defends its trace. */
export const cheaperModel: OperatorParts = {
  answer: ({ model }, input) =>
    Promise.resolve(exactOutput({ ...model, program: cheaper(model.program) }, input)),
  trace({ model }, { request }) {
    const program = cheaper(model.program);
    return Promise.resolve(defend(computeTrace(program, splitBlob(program.inputs, fromHex(request.input)))));
  },
};

/** Publishes the output backwards (another class wins), but commits to the honest trace when challenged. */
export const alteredAnswer = {
  answer: ({ model }, input) => Promise.resolve(exactOutput(model, input).reverse()),
} satisfies Partial<OperatorParts>;

/** Publishes an altered answer and then says nothing more. */
export const silentOperator: OperatorParts = {
  answer: alteredAnswer.answer,
  trace: () => new Promise(() => undefined),
};
