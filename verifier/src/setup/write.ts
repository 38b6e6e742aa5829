/** Writing what is for its owner alone. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";

const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

/** @throws {AssayError} BAD_CONFIG if the path is taken. */
export function needFree(path: string, what: string, force: boolean): void {
  if (!force && existsSync(path))
    throw new AssayError("BAD_CONFIG", `${what} ${path} exists: --force replaces it, or choose another path`);
}

/** Whole or not at all, mode 600; directories on the way are made. @throws {AssayError} BAD_CONFIG */
export function writePrivate(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
    writeFileSync(temporary, text, { mode: OWNER_ONLY, flag: "wx" });
    renameSync(temporary, path);
  } catch (cause) {
    try {
      rmSync(temporary, { force: true });
    } catch {
      // On a path through what is no directory even this fails; the cause says more.
    }
    throw new AssayError("BAD_CONFIG", `cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}
