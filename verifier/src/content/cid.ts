/** Content identifiers that this node knows: SHA-256 blocks, either raw bytes or nodes of UnixFS files (dag-pb). */
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { fromHex, toHex, type Hex } from "../../../sdk/src/structs.ts";

export const RAW = 0x55;
export const DAG_PB = 0x70;
const SHA2_256 = 0x12;
const DIGEST_BYTES = 32;
/** Longer than any CID of a kind that we know, in any base. */
const MAX_TEXT = 128;

/** Whether blocks of this CID can be checked and stored: an identity "hash", for one, is no hash. */
export function isKnown(cid: CID): boolean {
  const { code, digest } = cid.multihash;
  return (cid.code === RAW || cid.code === DAG_PB) && code === SHA2_256 && digest.length === DIGEST_BYTES;
}

/** @returns undefined if the text is no CID at all. */
export function parseCid(text: string): CID | undefined {
  if (text.length > MAX_TEXT) return undefined;
  try {
    return CID.parse(text);
  } catch {
    return undefined;
  }
}

/** The hash in a CID. */
export function digestOf(cid: CID): Hex {
  return toHex(cid.multihash.digest);
}

/** CID of a block of raw bytes, and so of a file of one block. */
export function rawCid(digest: Hex): CID {
  return CID.createV1(RAW, create(SHA2_256, fromHex(digest)));
}

export function nodeCid(digest: Hex): CID {
  return CID.createV1(DAG_PB, create(SHA2_256, fromHex(digest)));
}

/** SHA-256 on a thread of its own. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Hex> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

export async function isBlockOf(cid: CID, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return (await digest(bytes)) === digestOf(cid);
}

/** The file that an `ipfs://` address means; its fragment is ours. A path within a directory is not followed. */
export function cidOfUri(uri: string): CID | undefined {
  const [, text] = /^ipfs:\/\/([0-9A-Za-z]+)\/?(?:#.*)?$/.exec(uri) ?? [];
  const cid = text === undefined ? undefined : parseCid(text);
  return cid !== undefined && isKnown(cid) ? cid : undefined;
}
