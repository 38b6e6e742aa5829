/**
 * What judging one element of an instruction costs at most: every instruction of a program must fit into one transaction.
 */
import { dtype } from "./dtype.ts";
import { encodeInstruction } from "./encode.ts";
import {
  isTranscendental,
  outElements,
  product,
  type Affine,
  type Instruction,
  type Load,
  type Program,
  type TensorLoad,
} from "./instruction.ts";
import { depthOf, HASH_BYTES, LEAF_BYTES, tensorDepth } from "./treeShape.ts";
import { coefficient, reachOf, type Reach } from "./reach.ts";
import { tensorLoads } from "./validate.ts";

/** Pools refuse transactions of 128 KiB and some sequencers less; blocks are shared. */
export const JUDGE_LIMITS = { gas: 12_000_000, calldataBytes: 90_000 } as const;

/** EIP-7623 and its predecessors. */
const TRANSACTION = {
  base: 21_000,
  zeroByte: 4,
  byte: 16,
  floorZeroByte: 10,
  floorByte: 40,
} as const;

/** A model of the referee, in gas: slopes measured on it, rounded up. */
const REFEREE = {
  base: 45_000,
  /** The game around it: ids of the claim, the verdict. */
  game: 40_000,
  encodingByte: 430,
  operand: 8_000,
  leaf: 450,
  pathNode: 750,
  /** One term of a run of products, of f32 (infinities among them) or of 8-bit integers. */
  f32Term: 240,
  byteTerm: 20,
  /** A run starts like a single term, plus this. */
  run: 4_000,
  /** A single term: this, and for each load its location and decoding. */
  term: 4_500,
  load: 3_000,
  acc: 5_000,
  axis: 700,
  division: 900,
  affineTerm: 150,
  gather: 5_000,
  /** Rounding after each step. */
  ordered: 2_300,
  quantised: 3_000,
  sqrt: 6_000,
  elementary: 16_000,
  power: 30_000,
} as const;

/** The claim that a proof is about, in the game's `prove`: mostly hashes and addresses. */
export const CLAIM_WORDS = 29;
const NONZERO_OF_CLAIM_WORD = 16;
/** The call that carries a proof: selector, its own arguments and the proof's offsets and lengths, mostly zero bytes. */
const CALL_WORDS = 40;
const OPERAND_WORDS = 10;
const WORD = 32;
/** A length or offset has at most three nonzero bytes. */
const NONZERO_OF_WORD = 3;
const HEADER_BYTES = 84;
const INPUT_BYTES = 5;
const OUTPUT_BYTES = 9;
const INDEX_BYTES = 4;

export interface StepEstimate {
  readonly calldataBytes: number;
  readonly gas: number;
  /** Operand leaves opened. */
  readonly leaves: number;
  readonly terms: number;
}

/** An instruction of which an element may be too expensive to judge. */
export class UnjudgeableError extends Error {
  override readonly name = "UnjudgeableError";
  readonly code = "unjudgeable";
  readonly instruction: number;
  readonly estimate: StepEstimate;

  constructor(instruction: number, estimate: StepEstimate) {
    super(
      `instruction ${instruction} may take ${estimate.gas} gas and ${estimate.calldataBytes} bytes of calldata to judge ` +
        `(at most ${JUDGE_LIMITS.gas} and ${JUDGE_LIMITS.calldataBytes}): ${estimate.leaves} leaves for ${estimate.terms} terms`,
    );
    this.instruction = instruction;
    this.estimate = estimate;
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / WORD) * WORD;
}

/** Siblings of a multi-proof: at each level at most one a leaf, two a run, one a pair. */
function pathNodes({ leaves, runs }: Reach, depth: number): number {
  let nodes = 0;
  for (let level = 0; level < depth; level++) nodes += Math.min(leaves, 2 * runs, 2 ** (depth - level - 1));
  return nodes;
}

