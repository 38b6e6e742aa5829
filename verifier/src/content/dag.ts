/**
 * Files as UnixFS DAGs, by the profile unixfs-v1-2025 (IPIP-499): CIDv1, SHA-256, raw leaves of 1 MiB, at most 1024 links a node. The same
 * file gets the same CID from every implementation that follows the profile.
 */
import { decode } from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { importByteStream } from "ipfs-unixfs-importer";
import type { CID } from "multiformats/cid";
import { AssayError } from "../../../sdk/src/error.ts";
import { DAG_PB, isKnown, RAW } from "./cid.ts";

export const LEAF_BYTES = 2 ** 20;
/** Larger blocks travel on no IPFS network. */
export const MAX_BLOCK_BYTES = 2 * 2 ** 20;

/** Bounds on a DAG of a stranger. A file of 32 GiB in leaves of 256 KiB is within them. */
const MAX_DEPTH = 8;
const MAX_LINKS = 1024;
const MAX_BLOCKS = 2 ** 17 + 2 ** 10;
const SOME_BLOCKS = 256;
const LEAST_BYTES = 1024;

/** A block's place in a file. */
export interface Place {
  readonly cid: CID;
  readonly offset: number;
  /** Bytes of the file below it. */
  readonly size: number;
  /** 0: the root. */
  readonly depth: number;
}

/** A dag-pb node of a file: bytes that it holds itself, and after them its children. */
export interface FileNode {
  readonly data: Uint8Array;
  readonly children: readonly Place[];
}

function bad(what: string): never {
  throw new AssayError("CONTENT_MISMATCH", `not a UnixFS file: ${what}`);
}

/** Whether a protobuf message has at most so many fields, counted before a decoder makes objects of them. */
function hasFewFields(bytes: Uint8Array, most: number): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  for (let count = 0; at < bytes.length; count++) {
    if (count >= most) return false;
    const wire = varint() % 8;
    const length = wire === 0 || wire === 2 ? varint() : wire === 1 ? 8 : 4;
    if (wire !== 0) at += length;
  }
  return true;
}

function parse(bytes: Uint8Array): { readonly links: readonly CID[]; readonly file: UnixFS } {
  if (!hasFewFields(bytes, MAX_LINKS + 1)) bad(`more than ${MAX_LINKS} links`);
  try {
    const { Data = new Uint8Array(), Links } = decode(bytes);
    if (!hasFewFields(Data, MAX_LINKS + 16)) bad("its data has too many fields");
    return { links: Links.map((link) => link.Hash), file: UnixFS.unmarshal(Data) };
  } catch (cause) {
    if (cause instanceof AssayError) throw cause;
    throw new AssayError("CONTENT_MISMATCH", "not a UnixFS file: the node does not decode", { cause });
  }
}

function sizeOf(file: UnixFS): number {
  const size = file.fileSize();
  return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : bad("its size is absurd");
}

/** Bytes of the file at and below a node, as it says. */
export function declaredSize(bytes: Uint8Array): number {
  return sizeOf(parse(bytes).file);
}

function nodeAt(place: Omit<Place, "cid">, { links, file }: ReturnType<typeof parse>): FileNode {
  if (file.type !== "file" && file.type !== "raw") bad(`a ${file.type}`);
  if (file.blockSizes.length !== links.length) bad("links and sizes differ in number");
  if (place.depth >= MAX_DEPTH && links.length > 0) bad(`more than ${MAX_DEPTH} levels`);
  const data = file.data ?? new Uint8Array();
  let at = place.offset + data.length;
  const end = place.offset + place.size;
  const children = links.map((cid, i): Place => {
    const size = file.blockSizes[i] ?? 0n;
    if (!isKnown(cid)) bad(`a link to ${cid.toString().slice(0, 80)}`);
    // No empty children: a DAG of them would have no end that its size shows.
    if (size <= 0n || size > BigInt(end - at)) bad("its sizes do not add up");
    if (cid.code === RAW && size > BigInt(MAX_BLOCK_BYTES)) bad("a leaf is too large");
    const child = { cid, offset: at, size: Number(size), depth: place.depth + 1 };
    at += child.size;
    return child;
  });
  if (at !== end) bad("its sizes do not add up");
  return { data, children };
}

/**
 * What a node at a place consists of. Sizes are the node's own words; the caller counts the bytes that come.
 * @throws {AssayError} CONTENT_MISMATCH if it is no node of a file, or not of the size that its parent says.
 */
export function readNode(place: Place, bytes: Uint8Array): FileNode {
  return nodeAt(place, parse(bytes));
}

/** What a node consists of as if it were the root of a file, and of how many bytes. @throws {AssayError} As {@link readNode}. */
export function readRoot(bytes: Uint8Array): FileNode & Pick<Place, "size"> {
  const parsed = parse(bytes);
  const size = sizeOf(parsed.file);
  return { size, ...nodeAt({ offset: 0, size, depth: 0 }, parsed) };
}

/**
 * Counts the blocks of a DAG as they are met, shared ones each time: a few nodes can link to one another very often.
 * @param size Of the file; nobody cuts one into crumbs who wants it to be read.
 */
export function blockCounter(size: number): (children: FileNode["children"]) => void {
  const most = Math.min(MAX_BLOCKS, SOME_BLOCKS + size / LEAST_BYTES);
  let count = 1;
  return ({ length }) => {
    count += length;
    if (count > most) bad(`more than ${Math.floor(most)} blocks in ${size} bytes`);
  };
}

export interface Dag {
  readonly root: CID;
  /** Its dag-pb nodes; the leaves are the file's own bytes. */
  readonly nodes: readonly (readonly [cid: CID, bytes: Uint8Array])[];
}

/** Computes the DAG of a file, keeping no leaf. Takes its time: not for the main thread. @param chunks Best of LEAF_BYTES each. */
export async function buildDag(chunks: AsyncIterable<Uint8Array>): Promise<Dag> {
  const nodes: [CID, Uint8Array][] = [];
  const blocks = {
    put(cid: CID, bytes: unknown): CID {
      if (cid.code === DAG_PB && bytes instanceof Uint8Array) nodes.push([cid, bytes]);
      return cid;
    },
  };
  const { cid } = await importByteStream(chunks, blocks, {
    profile: "unixfs-v1-2025",
    blockWriteConcurrency: 1,
  });
  return { root: cid, nodes };
}
