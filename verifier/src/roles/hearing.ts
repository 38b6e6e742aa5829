/** Inputs and outputs of receipts on trial, read from the database when they are first asked for. */
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { logError, type Logger } from "../log.ts";
import type { RoleContext, Heard } from "./role.ts";

export interface Evidence {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** Before what was not there is looked for again: it may be handed to us later. */
const AGAIN_MS = 10_000;

/** @param onFound Called when what was asked for has come. */
export function createHearing(
  find: (digest: Hex, receipt: Receipt) => Promise<Evidence | undefined>,
  log: Logger,
  onFound: () => void,
): RoleContext["heard"] {
  const found = new Map<Hex, Heard>();
  const asked = new Map<Hex, number>();

  async function look(digest: Hex, receipt: Receipt): Promise<void> {
    try {
      const evidence = await find(digest, receipt);
      if (evidence === undefined) return;
      found.set(digest, { input: toHex(evidence.input), output: toHex(evidence.output) });
      onFound();
    } catch (error) {
      logError(log, error, "reading a receipt failed", { receipt: digest });
    }
  }

  return (digest, receipt) => {
    const known = found.get(digest);
    // The caller keeps it with the trial.
    if (found.delete(digest)) asked.delete(digest);
    if (known !== undefined) return known;
    const now = performance.now();
    if (now - (asked.get(digest) ?? -Infinity) > AGAIN_MS) {
      asked.set(digest, now);
      void look(digest, receipt);
    }
    return undefined;
  };
}
