/** What a model file becomes: its program, signature and the gas that judging it can take. Pure. */
import { commitProgram, type ProgramCommitment } from "../../../program/src/commit.ts";
import { dtype, isInteger } from "../../../program/src/dtype.ts";
import {
  outElements,
  product,
  type Body,
  type Instruction,
  type Program,
} from "../../../program/src/instruction.ts";
import { estimateStep, isJudgeable } from "../../../program/src/limits.ts";
import { lowerModel, type LoweredModel } from "../../../program/src/lower/lower.ts";
import { depthOf, sha256, tensorDepth } from "../../../program/src/merkle.ts";
import { ModelError } from "../../../program/src/onnx/error.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { toHex } from "../../../sdk/src/structs.ts";
import {
  blobLength,
  isElementType,
  MAX_BLOB_BYTES,
  type Bindings,
  type TensorSpec,
} from "../../../sdk/src/tensor.ts";
import { disputeGas } from "./disputeGas.ts";
import type { ModelSummary } from "./summary.ts";

/** A summary and the program itself, weights and all. */
export interface ModelDescription extends ModelSummary {
  readonly program: Program;
  readonly commitment: ProgramCommitment;
  readonly nodes: LoweredModel["nodes"];
}

/** A move goes down six levels. */
const MOVE_LEVELS = 6;

/** Bodies of integers that every onnxruntime computes alike, for all operands (division and shifts have their own edges). */
const EXACT_BODIES: ReadonlySet<Body> = new Set<Body>([
  ...(["copy", "add", "sub", "mul", "neg", "abs", "min", "max", "sign"] as const),
  ...(["eq", "ne", "lt", "le", "and", "or", "xor", "not", "where", "seleq", "first"] as const),
]);

/**
 * Integers throughout, or scaling from and to quantised integers. Not: floats, whose sums onnxruntime orders as it likes and whose
 * conversion to integers is each processor's own; products of u8 and i8, whose sums saturate on some processors.
 */
export function isExactInOnnxruntime({ dtype: name, fold, body, loads }: Instruction): boolean {
  const dtypes = loads.map((load) => (load.kind === "index" ? "i64" : load.dtype));
  if (body === "qmul" || body === "qdiv" || body === "sat") return isInteger(name);
  if (body === "fma") return dtypes[0] === "u8" || dtypes[0] === "i8";
  if (!EXACT_BODIES.has(body) || ![name, ...dtypes].every(isInteger)) return false;
  return !(fold === "sum" && body === "mul" && dtypes.includes("u8") && dtypes.includes("i8"));
}

function specs(tensors: LoweredModel["inputs"]): TensorSpec[] {
  return tensors.map(({ name, dtype: type, shape }) => {
    if (!isElementType(type)) throw new AssayError("MODEL_REFUSED", `tensor ${name} has dtype ${type}`);
    return { name, dtype: type, shape };
  });
}

function worstStep({ program, nodes }: LoweredModel): ModelSummary["worst"] {
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
    node: nodes[instruction] ?? { name: "", operator: "" },
  };
}

/** Of a dispute that goes all the way: down the trace tree, down the deepest tensor's, and its leaf. */
export function disputeRounds(program: Program): number {
  const moves = (depth: number): number => Math.ceil(depth / MOVE_LEVELS);
  const deepest = Math.max(
    ...program.instructions.map((i) => tensorDepth(outElements(i) * dtype(i.dtype).bytes)),
  );
  return moves(depthOf(program.instructions.length)) + moves(deepest) + 1;
}

/**
 * @throws {AssayError} MODEL_REFUSED: the file cannot be lowered, or an element of it could not be judged on chain.
 */
export function describeModel(file: Uint8Array, bindings: Bindings): ModelDescription {
  const lowered = lower(file, bindings);
  const { program, inputs, outputs, nodes } = lowered;
  const worst = worstStep(lowered);
  if (!isJudgeable(worst)) {
    const { operator, name } = worst.node;
    throw new AssayError(
      "MODEL_REFUSED",
      `one element of ${operator} ${name} could take ${worst.gas} gas and ` +
        `${worst.calldataBytes} bytes of calldata to judge, too much for one transaction`,
      { details: { ...worst } },
    );
  }
  const signature = { inputs: specs(inputs), outputs: specs(outputs) };
  const commitment = commitProgram(program);
  const rounds = disputeRounds(program);
  const [inputBytes, outputBytes] = [blobLength(signature.inputs), blobLength(signature.outputs)];
  for (const [what, bytes] of [
    ["inputs", inputBytes],
    ["outputs", outputBytes],
  ] as const)
    if (bytes > MAX_BLOB_BYTES)
      throw new AssayError(
        "MODEL_REFUSED",
        `${bytes} bytes of ${what}: a dispute takes them in one transaction, of at most ${MAX_BLOB_BYTES}`,
      );
  return {
    fileSha256: toHex(sha256(file)),
    fileBytes: file.length,
    bindings,
    program,
    commitment,
    nodes,
    programRoot: toHex(commitment.root),
    loweringVersion: program.loweringVersion,
    header: toHex(commitment.header),
    signature,
    inputs: program.inputs,
    outputs: program.outputs,
    instructions: program.instructions.length,
    constants: program.constants.length,
    constantBytes: program.constants.reduce((sum, { data }) => sum + data.length, 0),
    inputBytes,
    outputBytes,
    worst,
    disputeRounds: rounds,
    disputeGas: disputeGas(rounds, worst.gas, inputBytes),
    multiplyAdds: program.instructions.reduce(
      (sum, made) =>
        sum + (made.body === "mul" && made.fold === "sum" ? outElements(made) * product(made.redDims) : 0),
      0,
    ),
    traceBytes: program.instructions.reduce(
      (sum, made) => sum + outElements(made) * dtype(made.dtype).bytes,
      0,
    ),
    exactInOnnxruntime: program.instructions.every(isExactInOnnxruntime),
  };
}

/** @throws {AssayError} MODEL_REFUSED: the file cannot be lowered. */
export function lower(file: Uint8Array, bindings: Bindings): LoweredModel {
  try {
    return lowerModel(file, { dims: bindings });
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause;
    const { code, node, operator } = cause;
    throw new AssayError("MODEL_REFUSED", cause.message, { details: { code, node, operator }, cause });
  }
}
