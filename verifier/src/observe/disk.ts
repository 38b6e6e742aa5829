import { statfs } from "node:fs/promises";
import type { ContentOptions } from "../content/content.ts";
import type { DatabaseAddress } from "../state/database.ts";

export interface Kept {
  readonly content: Pick<ContentOptions, "directory">;
  readonly database: DatabaseAddress;
}

/** Where a node keeps things: each directory may be on a disk of its own. A Postgres server looks after its disk itself. */
export function directoriesOf({ content, database }: Kept): string[] {
  return [content.directory, ...("directory" in database ? [database.directory] : [])];
}

/** @returns bytes that an unprivileged process may still write on the disk of a path. */
async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** @returns the same of the fullest of these paths' disks. @param freeOf Tests pass others. */
export async function leastFreeBytes(paths: readonly string[], freeOf = freeBytes): Promise<number> {
  return Math.min(...(await Promise.all(paths.map((path) => freeOf(path)))));
}
