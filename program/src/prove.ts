/**
 * Proofs for the referee, in the shape of contracts/interfaces/IReferee.sol.
 */
import { dtype } from "./dtype.ts";
import type { ProgramCommitment } from "./commit.ts";
import {
  outElements,
  type Instruction,
  type Program,
  type TensorLoad,
  type TensorSource,
} from "./instruction.ts";
import {
  depthOf,
  LEAF_BYTES,
  multiPath,
  tensorDepth,
  tensorLeaf,
  treePath,
  treeRoot,
  type Tree,
} from "./merkle.ts";
import { evaluateWith } from "./naive/interpret.ts";
import { elementBits } from "./naive/value.ts";
import type { ClaimedTrace, TreeNodes } from "./claim.ts";
import { tensorLoads } from "./validate.ts";

/** Leaves of one tensor tree: whole leaves, their indices as packed uint32, siblings as packed bytes32. */
export interface LeavesProof {
  readonly data: Uint8Array;
  readonly indices: Uint8Array;
  readonly path: Uint8Array;
}

export interface OperandProof {
  readonly path: Uint8Array;
  readonly leaves: LeavesProof;
}

export interface StepProof {
  readonly header: Uint8Array;
  readonly instruction: Uint8Array;
  readonly instructionPath: Uint8Array;
  readonly outputPath: Uint8Array;
  readonly output: LeavesProof;
  readonly operands: readonly OperandProof[];
}

export interface OutputProof {
  readonly header: Uint8Array;
  readonly outputPath: Uint8Array;
  readonly output: LeavesProof;
}

/** Tensors as they should be, and the claim on trial. */
export interface TraceAccess {
  /** Bytes of an input, a constant or an instruction's output; only the operands of the instruction on trial are asked for. */
  readonly tensor: (source: TensorSource, id: number) => Uint8Array;
  readonly tensorTree: (source: TensorSource, id: number) => Tree;
  /** Leaf k is the tensor root of input k. */
  readonly inputs: Tree;
  /** Its tensors of operands must be right: the instruction on trial is the first wrong one. */
  readonly claimed: ClaimedTrace;
}

export interface StepRequest {
  readonly commitment: ProgramCommitment;
  readonly program: Program;
  readonly trace: TraceAccess;
  /** Counted to the end of the padded trace tree. */
  readonly instruction: number;
  /** In elements of the output dtype, counted to the end of the padded tensor tree. */
  readonly element: number;
}

const EMPTY = new Uint8Array();
const CLOSED: LeavesProof = { data: EMPTY, indices: EMPTY, path: EMPTY };

function pack(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function packIndices(indices: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * indices.length);
  const view = new DataView(bytes.buffer);
  indices.forEach((index, i) => view.setUint32(4 * i, index));
  return bytes;
}

/** Siblings of leaf `index` from the leaf level upwards. */
function pathOf(node: TreeNodes, depth: number, index: number): Uint8Array {
  const path: Uint8Array[] = [];
  for (let level = 0; level < depth; level++) path.push(node(level, Math.floor(index / 2 ** level) ^ 1));
  return pack(path);
}

/** The claimed leaf of an instruction's tensor that holds an element. */
function claimedLeaf(
  claimed: ClaimedTrace,
  made: Instruction,
  instruction: number,
  element: number,
): LeavesProof {
  const { bytes } = dtype(made.dtype);
  const depth = tensorDepth(outElements(made) * bytes);
  const index = Math.floor((element * bytes) / LEAF_BYTES);
  if (index >= 2 ** depth) throw new RangeError(`instruction ${instruction} has no element ${element}`);
  const node: TreeNodes = (level, i) => claimed.tensorNode(instruction, level, i);
  return {
    data: claimed.leaf(instruction, index),
    indices: packIndices([index]),
    path: pathOf(node, depth, index),
  };
}

/**
 * Leaves of each operand that an element reads, in ascending order.
 * @param tensor Bytes of an operand.
 * @returns One entry per tensor load, in the order of tensorLoads.
 */
