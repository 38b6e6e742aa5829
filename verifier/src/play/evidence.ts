/** What a challenger can show of a claim, from what has been revealed of its trace. Pure. */
import { dtype } from "../../../program/src/dtype.ts";
import type { ProgramCommitment } from "../../../program/src/commit.ts";
import type { Program, TensorSource } from "../../../program/src/instruction.ts";
import {
  LEAF_BYTES,
  tensorLeaf,
  tensorRoot,
  tensorTree,
  treeNode,
  treePath,
  type Tree,
} from "../../../program/src/merkle.ts";
import {
  firstDifferingElement,
  inputsTree,
  nodesOf,
  type ClaimedTrace,
  type TreeNodes,
} from "../../../program/src/claim.ts";
import { proveOutput, proveStep, type TraceAccess } from "../../../program/src/prove.ts";
import { tensorLoads } from "../../../program/src/validate.ts";
import type { Trace } from "../../../program/src/trace.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { fromHex, toHex, type Node } from "../../../sdk/src/structs.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import type { Facts } from "./facts.ts";
import { knownTree, siblings, type FirstDifference, type KnownTree } from "./tree.ts";
import type { Move, Selection } from "./trial.ts";

/** A run of the release's program on the request's input, computed by ourselves. */
export interface HonestRun {
  readonly program: Program;
  readonly commitment: ProgramCommitment;
  readonly inputs: readonly Uint8Array[];
  readonly trace: Trace;
}

/** Plain data. */
export type Evidence =
  /** The operator loses by this move. */
  | { readonly kind: "proof"; readonly move: Move; readonly readsInputs: boolean }
  /** The first difference lies below a node whose children must be revealed: the selection to make, and the node that it starts from. */
  | { readonly kind: "hidden"; readonly from: Node; readonly selection: Selection }
  /** The claim is right. */
  | { readonly kind: "none" };

const EMPTY = new Uint8Array();
const sameTree = { header: EMPTY, encoding: EMPTY, encodingPath: EMPTY };

