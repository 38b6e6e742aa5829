/** Parts of a claimed trace that are shown off chain: checked by their hashes, they are worth what a reveal on chain is. Pure. */
import { HASH_BYTES, LEAF_BYTES, sha256 } from "../../../program/src/merkle.ts";
import { fromHex, toHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { revealKey, type ResultRecord } from "../chain/state.ts";
import { childrenOfNode, type DefendedTrace } from "./planner.ts";
import { levelsBelow, sameBytes, subtreeRoot } from "./tree.ts";

/** Bytes of the largest reveal: 64 nodes. */
export const MAX_REVEAL_BYTES = 64 * HASH_BYTES;

/** Packed children by {@link revealKey} of the node above them. */
export type Known = ReadonlyMap<string, Hex>;

/** Whether the children hash to the node, as the contract's `reveal` would find. */
export function isRevealOf({ hash, tensor, height }: Node, children: Uint8Array): boolean {
  const node = fromHex(hash);
  if (tensor && height === 0) return children.length === LEAF_BYTES && sameBytes(sha256(children), node);
  const { length } = children;
  const most = HASH_BYTES * 2 ** levelsBelow(height);
  if (height === 0 || length === 0 || length > most || length % HASH_BYTES !== 0) return false;
  return sameBytes(subtreeRoot(tensor ? "tensor" : "trace", height, children), node);
}

/** What a reveal of the node would show; undefined if the trace has no such node. @param node From anybody. */
export function revealOf(trace: DefendedTrace, node: Node): Uint8Array | undefined {
  const { hash, tensor, height, instruction, index } = node;
  let own: Uint8Array;
  try {
    own = tensor ? trace.claimed.tensorNode(instruction, height, index) : trace.claimed.node(height, index);
  } catch {
    return undefined;
  }
  const isLeafOfTrace = !tensor && height === 0;
  return isLeafOfTrace || !sameBytes(own, fromHex(hash)) ? undefined : childrenOfNode(trace, node);
}

/**
 * A result as if what is known besides had been revealed on chain: for the search of evidence only, since clocks count what the chain
 * has seen.
 */
export function withKnown(result: ResultRecord, known: Known): ResultRecord {
  const reveals = new Map(result.reveals);
  for (const [key, children] of known) {
    const [node = "", tree = "", height = ""] = key.split(":");
    const shown = { node: `0x${node.slice(2)}`, tensor: tree === "tensor", height: Number(height) } as const;
    if (!reveals.has(key)) reveals.set(key, { ...shown, children, at: 0 });
  }
  return { ...result, reveals };
}

/** More than the levels of the deepest trace and tensor, at six a round. */
const MAX_ROUNDS = 16;

type Finding =
  { readonly kind: "hidden"; readonly node: Node } | { readonly kind: "proof" } | { readonly kind: "none" };

/**
 * Follows the first difference down a claimed trace, asking for the nodes that hide it.
 * @param search What can be shown with what is known, as `findEvidence` says.
 * @param ask What somebody says is below a node; undefined: nobody says anything. Wrong answers end the search.
 * @returns the last finding, and all that has been learned, for the next time.
 */
export async function gatherReveals<F extends Finding>(
  search: (known: Known) => F | Promise<F>,
  ask: (node: Node) => Promise<Uint8Array | undefined>,
  before: Known = new Map(),
): Promise<{ readonly finding: F; readonly known: Known }> {
  let known = before;
  for (let round = 0; ; round++) {
    const finding = await search(known);
    if (finding.kind !== "hidden" || round === MAX_ROUNDS) return { finding, known };
    const children = await ask(finding.node);
    if (children === undefined || !isRevealOf(finding.node, children)) return { finding, known };
    known = new Map(known).set(revealKey(finding.node), toHex(children));
  }
}
