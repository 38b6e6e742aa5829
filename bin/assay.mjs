#!/usr/bin/env node
// The `assay` command: the TypeScript sources run as they are, under the Node that comes with the project.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsx = join(root, "node_modules", ".bin", "tsx");
const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
const cli = join(root, "verifier", "src", "cli.ts");
const result = spawnSync(tsx, ["--tsconfig", join(root, "tsconfig.json"), cli, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, PATH: path },
});
process.exit(result.status ?? 1);