interface OperandCost {
  readonly leaves: number;
  readonly nodes: number;
}

function operandCost(program: Program, instruction: Instruction, load: TensorLoad): OperandCost {
  const counts = {
    input: program.inputs.length,
    constant: program.constants.length,
    instruction: program.instructions.length,
  };
  const reach = reachOf(instruction, load);
  const depth = tensorDepth(load.elements * dtype(load.dtype).bytes);
  return { leaves: reach.leaves, nodes: pathNodes(reach, depth) + depthOf(counts[load.source]) };
}

function isByte(load: Load): boolean {
  return load.kind !== "index" && (load.dtype === "u8" || load.dtype === "i8");
}

/** Whether every axis that moves with `dim` is in range, and every address in the operand, at all indices. */
function wholeAlong(load: Load, dim: number, sizes: readonly number[]): boolean {
  if (load.kind !== "tensor") return true;
  let top = 0;
  for (const { at, size, stride } of load.axes) {
    top += (size - 1) * stride;
    if ("gather" in at || coefficient(at, dim) === 0) continue;
    const ends = at.terms.map((term) => term.coef * ((sizes[term.dim] ?? 1) - 1));
    const low = ends.reduce((sum, end) => sum + Math.min(end, 0), at.c0);
    const high = ends.reduce((sum, end) => sum + Math.max(end, 0), at.c0);
    if (low < 0 || Math.floor(high / at.div) >= size) return false;
  }
  return top < load.elements;
}

/** How many elements the address of a load advances with `dim`; undefined if not evenly. */
function strideAlong(load: Load, dim: number): number | undefined {
  if (load.kind === "literal") return 0;
  if (load.kind === "index") return undefined;
  let sum = 0;
  for (const { at, stride } of load.axes) {
    if ("gather" in at) {
      if (at.gather.axes.some((inner) => !("gather" in inner.at) && coefficient(inner.at, dim) !== 0))
        return undefined;
    } else {
      const coef = coefficient(at, dim);
      if (coef !== 0 && at.div !== 1) return undefined;
      sum += coef * stride;
    }
  }
  return sum;
}

/** Terms that the referee takes at once, whatever the element: 1 if it goes term by term. */
function runLength(instruction: Instruction): number {
  const { body, fold, loads, outDims, redDims } = instruction;
  if (fold !== "sum" || (body !== "copy" && body !== "mul")) return 1;
  if (!loads.every(isByte) && !loads.every((load) => load.kind !== "index" && load.dtype === "f32")) return 1;
  const sizes = [...outDims, ...redDims];
  const units = loads.map(() => 0);
  let length = 1;
  for (let dim = sizes.length - 1; dim >= outDims.length; dim--) {
    const size = sizes[dim] ?? 1;
    if (size === 1) continue;
    for (const [k, load] of loads.entries()) {
      const stride = strideAlong(load, dim);
      // What lies outside a view with a fill is added term by term.
      const filled = load.kind === "tensor" && load.fill !== undefined;
      if (filled || stride === undefined || !wholeAlong(load, dim, sizes)) return length;
      if (length === 1 && (stride === 0 || stride === 1)) units[k] = stride;
      else if (length === 1 || stride !== (units[k] ?? 0) * length) return length;
    }
    length *= size;
  }
  return length;
}

function affineGas({ terms, div }: Affine): number {
  return REFEREE.axis + terms.length * REFEREE.affineTerm + (div === 1 ? 0 : REFEREE.division);
}

function loadGas(load: Load): number {
  if (load.kind === "literal") return REFEREE.load;
  if (load.kind === "index") return REFEREE.load + affineGas(load.at);
  let gas: number = REFEREE.load + (load.dtype === "acc" ? REFEREE.acc : 0);
  for (const { at } of load.axes) gas += "gather" in at ? REFEREE.gather + loadGas(at.gather) : affineGas(at);
  return gas;
}

