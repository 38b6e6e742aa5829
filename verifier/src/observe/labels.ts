/** Label values of which there are few: never an id or address of a stranger. */
import { AssayError } from "../../../sdk/src/error.ts";

/** What a duty or move does, from its key: "answer:0x…" or "0x…:reveal:0x…" . */
export function kindOfKey(key: string): string {
  const [first = "", second = ""] = key.split(":");
  return first.startsWith("0x") ? second : first;
}

/** The stable code of our own errors; foreign ones are bugs. */
export function codeOfError(error: unknown): string {
  return error instanceof AssayError ? error.code : "UNKNOWN";
}

/** A release by the beginning of its id. */
export function labelOfRelease(releaseId: string): string {
  return releaseId.toLowerCase().slice(0, 10);
}
