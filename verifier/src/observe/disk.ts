import { statfs } from "node:fs/promises";

/** @returns bytes that an unprivileged process may still write on the disk of a path. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
