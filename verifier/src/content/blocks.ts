/** Where the blocks of stored files are: dag-pb nodes in files of their own, leaves within the file. */
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CID } from "multiformats/cid";
import type { Hex } from "../../../sdk/src/structs.ts";
import { FILE, NODES } from "./budget.ts";
import { digestOf, isBlockOf, isKnown, nodeCid, RAW } from "./cid.ts";
import { blockCounter, declaredSize, MAX_BLOCK_BYTES, readNode, type Place } from "./dag.ts";
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

/** Finds the places of all leaves by walking down from each node that no other links to. */
export async function indexBlocks(entry: string, sha256: Hex): Promise<FileBlocks> {
  const { size } = await stat(join(entry, FILE));
  const nodes = new Map<Hex, Uint8Array>();
  for (const name of await namesIn(join(entry, NODES))) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const cid = nodeCid(`0x${name}`);
    const bytes = await readNodeFile(entry, cid);
    if (bytes !== undefined) nodes.set(digestOf(cid), bytes);
  }
  const leaves = new Map<Hex, Pick<Place, "offset" | "size">>();
  // A small file is its own only block.
  if (size <= MAX_BLOCK_BYTES) leaves.set(sha256, { offset: 0, size });
  const linked = new Set<Hex>();
  const found: Place[][] = [];
  for (const [digest, bytes] of nodes) {
    if (declaredSize(bytes) !== size) continue;
    const below: Place[] = [];
    const count = blockCounter(size);
    const visit = (place: Place): void => {
      if (place.cid.code === RAW) return void below.push(place);
      const node = nodes.get(digestOf(place.cid));
      if (node === undefined) return;
      const { children } = readNode(place, node);
      count(children);
      for (const child of children) {
        linked.add(digestOf(child.cid));
        visit(child);
      }
    };
    if (linked.has(digest)) continue;
    visit({ cid: nodeCid(digest), offset: 0, size, depth: 0 });
    found.push(below);
  }
  for (const { cid, offset, size: bytes } of found.flat()) leaves.set(digestOf(cid), { offset, size: bytes });
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
