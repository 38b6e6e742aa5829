/** One process per state directory: two embedded databases over the same files would destroy them. */
import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { lockFile } from "../../../sdk/src/lockFile.ts";

/** For whoever is refused: the lock itself knows no names. */
const holderFile = z.object({
  pid: z.int(),
  host: z.string().max(255),
  since: z.string().max(30),
});

function describeHolder(path: string): string {
  try {
    const { pid, host, since } = holderFile.parse(JSON.parse(readFileSync(path, "utf8")));
    return `process ${pid} on ${host} (since ${since})`;
  } catch {
    // It has only just begun.
    return "another process";
  }
}

/**
 * A process that was killed holds nothing any more, nor does one whose machine lost power.
 * @returns what gives the lock back.
 * @throws {AssayError} STATE_LOCKED while another has it, STATE_FAILED if the directory cannot be locked.
 */
export function lockDirectory(directory: string): () => void {
  const holder = join(directory, "holder.json");
  const unlock = lockFile(join(directory, "lock.sqlite"));
  if (unlock === undefined)
    throw new AssayError(
      "STATE_LOCKED",
      `${describeHolder(holder)} has ${directory} open: stop it, give this node its own --data, or let both use a Postgres server (--database)`,
    );
  const entry = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    writeFileSync(holder, JSON.stringify(entry satisfies z.infer<typeof holderFile>), { mode: 0o600 });
  } catch (error) {
    unlock();
    throw error;
  }
  return unlock;
}
