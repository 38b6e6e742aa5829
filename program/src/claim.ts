/**
 * Claimed traces, and where one first differs from the right one.
 */
import { dtype, type DTypeName } from "./dtype.ts";
import type { Program } from "./instruction.ts";
import {
  hashTree,
  LEAF_BYTES,
  tensorLeaf,
  tensorRoot,
  tensorTree,
  treeNode,
  treeRoot,
  type Tree,
} from "./merkle.ts";

/** Hash at `level` (0 = leaves) and `index` of a tree, its padding included. */
export type TreeNodes = (level: number, index: number) => Uint8Array;

/** What somebody claims the tensors of a program's instructions to be; possibly known in parts only. */
export interface ClaimedTrace {
  /** The trace tree: leaf k is the tensor root of instruction k. */
  readonly node: TreeNodes;
  /** The tensor tree of an instruction. */
  readonly tensorNode: (instruction: number, level: number, index: number) => Uint8Array;
  /** The 256 bytes of a leaf of the tensor of an instruction. */
  readonly leaf: (instruction: number, index: number) => Uint8Array;
}

/** A blob's tensors; they share its memory. @throws RangeError if the length is wrong. */
export function splitBlob(
  tensors: readonly { readonly dtype: DTypeName; readonly elements: number }[],
  blob: Uint8Array,
): Uint8Array[] {
  let at = 0;
  const parts = tensors.map(({ dtype: name, elements }) => {
    const start = at;
    at += elements * dtype(name).bytes;
    return blob.subarray(start, at);
  });
  if (at !== blob.length) throw new RangeError(`the blob has ${blob.length} bytes, its tensors ${at}`);
  return parts;
}

/** Tree whose leaf k is the tensor root of input k. */
export function inputsTree(inputs: readonly Uint8Array[]): Tree {
  return hashTree(inputs.map(tensorRoot));
}

/** Inputs root of an input blob. @throws RangeError if the length is wrong. */
export function inputsRoot(program: Pick<Program, "inputs">, blob: Uint8Array): Uint8Array {
  return treeRoot(inputsTree(splitBlob(program.inputs, blob)));
}

export function nodesOf(tree: Tree): TreeNodes {
  return (level, index) => treeNode(tree, level, index);
}

/** A claim of which all tensors are at hand. */
export function wholeClaim(tensors: readonly Uint8Array[]): ClaimedTrace {
  const trees = tensors.map(tensorTree);
  const at = <T>(items: readonly T[], instruction: number): T => {
    const item = items[instruction];
    if (item === undefined) throw new RangeError(`there is no instruction ${instruction}`);
    return item;
  };
  return {
    node: nodesOf(hashTree(trees.map(treeRoot))),
    tensorNode: (instruction, level, index) => treeNode(at(trees, instruction), level, index),
    leaf: (instruction, index) => tensorLeaf(at(tensors, instruction), index),
  };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * First leaf, padding included, at which two trees of `depth` levels differ; undefined if their roots are equal. Asks only for
 * nodes on the way down to it.
 */
export function firstDifferingLeaf(depth: number, honest: TreeNodes, claimed: TreeNodes): number | undefined {
  if (same(honest(depth, 0), claimed(depth, 0))) return undefined;
  let index = 0;
  for (let level = depth - 1; level >= 0; level--) {
    index *= 2;
    if (same(honest(level, index), claimed(level, index))) index++;
  }
  return index;
}

/** First element of a tensor, counted to the end of the padded tree, at which two versions of leaf `leaf` differ. */
export function firstDifferingElement(
  name: DTypeName,
  leaf: number,
  honest: Uint8Array,
  claimed: Uint8Array,
): number | undefined {
  const byte = honest.findIndex((value, i) => value !== claimed[i]);
  return byte < 0 ? undefined : Math.floor((leaf * LEAF_BYTES + byte) / dtype(name).bytes);
}

/** The first position of a trace that is not as it should be. */
export interface Divergence {
  /** May lie past the last instruction; then `element` is 0. */
  readonly instruction: number;
  /** In units of the output dtype, counted to the end of the padded tree. */
  readonly element: number;
}

/**
 * @param honest The right trace; its tensor is asked for one instruction only.
 * @returns undefined if the claimed trace has the right root.
 * @throws RangeError if the claim's parts do not fit together.
 */
export function firstDivergence(
  program: Program,
  honest: { readonly trace: Tree; readonly tensor: (instruction: number) => Uint8Array },
  claimed: ClaimedTrace,
): Divergence | undefined {
  const instruction = firstDifferingLeaf(honest.trace.depth, nodesOf(honest.trace), claimed.node);
  if (instruction === undefined) return undefined;
  const made = program.instructions[instruction];
  if (made === undefined) return { instruction, element: 0 };
  const data = honest.tensor(instruction);
  const tree = tensorTree(data);
  const leaf = firstDifferingLeaf(tree.depth, nodesOf(tree), (level, index) =>
    claimed.tensorNode(instruction, level, index),
  );
  if (leaf === undefined)
    throw new RangeError(`the claimed tree of instruction ${instruction} is not under its root`);
  const right = tensorLeaf(data, leaf);
  const element = firstDifferingElement(made.dtype, leaf, right, claimed.leaf(instruction, leaf));
  if (element === undefined)
    throw new RangeError(`leaf ${leaf} of instruction ${instruction} is not as its hash`);
  return { instruction, element };
}
