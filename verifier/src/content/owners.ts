/** Whose a file of a shared directory is: each process that uses it has a lock there for as long as it runs. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AssayError } from "../../../sdk/src/error.ts";
import { lockFile } from "../../../sdk/src/lockFile.ts";

/** Process ids come back, and are the same in different containers. */
const INSTANCE = randomUUID();
const OWNERS = "owners";
/** Others look at a lock for moments only. */
const LOOK_MS = 5000;
const TRIES = 10;
/** Of this process, in every directory that it uses, until it ends. */
const held = new Map<string, () => void>();
let made = 0;

/** A name that tells whose file this is: `kind.instance`. */
export function ownName(kind: string): string {
  return `${kind}.${INSTANCE}`;
}

export function uniqueName(kind: string): string {
  return ownName(`${kind}-${made++}`);
}

/** Makes this process known in a directory. @throws {AssayError} STATE_FAILED if it cannot. */
function enter(directory: string): void {
  const path = join(directory, OWNERS, INSTANCE);
  if (held.has(path) && existsSync(path)) return;
  held.get(path)?.();
  mkdirSync(join(directory, OWNERS), { recursive: true });
  for (let tries = 0; tries < TRIES; tries++) {
    const unlock = lockFile(path, LOOK_MS);
    // Who looked between its being made and locked has removed it.
    if (unlock !== undefined && existsSync(path)) {
      held.set(path, unlock);
      return;
    }
    unlock?.();
  }
  throw new AssayError("STATE_FAILED", `others keep removing ${path}: try again`, { retryable: true });
}

/** @returns whether the owner of a name that {@link ownName} gave in this directory runs no more. */
export function openOwners(directory: string): (name: string) => boolean {
  enter(directory);
  return (name) => {
    const instance = /\.([^.]+)$/.exec(name)?.[1];
    if (instance === undefined || instance === INSTANCE) return false;
    const path = join(directory, OWNERS, instance);
    if (!existsSync(path)) return true;
    const unlock = lockFile(path);
    if (unlock === undefined) return false;
    // Removed while it is locked, so that an owner who was only about to lock it finds out.
    rmSync(path, { force: true });
    unlock();
    return true;
  };
}
