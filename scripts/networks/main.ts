/** Writes the networks as ONNX files: `npm run networks -- DIR [NAME...]`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NETWORKS } from "./index.ts";

const [directory, ...asked] = process.argv.slice(2);
const names = asked.length > 0 ? asked : Object.keys(NETWORKS);
const unknown = names.filter((name) => !Object.hasOwn(NETWORKS, name));
if (directory === undefined || unknown.length > 0) {
  console.error(`Say where to, and which of ${Object.keys(NETWORKS).join(", ")} (default: all).`);
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
for (const name of names) {
  const file = NETWORKS[name]?.() ?? new Uint8Array(0);
  writeFileSync(join(directory, `${name}.onnx`), file);
  console.log(`${join(directory, name)}.onnx: ${file.length} bytes`);
}