/** Gas of one term outside runs. */
function termGas({ body, fold, loads }: Instruction): number {
  let gas = loads.reduce<number>((sum, load) => sum + loadGas(load), REFEREE.term);
  if (fold === "osum" || fold === "oprod") gas += REFEREE.ordered;
  if (body === "pow") gas += REFEREE.power;
  else if (body === "qmul" || body === "qdiv") gas += REFEREE.quantised;
  else if (body === "sqrt") gas += REFEREE.sqrt;
  else if (isTranscendental(body)) gas += REFEREE.elementary;
  return gas;
}

function evaluationGas(instruction: Instruction): number {
  const terms = product(instruction.redDims);
  const run = runLength(instruction);
  if (run === 1) return terms * termGas(instruction);
  const each = instruction.loads.every(isByte) ? REFEREE.byteTerm : REFEREE.f32Term;
  return (terms / run) * (termGas(instruction) + REFEREE.run) + terms * each;
}

/**
 * Upper bounds, over all elements of an instruction, on the transaction that judges one. Leaves are bounded from the views
 * (reach.ts), gas by a model of the referee and the calldata floor of EIP-7623.
 * @param instruction Position of a well-formed instruction.
 */
export function estimateStep(program: Program, instruction: number): StepEstimate {
  const made = program.instructions[instruction];
  if (made === undefined) throw new RangeError(`there is no instruction ${instruction}`);
  const encoding = encodeInstruction(made);
  const operands = tensorLoads(made).map((load) => operandCost(program, made, load));
  const leaves = operands.reduce((sum, operand) => sum + operand.leaves, 0);
  const outputDepth = tensorDepth(outElements(made) * dtype(made.dtype).bytes);
  const nodes =
    operands.reduce((sum, operand) => sum + operand.nodes, 0) +
    outputDepth +
    2 * depthOf(program.instructions.length);
  const header = HEADER_BYTES + INPUT_BYTES * program.inputs.length + OUTPUT_BYTES * program.outputs.length;
  const data =
    padded(header) +
    padded(encoding.length) +
    (leaves + 1) * LEAF_BYTES +
    operands.reduce((sum, operand) => sum + padded(operand.leaves * INDEX_BYTES), padded(INDEX_BYTES)) +
    nodes * HASH_BYTES;
  const words = CALL_WORDS + OPERAND_WORDS * operands.length;
  const full = data + words * NONZERO_OF_WORD + CLAIM_WORDS * NONZERO_OF_CLAIM_WORD;
  const zero = words * (WORD - NONZERO_OF_WORD) + CLAIM_WORDS * (WORD - NONZERO_OF_CLAIM_WORD);
  const execution =
    REFEREE.base +
    REFEREE.game +
    encoding.length * REFEREE.encodingByte +
    operands.length * REFEREE.operand +
    (leaves + 1) * REFEREE.leaf +
    nodes * REFEREE.pathNode +
    evaluationGas(made);
  const standard = full * TRANSACTION.byte + zero * TRANSACTION.zeroByte + execution;
  const floor = full * TRANSACTION.floorByte + zero * TRANSACTION.floorZeroByte;
  return {
    calldataBytes: data + (CLAIM_WORDS + words) * WORD,
    gas: Math.ceil(TRANSACTION.base + Math.max(standard, floor)),
    leaves,
    terms: product(made.redDims),
  };
}

export function isJudgeable({ gas, calldataBytes }: StepEstimate): boolean {
  return gas <= JUDGE_LIMITS.gas && calldataBytes <= JUDGE_LIMITS.calldataBytes;
}

/**
 * Checks that any element of any instruction can be judged in one transaction.
 * @throws UnjudgeableError for the first instruction that is over a limit.
 */
export function assertJudgeable(program: Program): void {
  program.instructions.forEach((_, instruction) => {
    const estimate = estimateStep(program, instruction);
    if (!isJudgeable(estimate)) throw new UnjudgeableError(instruction, estimate);
  });
}
