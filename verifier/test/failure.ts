import { AssayError } from "../../sdk/src/error.ts";

/** Code of the error that a promise is rejected with; "none" if it is not, "other" for foreign errors. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof AssayError ? error.code : `other: ${String(error)}`;
  }
}
