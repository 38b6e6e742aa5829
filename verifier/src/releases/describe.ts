/** What a model file becomes: its program, signature and the gas that judging it can take. Pure. */
import { commitProgram, type ProgramCommitment } from "../../../program/src/encode.ts";
import { dtype, isFloat } from "../../../program/src/dtype.ts";
import {
  isTranscendental,
  outElements,
  type Instruction,
  type Program,
} from "../../../program/src/instruction.ts";
import { estimateStep, isJudgeable, type StepEstimate } from "../../../program/src/limits.ts";
import { lowerModel, type LoweredModel } from "../../../program/src/lower/lower.ts";
import { depthOf, sha256, tensorDepth } from "../../../program/src/merkle.ts";
import { ModelError } from "../../../program/src/onnx/error.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import {
  blobLength,
  isElementType,
  type Bindings,
  type Signature,
  type TensorSpec,
} from "../../../sdk/src/tensor.ts";

export interface ModelDescription {
  readonly fileSha256: Hex;
  readonly bindings: Bindings;
  readonly program: Program;
  readonly commitment: ProgramCommitment;
  readonly programRoot: Hex;
  readonly signature: Signature;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Worst of all instructions; `instruction` is the one with the most gas. */
  readonly worst: StepEstimate & { readonly instruction: number };
  /** Worst gas of a whole dispute for the challenger that wins it. */
  readonly disputeGas: number;
  /** Whether a float result may differ between honest machines, so that only the exact interpreter's bytes count. */
  readonly ordersFloats: boolean;
  readonly nodes: LoweredModel["nodes"];
}

/** Measured on the contracts, rounded up (gas); each includes its transaction. */
const GAS = {
  challenge: 200_000,
  /** Of the game, of the rest of the bond, and the refund. */
  settle: 250_000,
  select: 200_000,
  openInput: 100_000,
  openInputByte: 60,
} as const;
/** A move goes down six levels. */
const MOVE_LEVELS = 6;

/** Sums whose order onnxruntime chooses, and functions that it approximates. */
function ordersFloats({ dtype: name, fold, body }: Instruction): boolean {
  return (fold === "sum" && (isFloat(name) || name === "acc")) || isTranscendental(body);
}

function specs(tensors: LoweredModel["inputs"]): TensorSpec[] {
  return tensors.map(({ name, dtype: type, shape }) => {
    if (!isElementType(type)) throw new AssayError("MODEL_REFUSED", `tensor ${name} has dtype ${type}`);
    return { name, dtype: type, shape };
  });
}

function worstStep(program: Program): ModelDescription["worst"] {
  const estimates = program.instructions.map((_, instruction) => ({
    ...estimateStep(program, instruction),
    instruction,
  }));
  const most = (key: "gas" | "calldataBytes" | "leaves" | "terms"): number =>
    Math.max(...estimates.map((e) => e[key]));
  const gas = most("gas");
  const instruction = estimates.find((e) => e.gas === gas)?.instruction ?? 0;
  return {
    gas,
    calldataBytes: most("calldataBytes"),
    leaves: most("leaves"),
    terms: most("terms"),
    instruction,
  };
}

function disputeGas(program: Program, stepGas: number, inputBytes: number): number {
  const moves = (depth: number): number => Math.ceil(depth / MOVE_LEVELS);
  const deepest = Math.max(
    ...program.instructions.map((i) => tensorDepth(outElements(i) * dtype(i.dtype).bytes)),
  );
  // The last round of a tensor reveals the leaf itself.
  const rounds = moves(depthOf(program.instructions.length)) + moves(deepest) + 1;
  const fixed = GAS.challenge + GAS.settle + GAS.openInput + GAS.openInputByte * inputBytes;
  return fixed + rounds * GAS.select + stepGas;
}

/**
 * @throws {AssayError} MODEL_REFUSED: the file cannot be lowered, or an element of it could not be judged on chain.
 */
export function describeModel(file: Uint8Array, bindings: Bindings): ModelDescription {
  const { program, inputs, outputs, nodes } = lower(file, bindings);
  const worst = worstStep(program);
  if (!isJudgeable(worst)) {
    const node = nodes[worst.instruction];
    throw new AssayError(
      "MODEL_REFUSED",
      `one element of ${node?.operator ?? "an instruction"} ${node?.name ?? ""} could take ${worst.gas} gas and ` +
        `${worst.calldataBytes} bytes of calldata to judge, too much for one transaction`,
      { details: { ...worst } },
    );
  }
  const signature = { inputs: specs(inputs), outputs: specs(outputs) };
  const commitment = commitProgram(program);
  const inputBytes = blobLength(signature.inputs);
  return {
    fileSha256: toHex(sha256(file)),
    bindings,
    program,
    commitment,
    programRoot: toHex(commitment.root),
    signature,
    inputBytes,
    outputBytes: blobLength(signature.outputs),
    worst,
    disputeGas: disputeGas(program, worst.gas, inputBytes),
    ordersFloats: program.instructions.some(ordersFloats),
    nodes,
  };
}

function lower(file: Uint8Array, bindings: Bindings): LoweredModel {
  try {
    return lowerModel(file, { dims: bindings });
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause;
    const { code, node, operator } = cause;
    throw new AssayError("MODEL_REFUSED", cause.message, { details: { code, node, operator }, cause });
  }
}
