/** Files by the SHA-256 of their bytes, in one directory. */
import { mkdirSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { sha256 } from "../../../program/src/merkle.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";

export interface ContentStore {
  /** @returns the file's hash. */
  put(bytes: Uint8Array): Promise<Hex>;
  /** @returns undefined if the store has no intact file of this hash. */
  get(hash: Hex): Promise<Uint8Array | undefined>;
  /** Where the file is, or would be. */
  pathOf(hash: Hex): string;
}

export function openStore(directory: string): ContentStore {
  mkdirSync(directory, { recursive: true });
  const pathOf = (hash: Hex): string => join(directory, hash.slice(2).toLowerCase());
  return {
    pathOf,
    async put(bytes) {
      const hash = toHex(sha256(bytes));
      // A rename is atomic: readers and other nodes of this directory see whole files only.
      const temporary = `${pathOf(hash)}.${randomUUID()}`;
      await writeFile(temporary, bytes);
      await rename(temporary, pathOf(hash));
      return hash;
    },
    async get(hash) {
      const bytes = await readFile(pathOf(hash)).catch(() => undefined);
      return bytes !== undefined && toHex(sha256(bytes)) === hash.toLowerCase()
        ? new Uint8Array(bytes)
        : undefined;
    },
  };
}
