/**
 * SHA-256 trees over fixed-size leaves (docs/program.md §7).
 */
import { hash } from "node:crypto";
import { allocate, free, kernels, view } from "./simd.ts";
import { depthOf, HASH_BYTES, LEAF_BYTES } from "./treeShape.ts";

export { depthOf, HASH_BYTES, LEAF_BYTES, tensorDepth, tensorLeaves } from "./treeShape.ts";

/** In one call and by way of a string, which costs half of what a hash object does on short messages. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(0)] = parts;
  return Buffer.from(hash("sha256", parts.length === 1 ? first : Buffer.concat(parts), "binary"), "binary");
}

const EMPTY_ROOT = new Uint8Array(HASH_BYTES);
const ZEROS = new Uint8Array(LEAF_BYTES);
const ZERO_LEAF = sha256(ZEROS);

/** A whole tree; levels[0] are the hashes of the leaves that exist, one after the other, each level padded implicitly by `pad[level]`. */
export interface Tree {
  readonly depth: number;
  readonly levels: readonly Uint8Array[];
  readonly pad: readonly Uint8Array[];
}

/** Messages that are hashed in one call: they and their hashes stay in the second-level cache. */
const BATCH = 1024;

/**
 * Hashes of the messages of `bytes` bytes each, a multiple of 64, that stand one after the other in data; a last one that is cut short is completed from `rest`, the end
 * of a message.
 */
function hashMessages(data: Uint8Array, bytes: number, rest: Uint8Array): Uint8Array {
  const count = Math.ceil(data.length / bytes);
  const hashes = new Uint8Array(count * HASH_BYTES);
  free();
  const most = Math.min(BATCH, Math.ceil(count / 4) * 4);
  const source = allocate(most * bytes);
  const out = allocate(most * HASH_BYTES);
  for (let first = 0; first < count; first += most) {
    const some = Math.min(most, count - first);
    const part = data.subarray(first * bytes, (first + some) * bytes);
    view.u8().set(part, source);
    const missing = some * bytes - part.length;
    if (missing > 0) view.u8().set(rest.subarray(rest.length - missing), source + part.length);
    kernels.sha256(out, source, bytes, Math.ceil(some / 4));
    hashes.set(view.u8().subarray(out, out + some * HASH_BYTES), first * HASH_BYTES);
  }
  return hashes;
}

/** Tree over the 32-byte hashes that stand one after the other in `leaves`, padded by `padLeaf`. */
export function packedTree(leaves: Uint8Array, padLeaf: Uint8Array = EMPTY_ROOT): Tree {
  const depth = depthOf(Math.max(1, leaves.length / HASH_BYTES));
  const levels = [leaves];
  const pad = [padLeaf];
  let below = leaves;
  let padBelow = padLeaf;
  for (let level = 0; level < depth; level++) {
    below = hashMessages(below, 2 * HASH_BYTES, padBelow);
    padBelow = sha256(padBelow, padBelow);
    levels.push(below);
    pad.push(padBelow);
  }
  return { depth, levels, pad };
}

/** Hash of the node at `level` (0 = leaves) and `index`. */
export function treeNode(tree: Tree, level: number, index: number): Uint8Array {
  const hashes = tree.levels[level] as Uint8Array;
  const at = index * HASH_BYTES;
  return at < hashes.length ? hashes.subarray(at, at + HASH_BYTES) : (tree.pad[level] as Uint8Array);
}

export function treeRoot(tree: Tree): Uint8Array {
  return treeNode(tree, tree.depth, 0);
}

/** Siblings of leaf `index` from the leaf level upwards. */
export function treePath(tree: Tree, index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  for (let level = 0; level < tree.depth; level++) path.push(treeNode(tree, level, (index >> level) ^ 1));
  return path;
}

/** Tree over 32-byte leaves that are hashes already (instructions, tensor roots). */
export function hashTree(leaves: readonly Uint8Array[]): Tree {
  return packedTree(Buffer.concat(leaves));
}

/** Leaf `index` of a tensor's bytes, zero-padded. */
export function tensorLeaf(data: Uint8Array, index: number): Uint8Array {
  const leaf = new Uint8Array(LEAF_BYTES);
  leaf.set(data.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES));
  return leaf;
}

export function tensorTree(data: Uint8Array): Tree {
  return packedTree(data.length === 0 ? ZERO_LEAF : hashMessages(data, LEAF_BYTES, ZEROS), ZERO_LEAF);
}

export function tensorRoot(data: Uint8Array): Uint8Array {
  return treeRoot(tensorTree(data));
}

/**
 * Siblings that, with the hashes of the leaves in `indices` (ascending, distinct), give the root: level by level
 * from the leaves, left to right, those siblings that cannot be computed.
 */
export function multiPath(tree: Tree, indices: readonly number[]): Uint8Array[] {
  const path: Uint8Array[] = [];
  let at = [...indices];
  for (let level = 0; level < tree.depth; level++) {
    const above: number[] = [];
    for (let i = 0; i < at.length; i++) {
      const index = at[i] as number;
      if (index % 2 === 0 && at[i + 1] === index + 1) i++;
      else path.push(treeNode(tree, level, index ^ 1));
      above.push(index >> 1);
    }
    at = above;
  }
  return path;
}
