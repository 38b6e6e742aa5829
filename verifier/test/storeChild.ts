/** A process that puts bytes into a store until it is killed or the disk refuses: `storeChild.ts DIRECTORY BYTES`. Prints the outcome. */
import { AssayError } from "../../sdk/src/error.ts";
import { openStore } from "../src/content/store.ts";
import { seededBytes } from "./content.ts";

const [directory = "", bytes = "0"] = process.argv.slice(2);
const store = await openStore(directory);
process.stdout.write("open\n");
try {
  const { sha256 } = await store.put(seededBytes(Number(bytes), "child"));
  process.stdout.write(`put ${sha256}\n`);
} catch (error) {
  const code = error instanceof AssayError ? `${error.code} ${error.retryable}` : String(error);
  process.stdout.write(`failed ${code}\n`);
}
