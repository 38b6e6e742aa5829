#!/usr/bin/env node
// The `assay` command: the TypeScript sources run as they are, under the Node that comes with the project.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENVIRONMENT, FLAGS } from "./launch.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
if (!existsSync(join(root, "types"))) {
  console.error("The project is not set up yet. Run `npm run setup` once, then try again.");
  process.exit(1);
}
const child = spawn(
  join(bin, "node"),
  [...FLAGS, join(root, "verifier", "src", "cli.ts"), ...process.argv.slice(2)],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      ...ENVIRONMENT,
      PATH: bin + delimiter + (process.env.PATH ?? ""),
    },
  },
);
// A node that is asked to stop finishes what it has begun, so this process waits for it. A terminal sends its SIGINT to both.
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`Cannot start: ${error.message}. Run \`npm run setup\`, then try again.`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
