/** Locks by the operating system: gone with the process that has them, however it ends. */
import type { DatabaseSync } from "node:sqlite";
import { AssayError, messageOf } from "./error.ts";

const SQLITE_BUSY = 5;
/** A database that nobody refers to would be closed, and its lock lost. */
const held = new Set<DatabaseSync>();

type Sqlite = typeof import("node:sqlite");

/** Undefined before Node 22.13: whatever the types say, this package also runs there. */
function sqlite(): Sqlite | undefined {
  return process.getBuiltinModule("node:sqlite");
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errcode" in error &&
    typeof error.errcode === "number" &&
    // The low byte; the rest says more about it (https://www.sqlite.org/rescode.html).
    (error.errcode & 0xff) === SQLITE_BUSY
  );
}

/**
 * Takes the lock of a file, which is made if it is not there and stays empty. Node has no locks, but SQLite's are the system's own
 * (https://www.sqlite.org/lockingv3.html): of two that begin to write one does, in whatever container, and nothing is left to clean up.
 * @param waitMs How long to wait for whoever has it. Default: not at all.
 * @returns what gives it back; undefined if another has it.
 * @throws {AssayError} STATE_FAILED if the file cannot be locked at all.
 */
export function lockFile(path: string, waitMs = 0): (() => void) | undefined {
  const found = sqlite();
  if (found === undefined) throw new AssayError("BAD_CONFIG", "locks take Node 22.13 or later");
  let database: DatabaseSync | undefined;
  try {
    const opened = (database = new found.DatabaseSync(path, { timeout: waitMs }));
    // Nothing is ever written, so there is nothing to roll back from a file.
    opened.exec("pragma journal_mode = memory; begin immediate");
    held.add(opened);
    return () => {
      if (held.delete(opened)) opened.close();
    };
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) return undefined;
    throw new AssayError(
      "STATE_FAILED",
      `cannot lock ${path} (${messageOf(cause)}): its directory must be writable, on a file system with locks`,
      { cause },
    );
  }
}
