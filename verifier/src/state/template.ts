/** A database as Postgres makes a new one, once for all: a copy takes a tenth of a second, a new one seconds and several times its memory. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod/v4";
import { INITDB } from "./pgliteParameters.ts";

const CACHE = new URL("../../../node_modules/.cache/assay/", import.meta.url);

/** Where the set-up puts it: another for each version of the embedded Postgres, and for what that is told when it makes one. */
export function templatePath(): string {
  const library = dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite"));
  const described: unknown = JSON.parse(readFileSync(join(library, "..", "package.json"), "utf8"));
  const { version } = z.object({ version: z.string() }).parse(described);
  const kind = createHash("sha256")
    .update(JSON.stringify([version, INITDB]))
    .digest("hex");
  return join(fileURLToPath(CACHE), `postgres-${kind.slice(0, 16)}`);
}
