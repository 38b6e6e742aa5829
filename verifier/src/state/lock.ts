/** One process per state directory: two embedded databases over the same files would destroy them. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AssayError } from "../../../sdk/src/error.ts";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is somebody else's process.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * A killed process leaves its lock, which the next one takes over.
 * @returns what gives the lock back.
 * @throws {AssayError} STATE_LOCKED while its process lives.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  const take = (): void => writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o600 });
  try {
    take();
  } catch {
    const owner = Number(readFileSync(path, "utf8"));
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner))
      throw new AssayError(
        "STATE_LOCKED",
        `process ${owner} has ${directory} open: stop it, give this node its own --data, or let both use a Postgres server (--database)`,
      );
    rmSync(path, { force: true });
    take();
  }
  return () => rmSync(path, { force: true });
}
