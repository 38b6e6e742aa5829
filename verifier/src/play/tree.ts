/** The trees of a trial: padding, what a move reveals of them, and what a challenger knows of a claimed one. */
import { HASH_BYTES, LEAF_BYTES, sha256 } from "../../../program/src/merkle.ts";
import type { TreeNodes } from "../../../program/src/claim.ts";
import { AssayError } from "../../../sdk/src/error.ts";

/** A move goes down this many levels at most (contracts/dispute/Trees.sol). */
const MOVE_LEVELS = 6;

export type TreeKind = "trace" | "tensor";

export function levelsBelow(height: number): number {
  return Math.min(MOVE_LEVELS, height);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Value of a node with nothing but padding below it. */
export function padding(kind: TreeKind, height: number): Uint8Array {
  let pad = kind === "trace" ? new Uint8Array(HASH_BYTES) : sha256(new Uint8Array(LEAF_BYTES));
  for (let i = 0; i < height; i++) pad = sha256(pad, pad);
  return pad;
}

/** The nodes that a move reveals below one at `height`, packed, without trailing padding but one node at least. */
export function childrenOf(kind: TreeKind, node: TreeNodes, height: number, index: number): Uint8Array {
  const levels = levelsBelow(height);
  const pad = padding(kind, height - levels);
  const first = index * 2 ** levels;
  const nodes = Array.from({ length: 2 ** levels }, (_, i) => node(height - levels, first + i));
  const last = nodes.findLastIndex((hash) => !sameBytes(hash, pad));
  return new Uint8Array(Buffer.concat(nodes.slice(0, Math.max(1, last + 1))));
}

/** Root of the subtree below a node at `height`, from packed nodes as {@link childrenOf} gives them; missing ones are padding. */
export function subtreeRoot(kind: TreeKind, height: number, children: Uint8Array): Uint8Array {
  const levels = levelsBelow(height);
  let pad = padding(kind, height - levels);
  let nodes = Array.from({ length: children.length / HASH_BYTES }, (_, i) =>
    children.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
  for (let i = 0; i < levels; i++) {
    const below = nodes;
    const missing = pad;
    nodes = below
      .filter((_, at) => at % 2 === 0)
      .map((left, at) => sha256(left, below[2 * at + 1] ?? missing));
    pad = sha256(pad, pad);
  }
  return nodes[0] ?? pad;
}

export type FirstDifference =
  | { readonly kind: "none" }
  /** The leaf's hash is known and wrong; all leaves to its left are right. */
  | { readonly kind: "leaf"; readonly index: number }
  /** This node is wrong and leads to the first wrong leaf, but what is below it is not revealed. */
  | { readonly kind: "hidden"; readonly height: number; readonly index: number };

export interface KnownTree {
  /** @throws {AssayError} DISPUTE_INCONSISTENT for a node that is neither revealed nor below a node that is right. */
  readonly node: TreeNodes;
  readonly firstDifference: FirstDifference;
}

export interface KnownTreeOptions {
  readonly kind: TreeKind;
  readonly depth: number;
  readonly root: Uint8Array;
  readonly honest: TreeNodes;
  /** Packed nodes revealed below the node of this hash and height, as {@link childrenOf} gives them. */
  readonly revealed: (hash: Uint8Array, height: number) => Uint8Array | undefined;
}

/** Nodes known level by level: by revelation, hashed upwards within each revealed subtree. */
export function knownTree({ kind, depth, root, honest, revealed }: KnownTreeOptions): KnownTree {
  const known = new Map<string, Uint8Array>();
  const key = (height: number, index: number): string => `${height}:${index}`;

  function addSubtree(height: number, index: number, children: Uint8Array): void {
    const levels = levelsBelow(height);
    const pad = padding(kind, height - levels);
    const nodes = Array.from({ length: 2 ** levels }, (_, i) =>
      (i + 1) * HASH_BYTES <= children.length ? children.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES) : pad,
    );
    let level = nodes;
    for (let up = height - levels; up < height; up++) {
      const first = index * 2 ** (height - up);
      level.forEach((hash, i) => known.set(key(up, first + i), hash));
      level = level.filter((_, i) => i % 2 === 0).map((left, i) => sha256(left, level[2 * i + 1] ?? pad));
    }
  }

  function isWrong(height: number, index: number): boolean {
    const hash = known.get(key(height, index));
    return hash !== undefined && !sameBytes(hash, honest(height, index));
  }

  /** Goes down from a wrong node whose left neighbours are right. */
  function descend(height: number, index: number): FirstDifference {
    if (height === 0) return { kind: "leaf", index };
    const children = revealed(known.get(key(height, index)) ?? new Uint8Array(), height);
    if (children === undefined) return { kind: "hidden", height, index };
    addSubtree(height, index, children);
    const below = height - levelsBelow(height);
    const first = index * 2 ** (height - below);
    const wrong = Array.from({ length: 2 ** (height - below) }, (_, i) => first + i).find((i) =>
      isWrong(below, i),
    );
    if (wrong === undefined)
      throw new AssayError(
        "DISPUTE_INCONSISTENT",
        `the children of a wrong node at height ${height} are all right`,
      );
    return descend(below, wrong);
  }

  known.set(key(depth, 0), root);
  const firstDifference: FirstDifference = isWrong(depth, 0) ? descend(depth, 0) : { kind: "none" };

  return {
    firstDifference,
    node(height, index) {
      const hash = known.get(key(height, index));
      if (hash !== undefined) return hash;
      // Below a node that is right, all is right.
      for (let up = height + 1; up <= depth; up++) {
        const ancestor = Math.floor(index / 2 ** (up - height));
        if (!known.has(key(up, ancestor))) continue;
        if (!isWrong(up, ancestor)) return honest(height, index);
        break;
      }
      throw new AssayError("DISPUTE_INCONSISTENT", `node ${index} at height ${height} has not been revealed`);
    },
  };
}

/** Siblings from the node at (`height`, `index`) up to `top`, packed. */
export function siblings(node: TreeNodes, height: number, index: number, top: number): Uint8Array {
  const path: Uint8Array[] = [];
  for (let level = height; level < top; level++)
    path.push(node(level, Math.floor(index / 2 ** (level - height)) ^ 1));
  return new Uint8Array(Buffer.concat(path));
}
