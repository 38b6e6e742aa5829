/**
 * Traces: the tensors of all instructions of a run, and their commitment (docs/program.md §7).
 */
import { runProgram } from "./fast/run.ts";
import type { Threads } from "./fast/threads.ts";
import type { HashingWorker } from "./hashing.ts";
import type { Program } from "./instruction.ts";
import { hashTree, tensorRoot, tensorTree, treeRoot, type Tree } from "./merkle.ts";

export interface Trace {
  /** Bytes of each instruction's output. */
  readonly tensors: readonly Uint8Array[];
  /** Bytes of each program output. */
  readonly outputs: readonly Uint8Array[];
  /** Tree of instruction `k`'s tensor. @throws RangeError if there is no such instruction. */
  readonly tensorTree: (k: number) => Tree;
  /** Tree over the tensor roots. */
  readonly traceTree: () => Tree;
  readonly root: () => Uint8Array;
}

/** A value computed when it is first asked for. */
function lazy<T>(compute: () => T): () => T {
  let known: { value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}

/**
 * Runs a well-formed program and keeps every tensor.
 * @param inputs One tensor per program input, bytes.
 * @param threads That share the computing; the tensors are then in shared memory.
 */
export function computeTrace(program: Program, inputs: readonly Uint8Array[], threads?: Threads): Trace {
  const { outputs, tensors: byInstruction } = runProgram(program, inputs, { keep: "all", threads });
  const tensors = program.instructions.map((_, k) => {
    const data = byInstruction.get(k);
    if (data === undefined) throw new RangeError(`instruction ${k} has no tensor`);
    return data;
  });
  const trees = tensors.map((data) => lazy(() => tensorTree(data)));
  const tree = (k: number): Tree => {
    const found = trees[k];
    if (found === undefined) throw new RangeError(`there is no instruction ${k}`);
    return found();
  };
  const traceTree = lazy(() => hashTree(tensors.map((_, k) => treeRoot(tree(k)))));
  return { tensors, outputs, tensorTree: tree, traceTree, root: () => treeRoot(traceTree()) };
}

/** A run's outputs and trace root. */
export interface TraceRoot {
  readonly root: Uint8Array;
  readonly outputs: readonly Uint8Array[];
}

/** With no more tensors in memory at a time than the run needs. */
export function traceRoot(program: Program, inputs: readonly Uint8Array[]): TraceRoot {
  const roots: Uint8Array[] = [];
  const onTensor = (k: number, data: Uint8Array): void => {
    roots[k] = tensorRoot(data);
  };
  const { outputs } = runProgram(program, inputs, { onTensor });
  return { root: treeRoot(hashTree(roots)), outputs };
}

/**
 * The same, hashed by a worker thread while this one computes.
 * @param threads That share the computing too.
 */
export async function traceRootInParallel(
  program: Program,
  inputs: readonly Uint8Array[],
  hashing: HashingWorker,
  threads?: Threads,
): Promise<TraceRoot> {
  try {
    const { outputs } = runProgram(program, inputs, {
      memory: (bytes) => hashing.memory(bytes),
      onTensor: (k, data) => {
        hashing.hash(k, data);
      },
      threads,
    });
    return { root: treeRoot(hashTree(await hashing.roots())), outputs };
  } catch (error) {
    // What was hashed is no part of the next trace.
    await hashing.roots();
    throw error;
  }
}
