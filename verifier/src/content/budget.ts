/** Keeps a content directory within its size: what has not been used for longest goes first, what is pinned or kept stays. */
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import { AssayError } from "../../../sdk/src/error.ts";
import { bytesIn, namesIn } from "./disk.ts";
import { uniqueName } from "./owners.ts";

/** Names of the files of one entry. */
export const FILE = "file";
export const KEEP = "keep";
export const PIN = "pin";
export const PARTIAL = "partial";
export const NODES = "nodes";

export const ENTRY = /^[0-9a-f]{64}$/;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds. */
  readonly usedAt: number;
  readonly pinned: boolean;
}

async function entryAt(path: string, isAbandoned: BudgetOptions["isAbandoned"]): Promise<Entry> {
  const names = await namesIn(path);
  const times = await Promise.all(
    names
      .filter((name) => name === FILE || name.startsWith(`${PARTIAL}.`))
      .map((name) => stat(join(path, name)).catch(() => undefined)),
  );
  return {
    path,
    bytes: await bytesIn(path),
    usedAt: Math.max(0, ...times.map((time) => time?.atimeMs ?? 0)),
    pinned: names.some((name) => name === KEEP || (name.startsWith(`${PIN}.`) && !isAbandoned(name))),
  };
}

export interface BudgetOptions {
  /** Where things are on their way in or out; counted too. */
  readonly scratch: string;
  readonly maxBytes: number;
  readonly isAbandoned: (name: string) => boolean;
}

/**
 * @returns a function that makes room for so many more bytes.
 * @throws {AssayError} CONTENT_TOO_LARGE if that is more than all, STORAGE_FULL (retryable) if too much is in use.
 */
export function createBudget(
  directory: string,
  { scratch, maxBytes, isAbandoned }: BudgetOptions,
): (bytes: number) => Promise<void> {
  // Two at once would each count on what the other frees.
  const turn = pLimit(1);

  async function makeRoom(bytes: number): Promise<void> {
    if (bytes > maxBytes)
      throw new AssayError(
        "CONTENT_TOO_LARGE",
        `${bytes} bytes of content, more than the ${maxBytes} of the whole directory: raise its limit`,
      );
    const names = (await namesIn(directory)).filter((name) => ENTRY.test(name));
    const entries = await Promise.all(names.map((name) => entryAt(join(directory, name), isAbandoned)));
    const used = entries.reduce((sum, entry) => sum + entry.bytes, await bytesIn(scratch));
    const idle = entries.filter((entry) => !entry.pinned).sort((a, b) => a.usedAt - b.usedAt);
    const needed = used + bytes - maxBytes;
    // Nothing is given up for what has no room in the end.
    if (needed > idle.reduce((sum, entry) => sum + entry.bytes, 0))
      throw new AssayError(
        "STORAGE_FULL",
        `${bytes} more bytes of content do not fit beside the ${used} in use: raise the directory's limit of ${maxBytes}`,
        { retryable: true },
      );
    let freed = 0;
    for (const entry of idle) {
      if (freed >= needed) return;
      // Renamed first: nobody finds half of it.
      const away = join(scratch, uniqueName("evicted"));
      await rename(entry.path, away).then(
        () => rm(away, { recursive: true, force: true }),
        () => undefined,
      );
      freed += entry.bytes;
    }
  }
  return (bytes) => turn(() => makeRoom(bytes));
}
