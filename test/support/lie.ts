/** Traces that are right but for one element. */
import type { ClaimedTrace } from "../../program/src/claim.ts";
import { dtype } from "../../program/src/dtype.ts";
import { hashTree, tensorLeaf, tensorTree, treeNode, treeRoot } from "../../program/src/merkle.ts";
import { flipBit } from "../../program/src/testing/trial.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { claimOfTrace, type HonestRun } from "../../verifier/src/play/evidence.ts";

/**
 * The trace of a run with one bit of an element flipped. It shares all tensors and trees but those of that instruction: the
 * trace of a large network is not copied.
 */
export function lieAt({ program, trace }: HonestRun, k: number, element: number, rng: Rng): ClaimedTrace {
  const { bytes } = dtype(program.instructions[k]?.dtype ?? "u8");
  const data = (trace.tensors[k] ?? new Uint8Array()).slice();
  flipBit(element, bytes, rng.int(0, 8 * bytes - 1))(data);
  const tree = tensorTree(data);
  const top = hashTree(trace.tensors.map((_, i) => treeRoot(i === k ? tree : trace.tensorTree(i))));
  const right = claimOfTrace(trace);
  return {
    node: (level, index) => treeNode(top, level, index),
    tensorNode: (i, level, index) =>
      i === k ? treeNode(tree, level, index) : right.tensorNode(i, level, index),
    leaf: (i, index) => (i === k ? tensorLeaf(data, index) : right.leaf(i, index)),
  };
}