export function leavesRead(
  instruction: Instruction,
  element: number,
  tensor: (load: TensorLoad) => Uint8Array,
): number[][] {
  const read = new Map<TensorLoad, Set<number>>();
  for (const load of tensorLoads(instruction)) read.set(load, new Set());
  evaluateWith(instruction, element, (load, index) => {
    read.get(load)?.add(Math.floor((index * dtype(load.dtype).bytes) / LEAF_BYTES));
    return elementBits(load.dtype, tensor(load), index);
  });
  return tensorLoads(instruction).map((load) => [...(read.get(load) ?? [])].sort((a, b) => a - b));
}

function openLeaves(data: Uint8Array, tree: Tree, indices: readonly number[]): LeavesProof {
  return {
    data: pack(indices.map((index) => tensorLeaf(data, index))),
    indices: packIndices(indices),
    path: pack(multiPath(tree, indices)),
  };
}

function operandPath({ commitment, program, trace }: StepRequest, load: TensorLoad): Uint8Array {
  switch (load.source) {
    case "input":
      return pack(treePath(trace.inputs, load.id));
    case "constant":
      return pack(treePath(commitment.constants, load.id));
    case "instruction":
      return pathOf(trace.claimed.node, depthOf(program.instructions.length), load.id);
  }
}

function openOperand(request: StepRequest, load: TensorLoad, indices: readonly number[]): OperandProof {
  // An operand that the element does not read stays closed.
  if (indices.length === 0) return { path: EMPTY, leaves: CLOSED };
  const { source, id } = load;
  const { tensor, tensorTree, claimed } = request.trace;
  const tree = tensorTree(source, id);
  if (source === "instruction" && Buffer.compare(treeRoot(tree), claimed.node(0, id)) !== 0)
    throw new RangeError(`the claim is wrong at instruction ${id} already`);
  return { path: operandPath(request, load), leaves: openLeaves(tensor(source, id), tree, indices) };
}

/**
 * Everything the referee needs to recompute one element of a trace, and no leaf that it does not read.
 * @throws RangeError if there is no such position, or if the claimed tensor of an operand that is read is wrong itself.
 */
export function proveStep(request: StepRequest): StepProof {
  const { commitment, program, trace, instruction, element } = request;
  const { header } = commitment;
  const depth = depthOf(Math.max(1, program.instructions.length));
  if (instruction >= 2 ** depth) throw new RangeError(`the trace tree has no leaf ${instruction}`);
  const outputPath = pathOf(trace.claimed.node, depth, instruction);
  const made = program.instructions[instruction];
  const encoding = commitment.encodings[instruction];
  if (made === undefined || encoding === undefined) {
    const output = { ...CLOSED, data: trace.claimed.node(0, instruction) };
    return { header, instruction: EMPTY, instructionPath: EMPTY, outputPath, output, operands: [] };
  }
  const loads = tensorLoads(made);
  const read =
    element < outElements(made)
      ? leavesRead(made, element, ({ source, id }) => trace.tensor(source, id))
      : [];
  return {
    header,
    instruction: encoding,
    instructionPath: pack(treePath(commitment.instructions, instruction)),
    outputPath,
    output: claimedLeaf(trace.claimed, made, instruction, element),
    operands: loads.map((load, i) => openOperand(request, load, read[i] ?? [])),
  };
}

/**
 * Opens one element of a program output in the claimed trace.
 * @param output Index among the program's outputs.
 * @throws RangeError if there is no such position.
 */
export function proveOutput(
  { commitment, program, claimed }: Pick<StepRequest, "commitment" | "program"> & { claimed: ClaimedTrace },
  output: number,
  element: number,
): OutputProof {
  const instruction = program.outputs[output]?.instruction ?? -1;
  const made = program.instructions[instruction];
  if (made === undefined) throw new RangeError(`there is no output ${output}`);
  return {
    header: commitment.header,
    outputPath: pathOf(claimed.node, depthOf(program.instructions.length), instruction),
    output: claimedLeaf(claimed, made, instruction, element),
  };
}
