/** Inputs and outputs of receipts on trial, read from the database when they are first asked for. */
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { logError, type Logger } from "../log.ts";
import type { Heard } from "./role.ts";

export interface Evidence {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** Before what was not there is looked for again: it may be handed to us later. */
const AGAIN_MS = 10_000;

/** @param find By digest. @param onFound Called when what was asked for has come. */
export function createHearing(
  find: (digest: Hex) => Promise<Evidence | undefined>,
  log: Logger,
  onFound: () => void,
): (digest: Hex) => Heard | undefined {
  const found = new Map<Hex, Heard>();
  const asked = new Map<Hex, number>();

  async function look(digest: Hex): Promise<void> {
    try {
      const evidence = await find(digest);
      if (evidence === undefined) return;
      found.set(digest, { input: toHex(evidence.input), output: toHex(evidence.output) });
      onFound();
    } catch (error) {
      logError(log, error, "reading a receipt failed", { receipt: digest });
    }
  }

  return (digest) => {
    const known = found.get(digest);
    // The caller keeps it with the trial.
    if (found.delete(digest)) asked.delete(digest);
    if (known !== undefined) return known;
    const now = performance.now();
    if (now - (asked.get(digest) ?? -Infinity) > AGAIN_MS) {
      asked.set(digest, now);
      void look(digest);
    }
    return undefined;
  };
}
