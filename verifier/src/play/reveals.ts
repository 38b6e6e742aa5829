/** Parts of a claimed trace that are shown off chain: checked by their hashes, they are worth what a reveal on chain is. Pure. */
import { HASH_BYTES, LEAF_BYTES, sha256 } from "../../../program/src/merkle.ts";
import { fromHex, toHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { revealKey, type Reveal } from "../chain/state.ts";
import type { Evidence } from "./evidence.ts";
import type { Facts } from "./facts.ts";
import type { DefendedTrace } from "./trace.ts";
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
export async function revealOf(trace: DefendedTrace, node: Node): Promise<Uint8Array | undefined> {
  if (!node.tensor && node.height === 0) return undefined;
  const children = await trace.reveal(node).catch(() => undefined);
  return children !== undefined && isRevealOf(node, children) ? children : undefined;
}

/** The facts with what is known besides, as if it had been revealed on chain. */
export function withKnown(facts: Facts, known: Known): Facts {
  const revealed = new Set(
    facts.reveals.map(({ node, tensor, height }) => revealKey({ hash: node, tensor, height })),
  );
  const more = [...known].filter(([key]) => !revealed.has(key));
  const shown = more.map(([key, children]): Reveal => {
    const [node = "", tree = "", height = ""] = key.split(":");
    return { node: `0x${node.slice(2)}`, tensor: tree === "tensor", height: Number(height), children, at: 0 };
  });
  return { ...facts, reveals: [...facts.reveals, ...shown] };
}

/** More than the levels of the deepest trace and tensor, at six a round. */
const MAX_ROUNDS = 16;

/**
 * Follows the first difference down a claimed trace, asking for the nodes that hide it.
 * @param search What can be shown with what is known, as `findEvidence` says.
 * @param ask What somebody says is below a node; undefined: nobody says anything. Wrong answers end the search.
 * @returns the last finding, and all that has been learned, for the next time.
 */
export async function gatherReveals(
  search: (known: Known) => Evidence | Promise<Evidence>,
  ask: (node: Node) => Promise<Uint8Array | undefined>,
  before: Known = new Map(),
): Promise<{ readonly finding: Evidence; readonly known: Known }> {
  let known = before;
  for (let round = 0; ; round++) {
    const finding = await search(known);
    if (finding.kind !== "hidden" || round === MAX_ROUNDS) return { finding, known };
    const { node } = finding.selection;
    const children = await ask(node);
    if (children === undefined || !isRevealOf(node, children)) return { finding, known };
    known = new Map(known).set(revealKey(node), toHex(children));
  }
}
