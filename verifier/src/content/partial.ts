/**
 * A file on its way in: blocks are written at their places as they are found to be right. What is on disk needs no list: a place whose bytes
 * have the right hash is there, whatever happened to the process that wrote it.
 */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CID } from "multiformats/cid";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { nodePath, readNodeFile, readRange } from "./blocks.ts";
import { NODES, PARTIAL } from "./budget.ts";
import { isBlockOf } from "./cid.ts";
import type { Dag, Place } from "./dag.ts";
import { namesIn, writeWhole, writing } from "./disk.ts";
import { inspectFile, type Inspection } from "./inspect.ts";
import { ownName } from "./owners.ts";
import type { StoredFile } from "./store.ts";

export interface Partial {
  /** A node that has come before. */
  node(cid: CID): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** @throws {AssayError} STORAGE_FULL, as all that write. */
  addNode(cid: CID, bytes: Uint8Array): Promise<void>;
  /** Reserves the whole file's room. @throws {AssayError} STORAGE_FULL, CONTENT_TOO_LARGE. */
  resize(bytes: number): Promise<void>;
  /** Whether the leaf's bytes are at its place. */
  has(leaf: Place): Promise<boolean>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  copy(from: Pick<Place, "offset" | "size">, to: number): Promise<void>;
  /** The whole file, if it has the hash. @throws {AssayError} CONTENT_MISMATCH; then nothing is left of it. */
  finish(): Promise<StoredFile>;
  /** Keeps what is there for another attempt. */
  close(): Promise<void>;
}

export interface PartialOptions {
  readonly sha256: Hex;
  /** The file's own directory. */
  readonly entry: string;
  readonly scratch: string;
  readonly isAbandoned: (name: string) => boolean;
  readonly makeRoom: (bytes: number) => Promise<void>;
  readonly adopt: (path: string, inspection: Inspection<Dag>) => Promise<StoredFile>;
  readonly release: () => void;
}

/** What an earlier process left becomes ours; of several that want it, one gets it. */
async function inherit(
  { entry, isAbandoned }: Pick<PartialOptions, "entry" | "isAbandoned">,
  path: string,
): Promise<void> {
  for (const name of await namesIn(entry)) {
    if (!name.startsWith(`${PARTIAL}.`) || !isAbandoned(name)) continue;
    const taken = await rename(join(entry, name), path).then(
      () => true,
      () => false,
    );
    if (taken) return;
  }
}

export async function openPartial(options: PartialOptions): Promise<Partial> {
  const { sha256, entry, scratch, makeRoom } = options;
  const path = join(entry, ownName(PARTIAL));
  await mkdir(join(entry, NODES), { recursive: true });
  if (!(await namesIn(entry)).includes(ownName(PARTIAL))) await inherit(options, path);
  // Opened to write but never emptied.
  const file = await open(path, "a").then(async (created) => {
    await created.close();
    return open(path, "r+");
  });

  /** Paths of the nodes of the DAG that is being followed. */
  const nodes = new Set<string>();

  /** Nodes of other addresses that were tried before lead elsewhere, or nowhere. */
  async function dropOtherNodes(): Promise<void> {
    for (const name of await namesIn(join(entry, NODES))) {
      const node = join(entry, NODES, name);
      if (!nodes.has(node)) await rm(node, { force: true });
    }
  }

  async function write(offset: number, bytes: Uint8Array): Promise<void> {
    await writing(() => file.write(bytes, 0, bytes.length, offset));
  }

  return {
    async node(cid) {
      const bytes = await readNodeFile(entry, cid);
      if (bytes !== undefined) nodes.add(nodePath(entry, cid));
      return bytes;
    },

    async addNode(cid, bytes) {
      await makeRoom(bytes.length);
      await writing(() => writeWhole(nodePath(entry, cid), bytes, scratch));
      nodes.add(nodePath(entry, cid));
    },

    async resize(bytes) {
      const { size } = await file.stat();
      if (bytes > size) await makeRoom(bytes - size);
      await writing(() => file.truncate(bytes));
    },

    async has({ cid, offset, size }) {
      const bytes = await readRange(path, offset, size);
      return bytes.length === size && (await isBlockOf(cid, bytes));
    },

    write,
    copy: async ({ offset, size }, to) => write(to, await readRange(path, offset, size)),

    async finish() {
      await writing(() => file.sync());
      const inspection = await inspectFile(path);
      if (inspection.sha256 !== sha256) {
        await rm(path, { force: true });
        throw new AssayError("CONTENT_MISMATCH", `the address leads to ${inspection.sha256}, not ${sha256}`);
      }
      await dropOtherNodes();
      return options.adopt(path, inspection);
    },

    async close() {
      await file.close();
      options.release();
    },
  };
}
