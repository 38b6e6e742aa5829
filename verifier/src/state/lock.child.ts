/** A process that tries to lock a directory whenever it is told to, for lock.test.ts. */
import { AssayError } from "../../../sdk/src/error.ts";
import { lockDirectory } from "./lock.ts";

process.on("message", () => {
  try {
    lockDirectory(process.argv[2] ?? "");
    process.send?.("held");
  } catch (error) {
    process.send?.(error instanceof AssayError ? error.code : String(error));
  }
});
process.send?.("ready");
