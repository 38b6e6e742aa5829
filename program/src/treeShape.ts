/** Sizes of the trees over tensors and traces (docs/program.md §7); without any hashing, so that browsers can use it. */
export const LEAF_BYTES = 256;
export const HASH_BYTES = 32;

/** Levels between the root and the leaves of a tree of `leaves` leaves. */
export function depthOf(leaves: number): number {
  let depth = 0;
  while (2 ** depth < leaves) depth++;
  return depth;
}

export function tensorLeaves(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / LEAF_BYTES));
}

export function tensorDepth(bytes: number): number {
  return depthOf(tensorLeaves(bytes));
}
