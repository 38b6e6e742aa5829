/** Directories that settings name. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { AssayError, messageOf } from "../../sdk/src/error.ts";

/**
 * Makes a directory unless it is there.
 * @param what "data directory", as the message says it. @param setting Which flags choose another. @param mode Of what is made.
 * @throws {AssayError} BAD_CONFIG if it cannot be made or written to.
 */
export function ensureDirectory(path: string, what: string, setting: string, mode?: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
    // One that is there may be another user's.
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new AssayError(
      "BAD_CONFIG",
      `cannot use ${path} as the ${what}: ${messageOf(cause)}; choose another with ${setting}`,
      { cause },
    );
  }
}
