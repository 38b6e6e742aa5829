/** What the node keeps of a model while child processes hold its program: a few kilobytes, whatever the size of its weights. */
import type { ProgramInput, ProgramOutput } from "../../../program/src/instruction.ts";
import type { StepEstimate } from "../../../program/src/limits.ts";
import type { LoweredModel } from "../../../program/src/lower/lower.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { Bindings, Signature } from "../../../sdk/src/tensor.ts";

export interface ModelSummary {
  readonly fileSha256: Hex;
  readonly fileBytes: number;
  readonly bindings: Bindings;
  readonly programRoot: Hex;
  readonly loweringVersion: number;
  /** Of the program's encoding: what its root is the hash of. */
  readonly header: Hex;
  readonly signature: Signature;
  /** Dtypes and element counts of the program's inputs and outputs. */
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly instructions: number;
  readonly constants: number;
  readonly constantBytes: number;
  /** Worst of all instructions; `instruction` is the one with the most gas, `node` what it was lowered from. */
  readonly worst: StepEstimate & {
    readonly instruction: number;
    readonly node: LoweredModel["nodes"][number];
  };
  /** Selects and reveals of a dispute, at most. */
  readonly disputeRounds: number;
  /** Worst gas of a whole dispute for the challenger that wins it. */
  readonly disputeGas: number;
  /** Of all sums of products. */
  readonly multiplyAdds: number;
  /** Bytes of all tensors of a run: what a trace holds. */
  readonly traceBytes: number;
  /** Whether onnxruntime is known to compute each instruction bit for bit as the exact interpreter does. */
  readonly exactInOnnxruntime: boolean;
}

/** Bytes that anything takes beside its data. */
const OVERHEAD = 2 ** 22;
const INSTRUCTION_BYTES = 4096;

/** Estimates, bytes, of what a process keeps of a model; what it has measured counts more. */
export const memoryOf = {
  /** The file's weights, and as onnxruntime packs them. */
  session: (fileBytes: number): number => 2 * fileBytes + OVERHEAD,
  /** The weights as they are, in memory that threads share, and packed. */
  program: ({ constantBytes, instructions }: Pick<ModelSummary, "constantBytes" | "instructions">): number =>
    3 * constantBytes + INSTRUCTION_BYTES * instructions + OVERHEAD,
  /** The tensors and a tree over each: 32 bytes a node, two nodes a leaf of 256 bytes. */
  trace: ({ traceBytes, instructions }: Pick<ModelSummary, "traceBytes" | "instructions">): number =>
    Math.ceil(1.25 * traceBytes) + INSTRUCTION_BYTES * instructions,
} as const;

/** The part of a description that is a summary: what a child process tells of a model. */
export function summaryOf(model: ModelSummary): ModelSummary {
  const { fileSha256, fileBytes, bindings, programRoot, loweringVersion, header, signature } = model;
  const { inputs, outputs, inputBytes, outputBytes, instructions, constants, constantBytes } = model;
  const { worst, disputeRounds, disputeGas, multiplyAdds, traceBytes, exactInOnnxruntime } = model;
  return {
    ...{ fileSha256, fileBytes, bindings, programRoot, loweringVersion, header, signature },
    ...{ inputs, outputs, inputBytes, outputBytes, instructions, constants, constantBytes },
    ...{ worst, disputeRounds, disputeGas, multiplyAdds, traceBytes, exactInOnnxruntime },
  };
}
