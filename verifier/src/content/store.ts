/**
 * Files by the SHA-256 of their bytes, in one directory that any number of processes may share. Each has a directory of its own:
 *
 *     <sha256>/file         the whole file, checked before it got this name
 *     <sha256>/nodes/       dag-pb nodes of its DAGs, by digest; leaves are ranges of the file
 *     <sha256>/keep         the owner's own file: never evicted
 *     <sha256>/pin.*        in use by a process that runs
 *     <sha256>/partial.*    on its way in
 *     incoming/             scratch
 *     owners/               locks of the processes that run
 */
import { mkdir, open, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CID } from "multiformats/cid";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { ensureDirectory } from "../ensureDirectory.ts";
import { lowerHex } from "../lowerHex.ts";
import { hasBlock, indexBlocks, nodePath, readBlock, type FileBlocks } from "./blocks.ts";
import { createBudget, ENTRY, FILE, KEEP, NODES, PARTIAL, PIN } from "./budget.ts";
import type { Dag } from "./dag.ts";
import { bytesIn, isMissing, namesIn, sweep, writeWhole, writing } from "./disk.ts";
import { hashFile, inspectFile, type Inspection } from "./inspect.ts";
import { openOwners, ownName, uniqueName } from "./owners.ts";
import { openPartial, type Partial } from "./partial.ts";

export interface StoredFile {
  readonly sha256: Hex;
  /** Of the file's DAG by our profile. */
  readonly cid: CID;
  readonly path: string;
  readonly size: number;
}

export interface PutOptions {
  /** @throws {AssayError} CONTENT_MISMATCH if the content has another hash. */
  readonly expected?: Hex;
  /** @throws {AssayError} CONTENT_TOO_LARGE if there is more. */
  readonly maxBytes?: number;
  /** The owner's own file: never evicted. */
  readonly keep?: boolean;
}

export interface ContentStore {
  readonly directory: string;
  /** Limit of the directory, bytes. */
  readonly maxBytes: number;
  /** Of the directory now. */
  bytes(): Promise<number>;
  /** @throws {AssayError} STORAGE_FULL (retryable), and as the options say. Nothing is left of what failed. */
  put(content: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredFile>;
  /**
   * The whole file, its hash checked once by each process and again whenever it was changed. A damaged one is set aside, so that only what
   * is damaged has to be fetched again.
   */
  find(sha256: Hex): Promise<{ readonly path: string; readonly size: number } | undefined>;
  /** A block of any stored file, checked; undefined if there is none or it is damaged. */
  block(cid: CID): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** A file on its way in, with what an earlier attempt left of it. One at a time for each hash. */
  receive(sha256: Hex): Promise<Partial>;
  /** Keeps a file from eviction while this process runs, or until the returned function is called. */
  pin(sha256: Hex): Promise<() => void>;
}

const DEFAULT_MAX_BYTES = 32 * 2 ** 30;
const RESCAN_MS = 1000;

/** @param maxBytes Of the directory. Default 32 GiB. @throws {AssayError} BAD_CONFIG if the directory cannot be used. */
export async function openStore(directory: string, maxBytes = DEFAULT_MAX_BYTES): Promise<ContentStore> {
  const scratch = join(directory, "incoming");
  ensureDirectory(directory, "content directory", "--data or --content");
  const isAbandoned = openOwners(directory);
  const makeRoom = createBudget(directory, { scratch, maxBytes, isAbandoned });
  const index = new Map<Hex, FileBlocks>();
  /** Identity of the files that were checked. */
  const checked = new Map<Hex, string>();
  const checks = new Map<Hex, Promise<{ path: string; size: number } | undefined>>();
  const pins = new Map<Hex, number>();
  /** Bytes of room that are asked for at a time, while a stream of unknown length comes in. */
  const step = Math.min(2 ** 24, maxBytes / 64);
  let scannedAt = -Infinity;

  const entryOf = (sha256: Hex): string => join(directory, lowerHex(sha256).slice(2));

  await sweep(scratch, isAbandoned);
  for (const name of await namesIn(directory)) {
    if (!ENTRY.test(name)) continue;
    const entry = join(directory, name);
    const dead = (await namesIn(entry)).filter((file) => file.startsWith(`${PIN}.`) && isAbandoned(file));
    await Promise.all(dead.map((file) => rm(join(entry, file), { force: true })));
  }

  /** Other processes add files and evict them. */
  async function rescan(): Promise<void> {
    if (Date.now() - scannedAt < RESCAN_MS) return;
    scannedAt = Date.now();
    const names = (await namesIn(directory)).filter((name) => ENTRY.test(name));
    const present = new Set(names.map((name): Hex => `0x${name}`));
    for (const known of index.keys()) if (!present.has(known)) index.delete(known);
    for (const sha256 of present) if (!index.has(sha256)) await addToIndex(sha256);
  }

  async function addToIndex(sha256: Hex): Promise<void> {
    const blocks = await indexBlocks(entryOf(sha256), sha256).catch(() => undefined);
    if (blocks !== undefined) index.set(sha256, blocks);
  }

  async function pin(sha256: Hex): Promise<() => void> {
    const name = lowerHex(sha256);
    const path = join(entryOf(name), ownName(PIN));
    pins.set(name, (pins.get(name) ?? 0) + 1);
    await mkdir(entryOf(name), { recursive: true });
    await writing(() => writeFile(path, ""));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (pins.get(name) ?? 1) - 1;
      pins.set(name, left);
      if (left === 0) void rm(path, { force: true }).catch(() => undefined);
    };
  }