function pack(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The part of the published output that is the tensor of `instruction`, if it is an output. */
function publishedTensor(
  program: Program,
  published: Uint8Array,
  instruction: number,
): Uint8Array | undefined {
  let at = 0;
  for (const output of program.outputs) {
    const end = at + output.elements * dtype(output.dtype).bytes;
    if (output.instruction === instruction) return published.subarray(at, end);
    at = end;
  }
  return undefined;
}

/** Packed nodes, or bytes, that were revealed below a node. */
type Revealed = (hash: Uint8Array, height: number) => Uint8Array | undefined;

function revealedIn(of: "trace" | "tensor", { reveals }: Facts): Revealed {
  const key = (hash: string, height: number): string => `${hash.toLowerCase()} ${height}`;
  const known = new Map(
    reveals
      .filter(({ tensor }) => tensor === (of === "tensor"))
      .map(({ node, height, children }) => [key(node, height), children]),
  );
  return (hash, height) => {
    const children = known.get(key(toHex(hash), height));
    return children && fromHex(children);
  };
}

function knownTrace(run: HonestRun, facts: Facts): KnownTree {
  const { commit } = facts;
  const revealed = revealedIn("trace", facts);
  return knownTree({
    kind: "trace",
    depth: commit.traceDepth,
    root: fromHex(commit.traceRoot),
    honest: nodesOf(run.trace.traceTree()),
    revealed: (hash, height) => (height === commit.traceDepth ? fromHex(commit.top) : revealed(hash, height)),
  });
}

/** The claimed tensor of the first wrong instruction. */
interface ClaimedTensor {
  readonly difference: FirstDifference;
  readonly node: TreeNodes;
  readonly leaf: (index: number) => Uint8Array | undefined;
}

function claimedTensor(run: HonestRun, facts: Facts, instruction: number, root: Uint8Array): ClaimedTensor {
  const honest = run.trace.tensorTree(instruction);
  const published = publishedTensor(run.program, fromHex(facts.output), instruction);
  // An operator whose trace ends in what it published has shown that whole tensor already.
  if (published !== undefined && Buffer.compare(tensorRoot(published), root) === 0) {
    const right = run.trace.tensors[instruction] ?? new Uint8Array();
    const index = Math.floor(published.findIndex((byte, i) => byte !== right[i]) / LEAF_BYTES);
    const leaf = (at: number): Uint8Array => tensorLeaf(published, at);
    return { difference: { kind: "leaf", index }, node: nodesOf(tensorTree(published)), leaf };
  }
  const revealed = revealedIn("tensor", facts);
  const known = knownTree({ kind: "tensor", depth: honest.depth, root, honest: nodesOf(honest), revealed });
  return {
    difference: known.firstDifference,
    node: known.node,
    leaf: (at) => revealed(known.node(0, at), 0),
  };
}

const trees = new WeakMap<Uint8Array, Tree>();

/** The tree of an input or a constant, built once. */
function treeOf(data: Uint8Array): Tree {
  const tree = trees.get(data) ?? tensorTree(data);
  trees.set(data, tree);
  return tree;
}

export function access(run: HonestRun, claimed: ClaimedTrace): TraceAccess {
  const { program, inputs, trace } = run;
  const tensor = (source: TensorSource, id: number): Uint8Array => {
    const data = { input: inputs[id], constant: program.constants[id]?.data, instruction: trace.tensors[id] }[
      source
    ];
    if (data === undefined)
      throw new AssayError("DISPUTE_INCONSISTENT", `the program has no ${source} ${id}`);
    return data;
  };
  return {
    tensor,
    tensorTree: (source, id) =>
      source === "instruction" ? trace.tensorTree(id) : treeOf(tensor(source, id)),
    inputs: inputsTree(inputs),
    claimed,
  };
}

/** A proof at the first wrong instruction, or what must be revealed of its tensor first. */
function inTensor(run: HonestRun, facts: Facts, known: KnownTree, instruction: number): Evidence {
  const { program, commitment, trace } = run;
  const made = program.instructions[instruction];
  const root = known.node(0, instruction);
  if (made === undefined)
    return stepProof(run, instruction, 0, { node: known.node, tensorNode: known.node, leaf: () => root });
  const claimed = claimedTensor(run, facts, instruction, root);
  const { difference } = claimed;
  if (difference.kind === "none")
    throw new AssayError("DISPUTE_INCONSISTENT", `instruction ${instruction} is wrong, its tensor is not`);
  const bytes = difference.kind === "leaf" ? claimed.leaf(difference.index) : undefined;
  if (bytes !== undefined) {
    const right = tensorLeaf(trace.tensors[instruction] ?? new Uint8Array(), difference.index);
    const element = firstDifferingElement(made.dtype, difference.index, right, bytes);
    if (element === undefined)
      throw new AssayError("DISPUTE_INCONSISTENT", `leaf ${difference.index} is not as its hash`);
    const tensorNode = (_: number, level: number, index: number): Uint8Array => claimed.node(level, index);
    return stepProof(run, instruction, element, { node: known.node, tensorNode, leaf: () => bytes });
  }
  const height = difference.kind === "leaf" ? 0 : difference.height;
  const { index } = difference;
  const node: Node = { hash: toHex(claimed.node(height, index)), tensor: true, height, instruction, index };
  const { depth } = trace.tensorTree(instruction);
  const { from } = facts;
  const path = siblings(claimed.node, height, index, from.tensor ? from.height : depth);
  if (from.tensor) return { kind: "hidden", from, selection: { ...sameTree, node, path } };
  const selection = {
    node,
    path: pack([path, siblings(known.node, 0, instruction, from.height)]),
    header: commitment.header,
    encoding: commitment.encodings[instruction] ?? EMPTY,
    encodingPath: pack(treePath(commitment.instructions, instruction)),
  };
  return { kind: "hidden", from, selection };
}

function stepProof(run: HonestRun, instruction: number, element: number, claimed: ClaimedTrace): Evidence {
  const { program, commitment } = run;
  const proof = proveStep({ commitment, program, trace: access(run, claimed), instruction, element });
  const made = program.instructions[instruction];
  const readsInputs = made !== undefined && tensorLoads(made).some((load) => load.source === "input");
  return { kind: "proof", move: { kind: "prove", instruction, element, proof }, readsInputs };
}

/** A trace that we know all of, as the claim of its owner. */
export function claimOfTrace(trace: Trace): ClaimedTrace {
  return {
    node: nodesOf(trace.traceTree()),
    tensorNode: (instruction, level, index) => treeNode(trace.tensorTree(instruction), level, index),
    leaf: (instruction, index) => tensorLeaf(trace.tensors[instruction] ?? EMPTY, index),
  };
}

function outputProof(run: HonestRun, { output, tolerance }: Facts): Evidence {
  const exact = pack(run.trace.outputs);
  const wrong = firstWrongOutput(run.program, exact, fromHex(output), tolerance);
  if (wrong === undefined) return { kind: "none" };
  const { program, commitment, trace } = run;
  const proof = proveOutput(
    { program, commitment, claimed: claimOfTrace(trace) },
    wrong.output,
    wrong.element,
  );
  return { kind: "proof", move: { kind: "proveOutput", ...wrong, proof }, readsInputs: false };
}

/** @throws {AssayError} DISPUTE_INCONSISTENT if the chain's facts contradict each other. */
export function findEvidence(run: HonestRun, facts: Facts): Evidence {
  const known = knownTrace(run, facts);
  const { firstDifference } = known;
  switch (firstDifference.kind) {
    case "none":
      return outputProof(run, facts);
    case "leaf":
      return inTensor(run, facts, known, firstDifference.index);
    case "hidden": {
      const { height, index } = firstDifference;
      const hash = toHex(known.node(height, index));
      const node: Node = { hash, tensor: false, height, instruction: 0, index };
      const { from } = facts;
      const path = siblings(known.node, height, index, from.height);
      return { kind: "hidden", from, selection: { ...sameTree, node, path } };
    }
  }
}
