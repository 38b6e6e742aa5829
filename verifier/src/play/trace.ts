/** Traces as a trial needs them: they stay where they were computed, and answer questions. */
import type { ClaimedTrace } from "../../../program/src/claim.ts";
import type { Node } from "../../../sdk/src/structs.ts";
import { claimOfTrace, findEvidence, type Evidence, type HonestRun } from "./evidence.ts";
import type { Facts } from "./facts.ts";
import type { OperatorPlan } from "./planner.ts";
import { childrenOf } from "./tree.ts";
import type { Move } from "./trial.ts";

/** What is committed of a trace. */
export interface TraceTop {
  /** Levels of the trace tree. */
  readonly depth: number;
  readonly root: Uint8Array;
  /** The nodes below the root that are revealed with it, packed. */
  readonly top: Uint8Array;
}

/** The trace that an operator stands by: its own run's, unless it lies. */
export interface DefendedTrace extends TraceTop {
  /** What is below a node, packed, or the bytes of a leaf: what a `reveal` of it says. */
  reveal(node: Node): Promise<Uint8Array>;
  /** It is not needed any more. */
  close(): void;
}

/** The trace of our own run of a release. */
export interface TraceHandle extends DefendedTrace {
  /** What of a claim differs from it. @throws {AssayError} DISPUTE_INCONSISTENT if the chain's facts contradict each other. */
  evidence(facts: Facts): Promise<Evidence>;
}

export function topOf(depth: number, { node }: ClaimedTrace): TraceTop {
  return { depth, root: node(depth, 0), top: childrenOf("trace", node, depth, 0) };
}

export function revealOf(claimed: ClaimedTrace, { tensor, height, instruction, index }: Node): Uint8Array {
  if (!tensor) return childrenOf("trace", claimed.node, height, index);
  if (height === 0) return claimed.leaf(instruction, index);
  const node = (level: number, i: number): Uint8Array => claimed.tensorNode(instruction, level, i);
  return childrenOf("tensor", node, height, index);
}

/** A claim in this process's memory, to be defended. */
export function defend(depth: number, claimed: ClaimedTrace): DefendedTrace {
  return {
    ...topOf(depth, claimed),
    reveal: async (node) => await Promise.resolve(revealOf(claimed, node)),
    close: () => undefined,
  };
}

/** A run in this process's memory. */
export function handleOf(run: HonestRun): TraceHandle {
  const { depth } = run.trace.traceTree();
  return {
    ...defend(depth, claimOfTrace(run.trace)),
    evidence: async (facts) => await Promise.resolve(findEvidence(run, facts)),
  };
}

/** A planned move of an operator, with the bytes of its trace. */
export async function answerWith(trace: DefendedTrace, move: OperatorPlan["move"]): Promise<Move> {
  switch (move.kind) {
    case "commitTrace":
      return { ...move, root: trace.root, top: trace.top };
    case "reveal":
      return { ...move, children: await trace.reveal(move.node) };
    case "timeout":
      return move;
  }
}
