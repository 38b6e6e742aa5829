/** Operators that lie, built from the same public parts as honest ones. */
import { depthOf } from "../../program/src/merkle.ts";
import { splitBlob, wholeClaim } from "../../program/src/claim.ts";
import type { Program, TensorLoad } from "../../program/src/instruction.ts";
import { evaluateTensor } from "../../program/src/naive/interpret.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { fromHex } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { defend } from "../src/play/trace.ts";
import { describeFile, type PreparedRelease } from "../src/releases/prepare.ts";
import type { OperatorParts } from "../src/roles/operator.ts";

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

export function outputOf(program: Program, tensors: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(program.outputs.map(({ instruction }) => tensors[instruction] ?? new Uint8Array())),
  );
}

const programs = new Map<string, Promise<Program>>();

/** A liar computes in its own process. */
export function programOf({ model, path }: PreparedRelease): Promise<Program> {
  const known =
    programs.get(model.programRoot) ?? describeFile(path, model.bindings).then(({ program }) => program);
  programs.set(model.programRoot, known);
  return known;
}

/** Publishes and defends a corrupt trace. */
export function corruptOperator(corruption: Corruption): OperatorParts {
  const tensorsOf = (program: Program, input: Uint8Array): Uint8Array[] =>
    corruptTensors(program, splitBlob(program.inputs, input), corruption);
  async function answer(release: PreparedRelease, input: Uint8Array): Promise<Uint8Array> {
    const program = await programOf(release);
    return outputOf(program, tensorsOf(program, input));
  }

  return {
    answer,
    receipt: answer,
    async trace(release, { request }) {
      const program = await programOf(release);
      const claimed = wholeClaim(tensorsOf(program, fromHex(request.input)));
      return defend(depthOf(program.instructions.length), claimed);
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
  async answer(release, input) {
    return exactOutput({ program: cheaper(await programOf(release)) }, input);
  },
  async trace(release, { request }) {
    const program = cheaper(await programOf(release));
    const { tensors } = computeTrace(program, splitBlob(program.inputs, fromHex(request.input)));
    return defend(depthOf(tensors.length), wholeClaim(tensors));
  },
};

async function backwards(release: PreparedRelease, input: Uint8Array): Promise<Uint8Array> {
  return exactOutput({ program: await programOf(release) }, input).reverse();
}

/** Gives the output backwards (another class wins), but commits to the honest trace when challenged. */
export const alteredAnswer = {
  answer: backwards,
  receipt: backwards,
} satisfies Partial<OperatorParts>;

/** Publishes an altered answer and then says nothing more. */
export const silentOperator: OperatorParts = {
  answer: alteredAnswer.answer,
  trace: () => new Promise(() => undefined),
};
