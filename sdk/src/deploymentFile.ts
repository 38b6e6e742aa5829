/** Deployment files, for programs that have a file system. */
import { readFileSync } from "node:fs";
import { parseDeployment, type Deployment } from "./deployment.ts";
import { AssayError, messageOf } from "./error.ts";

/** @throws {AssayError} BAD_DEPLOYMENT */
export function readDeployment(path: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `cannot read ${path}: ${messageOf(cause)}. Deploy first, or name another file`,
      {
        cause,
      },
    );
  }
  return parseDeployment(json);
}
