/** Part of the set-up: makes the template of databases, if it is not there. It is flushed to disk before it has its name. */
import {
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
import { openPostgres } from "./pglite.ts";
import { templatePath } from "./template.ts";

const path = templatePath();
if (!existsSync(path)) {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = mkdtempSync(`${path}-`);
  await (await openPostgres(unfinished)).close();
  for (const entry of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = openSync(join(entry.parentPath, entry.name), "r+");
    fsyncSync(file);
    closeSync(file);
  }
  renameSync(unfinished, path);
}
