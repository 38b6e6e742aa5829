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

/** What a promise is rejected with. @throws Error if it is not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const settled = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (settled === undefined) throw new Error("nothing failed");
  return settled.error;
}
