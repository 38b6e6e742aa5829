/** Where the blocks of stored files are: dag-pb nodes in files of their own, leaves within the file. */
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CID } from "multiformats/cid";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { gently } from "../gently.ts";
import { FILE, NODES } from "./budget.ts";
import { digestOf, isBlockOf, isKnown, nodeCid, RAW } from "./cid.ts";
import { MAX_BLOCK_BYTES, readRoot, type Place } from "./dag.ts";
import { namesIn } from "./disk.ts";

/** The blocks of one file. */
export interface FileBlocks {
  readonly size: number;
  /** Digests of dag-pb nodes. */
  readonly nodes: ReadonlySet<Hex>;
  /** By digest. */
  readonly leaves: ReadonlyMap<Hex, Pick<Place, "offset" | "size">>;
}

export function nodePath(entry: string, cid: CID): string {
  return join(entry, NODES, digestOf(cid).slice(2));
}

/** Bytes of a file from an offset on; fewer where it ends. */
export async function readRange(
  path: string,
  offset: number,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, "r");
  try {
    const bytes = new Uint8Array(size);
    const { bytesRead } = await file.read(bytes, 0, size, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** @returns undefined if there is no such node, or not as it was. */
export async function readNodeFile(entry: string, cid: CID): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = await readFile(nodePath(entry, cid)).catch(() => undefined);
  if (bytes === undefined || bytes.length > MAX_BLOCK_BYTES) return undefined;
  const own = new Uint8Array(bytes);
  return (await isBlockOf(cid, own)) ? own : undefined;
}

interface Link extends Pick<Place, "offset" | "size"> {
  readonly digest: Hex;
  readonly isLeaf: boolean;
}

/** What is kept of a node: where its children are, from its own beginning on. */
interface Outline {
  readonly size: number;
  readonly links: readonly Link[];
}

function linkOf({ cid, offset, size }: Place): Link {
  return { digest: digestOf(cid), isLeaf: cid.code === RAW, offset, size };
}

/** @returns undefined if it is no node of a file: an address that was tried before may have led to it. */
function outlineOf(bytes: Uint8Array): Outline | undefined {
  try {
    const { size, children } = readRoot(bytes);
    return { size, links: children.map(linkOf) };
  } catch (error) {
    if (error instanceof AssayError) return undefined;
    throw error;
  }
}

/** All nodes by digest, each read once, in a turn of the event loop of its own. */
async function readOutlines(entry: string): Promise<ReadonlyMap<Hex, Outline | undefined>> {
  const outlines = new Map<Hex, Outline | undefined>();
  for (const name of await namesIn(join(entry, NODES))) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const cid = nodeCid(`0x${name}`);
    const bytes = await readNodeFile(entry, cid);
    if (bytes !== undefined) outlines.set(digestOf(cid), outlineOf(bytes));
  }
  return outlines;
}

/** Finds a place of each leaf by walking down from the nodes that say they are the whole file. */
export async function indexBlocks(entry: string, sha256: Hex): Promise<FileBlocks> {
  const { size } = await stat(join(entry, FILE));
  const nodes = await readOutlines(entry);
  const leaves = new Map<Hex, Pick<Place, "offset" | "size">>();
  // A small file is its own only block.
  if (size <= MAX_BLOCK_BYTES) leaves.set(sha256, { offset: 0, size });
  // Offsets of nodes. A few can link to one another very often, but each has the same leaves wherever it stands: one place will do.
  const met = new Map<Hex, number>();
  for (const [digest, node] of nodes) if (node?.size === size) met.set(digest, 0);
  await gently(met, ([node, start]) => {
    for (const { digest, isLeaf, offset, size: bytes } of nodes.get(node)?.links ?? [])
      if (isLeaf) leaves.set(digest, { offset: start + offset, size: bytes });
      else if (!met.has(digest)) met.set(digest, start + offset);
  });
  return { size, nodes: new Set(nodes.keys()), leaves };
}

export function hasBlock({ nodes, leaves }: FileBlocks, cid: CID): boolean {
  return isKnown(cid) && (nodes.has(digestOf(cid)) || leaves.has(digestOf(cid)));
}

/** @returns undefined if the block is not there or not as it was. */
export async function readBlock(
  entry: string,
  { nodes, leaves }: FileBlocks,
  cid: CID,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (nodes.has(digestOf(cid))) return readNodeFile(entry, cid);
  const leaf = leaves.get(digestOf(cid));
  if (leaf === undefined) return undefined;
  const bytes = await readRange(join(entry, FILE), leaf.offset, leaf.size).catch(() => undefined);
  return bytes !== undefined && (await isBlockOf(cid, bytes)) ? bytes : undefined;
}
