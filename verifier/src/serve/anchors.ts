/** Trees over the receipts of anchored periods: made anew from what is kept, a few at a time in memory. */
import { packedTree, treePath, treeRoot, type Tree } from "../../../program/src/merkle.ts";
import { HASH_BYTES } from "../../../program/src/treeShape.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Anchored, Under } from "../../../sdk/src/infer/anchors.ts";
import { fromHex, sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { createLine, QUERIES } from "../api/bounded.ts";
import { gently } from "../gently.ts";
import type { ReceiptStore } from "../state/receipts.ts";
import type { Digests } from "./digests.ts";

/** Leaves of a tree that is made without a pause. */
const PART = 2 ** 12;
/** Leaves of all trees in memory. */
const MOST_LEAVES = 2 ** 21;
/** Trees that are waited for. */
const MOST_WAITING = 8;
const EMPTY = new Uint8Array(HASH_BYTES);

/** Digests and request hashes one after the other. */
interface Leaves {
  readonly count: number;
  readonly digests: Buffer;
  readonly requests: Buffer;
}

/** As one tree over all leaves would be: many are hashed in parts of one size, and a tree over those. */
export interface PeriodTree extends Leaves {
  readonly root: Hex;
  readonly parts: readonly Tree[];
  readonly top: Tree;
}

export async function treeOf(leaves: Leaves): Promise<PeriodTree> {
  const { digests, count } = leaves;
  const parts: Tree[] = [];
  let pad = EMPTY;
  if (count > PART) pad = new Uint8Array(treeRoot(packedTree(new Uint8Array(PART * HASH_BYTES))));
  const starts = Array.from({ length: Math.max(1, Math.ceil(count / PART)) }, (_, i) => i * PART);
  await gently(starts, (start) => {
    const part = digests.subarray(start * HASH_BYTES, (start + PART) * HASH_BYTES);
    if (count <= PART) return parts.push(packedTree(part));
    const padded = new Uint8Array(PART * HASH_BYTES);
    padded.set(part);
    return parts.push(packedTree(padded));
  });
  const top = packedTree(Buffer.concat(parts.map(treeRoot)), pad);
  return { ...leaves, parts, top, root: toHex(treeRoot(top)) };
}

/** Siblings of a leaf, from the leaf upwards. */
export function pathOf({ parts, top }: PeriodTree, index: number): Hex[] {
  const part = parts[Math.floor(index / PART)];
  if (part === undefined) throw new RangeError(`there is no leaf ${index}`);
  return [...treePath(part, index % PART), ...treePath(top, Math.floor(index / PART))].map(toHex);
}

/** Where a hash stands in a list of hashes. */
function indexIn(list: Buffer, hash: Uint8Array): number | undefined {
  for (let at = list.indexOf(hash); at !== -1; at = list.indexOf(hash, at + 1))
    if (at % HASH_BYTES === 0) return at / HASH_BYTES;
  return undefined;
}

export interface Anchors {
  /** Over what was issued in a period, unix seconds. */
  make(from: number, until: number): Promise<PeriodTree>;
  /**
   * A receipt under one of our roots, by its number or its digest.
   * @throws {AssayError} NOT_FOUND, BUSY.
   */
  find(anchored: Anchored, wanted: { readonly index: number } | { readonly digest: Hex }): Promise<Under>;
}

export function createAnchors(digests: Digests, store: ReceiptStore): Anchors {
  /** By root; what was asked for last is last. */
  const trees = new Map<Hex, PeriodTree>();
  /** Not kept any more. */
  const gone = new Set<Hex>();
  const queries = createLine(QUERIES);
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function make(from: number, until: number): Promise<PeriodTree> {
    const [digestsOf, requests]: [Buffer[], Buffer[]] = [[], []];
    for await (const receipt of store.issued(from, until)) {
      digestsOf.push(Buffer.from(fromHex(digests.digestOf("Receipt", receipt))));
      requests.push(Buffer.from(fromHex(receipt.requestHash)));
    }
    const leaves = { digests: Buffer.concat(digestsOf), requests: Buffer.concat(requests) };
    return treeOf({ count: requests.length, ...leaves });
  }

  function keep(tree: PeriodTree): void {
    trees.delete(tree.root);
    trees.set(tree.root, tree);
    let leaves = 0;
    for (const [root, { count }] of [...trees].reverse()) {
      leaves += count;
      if (leaves > MOST_LEAVES && root !== tree.root) trees.delete(root);
    }
  }

  async function read({ root, count, from, until }: Anchored): Promise<PeriodTree | undefined> {
    const known = trees.get(root);
    if (known !== undefined || gone.has(root)) return known;
    const tree = await make(from, until);
    if (!sameHex(tree.root, root) || tree.count !== count) {
      gone.add(root);
      return undefined;
    }
    return tree;
  }

  /** One after the other: who asks for many periods holds up nobody but those who do so too. */
  async function treeUnder(anchored: Anchored): Promise<PeriodTree> {
    let tree = trees.get(anchored.root);
    if (tree === undefined) {
      if (waiting >= MOST_WAITING)
        throw new AssayError("BUSY", "other periods are being read: ask again later", { retryable: true });
      waiting++;
      const mine = last.then(() => read(anchored)).finally(() => waiting--);
      last = mine.catch(() => undefined);
      tree = await mine;
    }
    if (tree === undefined)
      throw new AssayError("NOT_FOUND", "the receipts of this period are not kept any more");
    keep(tree);
    return tree;
  }

  return {
    make,
    async find(anchored, wanted) {
      const tree = await treeUnder(anchored);
      const index = "index" in wanted ? wanted.index : indexIn(tree.digests, fromHex(wanted.digest));
      if (index === undefined || index >= tree.count)
        throw new AssayError("NOT_FOUND", "no such receipt is under this root");
      const request = tree.requests.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
      const signed = await queries(() => store.signed(toHex(request)));
      if (signed === undefined) throw new AssayError("NOT_FOUND", "the receipt is not kept any more");
      const { receipt, signature } = signed;
      return { index, path: pathOf(tree, index), receipt, signature };
    },
  };
}