  function stampOf({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string {
    return `${ino}:${size}:${mtimeMs}`;
  }

  /** Gives a file that was checked its name, its nodes first. */
  async function adopt(
    temporary: string,
    { sha256, size, dag }: Inspection<Dag>,
    keep: boolean,
  ): Promise<StoredFile> {
    const unpin = await pin(sha256);
    try {
      const entry = entryOf(sha256);
      const path = join(entry, FILE);
      await writing(async () => {
        await mkdir(join(entry, NODES), { recursive: true });
        for (const [cid, bytes] of dag.nodes) await writeWhole(nodePath(entry, cid), bytes, scratch);
        if (keep) await writeFile(join(entry, KEEP), "");
        await rename(temporary, path);
      });
      await rm(join(entry, ownName(PARTIAL)), { force: true });
      checked.set(sha256, stampOf(await stat(path)));
      await addToIndex(sha256);
      return { sha256, cid: dag.root, path, size };
    } finally {
      unpin();
    }
  }

  async function copy(
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    path: string,
    most: number,
  ): Promise<void> {
    let granted = 0;
    let written = 0;
    const file = await open(path, "wx");
    try {
      for await (const chunk of chunks) {
        written += chunk.length;
        if (written > most)
          throw new AssayError("CONTENT_TOO_LARGE", `more than ${most} bytes: raise the limit to accept it`);
        if (written > granted) {
          const more = Math.max(step, chunk.length);
          await makeRoom(more);
          granted += more;
        }
        await writing(() => file.writeFile(chunk));
      }
      await writing(() => file.sync());
    } finally {
      await file.close();
    }
  }

  async function check(sha256: Hex): Promise<{ path: string; size: number } | undefined> {
    const path = join(entryOf(sha256), FILE);
    const found = await stat(path).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (found === undefined) {
      checked.delete(sha256);
      index.delete(sha256);
      return undefined;
    }
    if (checked.get(sha256) !== stampOf(found)) {
      const { sha256: hash } = await hashFile(path);
      if (hash !== sha256) {
        // What is still right in it need not come again.
        index.delete(sha256);
        await rename(path, join(entryOf(sha256), ownName(PARTIAL)));
        return undefined;
      }
      checked.set(sha256, stampOf(found));
    }
    await utimes(path, new Date(), found.mtime).catch(() => undefined);
    return { path, size: found.size };
  }

  return {
    directory,
    maxBytes,
    bytes: () => bytesIn(directory),
    pin,

    async put(content, { expected, maxBytes: most = Infinity, keep = false } = {}) {
      const temporary = join(scratch, uniqueName("put"));
      try {
        await copy(content instanceof Uint8Array ? [content] : content, temporary, most);
        const inspection = await inspectFile(temporary);
        if (expected !== undefined && inspection.sha256 !== lowerHex(expected))
          throw new AssayError("CONTENT_MISMATCH", `the hash is ${inspection.sha256}, not ${expected}`);
        return await adopt(temporary, inspection, keep);
      } finally {
        await rm(temporary, { force: true });
      }
    },

    find(sha256) {
      const name = lowerHex(sha256);
      const running = checks.get(name) ?? check(name).finally(() => checks.delete(name));
      checks.set(name, running);
      return running;
    },

    async block(cid) {
      const holders = (): Hex[] =>
        [...index].filter(([, blocks]) => hasBlock(blocks, cid)).map(([sha]) => sha);
      if (holders().length === 0) await rescan();
      for (const sha256 of holders()) {
        const blocks = index.get(sha256);
        const bytes = blocks && (await readBlock(entryOf(sha256), blocks, cid));
        if (bytes !== undefined) return bytes;
        // Damaged or gone: the next look at the file finds out.
        index.delete(sha256);
        checked.delete(sha256);
      }
      return undefined;
    },

    async receive(sha256) {
      const unpin = await pin(sha256);
      try {
        return await openPartial({
          sha256: lowerHex(sha256),
          entry: entryOf(sha256),
          scratch,
          isAbandoned,
          makeRoom,
          adopt: (path, inspection) => adopt(path, inspection, false),
          release: unpin,
        });
      } catch (error) {
        unpin();
        throw error;
      }
    },
  };
}
