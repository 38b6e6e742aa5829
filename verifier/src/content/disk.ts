/** Files of a directory that several processes share: what is whole is renamed into place, what is not says whose it is. */
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { uniqueName } from "./owners.ts";

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT";
}

const FULL = ["ENOSPC", "EDQUOT", "EFBIG"];

/** Runs what writes. @throws {AssayError} STORAGE_FULL, retryable, if the disk or a quota has no room. */
export async function writing<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (!FULL.includes(String(codeOf(cause)))) throw cause;
    const message = `no room for content on the disk (${messageOf(cause)}): free some`;
    throw new AssayError("STORAGE_FULL", message, { retryable: true, cause });
  }
}

/** Readers see all of it or nothing, whenever this process or machine ends. @param scratch On the same file system. */
export async function writeWhole(path: string, bytes: Uint8Array, scratch: string): Promise<void> {
  const temporary = join(scratch, uniqueName("new"));
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes what processes that ended have left half-written. */
export async function sweep(scratch: string, isAbandoned: (name: string) => boolean): Promise<void> {
  await mkdir(scratch, { recursive: true });
  for (const name of await readdir(scratch))
    if (isAbandoned(name)) await rm(join(scratch, name), { recursive: true, force: true });
}

/** Names in a directory; none if there is no such directory. */
export async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
}

/** Bytes of all files in and below a directory. */
export async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) bytes += found.isDirectory() ? await bytesIn(path) : found.size;
  }
  return bytes;
}
