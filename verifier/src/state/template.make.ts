/**
 * Part of the set-up: makes the template of databases, if it is not there. It is flushed to disk before it has its name, and any user
 * may read it: who sets up need not be who runs the node, and it holds no secrets.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { templatePath } from "./template.ts";

const [, , path = templatePath()] = process.argv;
if (!existsSync(path)) {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = mkdtempSync(`${path}-`);
  // Mostly there is nothing to do, and no need of it.
  const { openPostgres } = await import("./pglite.ts");
  await (await openPostgres(unfinished)).close();
  chmodSync(unfinished, 0o755);
  for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
    const name = join(entry.parentPath, entry.name);
    chmodSync(name, entry.isFile() ? 0o644 : 0o755);
    if (!entry.isFile()) continue;
    const file = openSync(name, "r+");
    fsyncSync(file);
    closeSync(file);
  }
  renameSync(unfinished, path);
}
