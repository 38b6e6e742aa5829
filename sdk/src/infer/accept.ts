/** Whether what an operator sent is what was ordered, and binds it. */
import { AssayError } from "../error.ts";
import { keccak } from "../ids.ts";
import { digestOf, signerOf, type Place } from "../receipts.ts";
import { sameHex, type Hex } from "../structs.ts";
import type { OpenOrder } from "./ledger.ts";
import type { Settlement } from "./wire.ts";

/** What the chain says of a key. */
export interface KeyStanding {
  readonly operator: Hex;
  /** Unix seconds. */
  readonly until: number;
}

export interface Expected {
  readonly place: Place;
  readonly opened: OpenOrder;
  /** Of the release, bytes. */
  readonly outputBytes: number;
  /** Our clock, unix seconds. */
  readonly now: number;
}

/** How far an operator's clock may be from ours, seconds: for so much longer or shorter it can be held to a receipt. */
export const CLOCK_SECONDS = 300;

function bad(why: string): AssayError {
  return new AssayError(
    "BAD_RECEIPT",
    `the operator's receipt is no good: ${why}. Its answer was thrown away; asking again asks it for the same order, and costs nothing more`,
  );
}

/**
 * Everything but the key.
 * @returns whose key signed. @throws {AssayError} BAD_RECEIPT
 */
export function checkSettlement(
  expected: Expected,
  { receipt, signature }: Settlement,
  output: Uint8Array,
): Hex {
  const { place, opened, outputBytes, now } = expected;
  const { order, bondClass, sentAt } = opened;
  if (output.length !== outputBytes)
    throw bad(`the output has ${output.length} bytes, the release's ${outputBytes}`);
  const fields = [
    ["order", receipt.requestHash, digestOf(place, "Order", order)],
    ["release", receipt.releaseId, order.releaseId],
    ["input", receipt.inputsRoot, order.inputsRoot],
    ["operator", receipt.operator, order.operator],
    ["output", receipt.outputHash, keccak(output)],
  ] as const;
  for (const [name, said, wanted] of fields)
    if (!sameHex(said, wanted)) throw bad(`it is for another ${name} (${said}, not ${wanted})`);
  if (receipt.bondClass < bondClass)
    throw bad(`its bond is of class ${receipt.bondClass}, the terms said ${bondClass}`);
  // Earlier or later it would be good for less, or for longer than the key and the reserve are.
  if (receipt.issuedAt < sentAt - CLOCK_SECONDS || receipt.issuedAt > now + CLOCK_SECONDS)
    throw bad(
      `it says that it was issued at ${receipt.issuedAt} (unix seconds); by our clock it was between ${sentAt} and ${now}`,
    );
  try {
    return signerOf(place, "Receipt", receipt, signature);
  } catch (cause) {
    throw new AssayError("BAD_RECEIPT", bad("its signature is none").message, { cause });
  }
}

/** @param standing Undefined: nobody has registered the key. @throws {AssayError} BAD_RECEIPT */
export function checkKey(
  key: Hex,
  standing: KeyStanding | undefined,
  { receipt }: Pick<Settlement, "receipt">,
): void {
  if (standing === undefined || !sameHex(standing.operator, receipt.operator))
    throw bad(`${key} signed it, which is no key of ${receipt.operator}`);
  if (receipt.issuedAt > standing.until) throw bad(`its key ${key} was revoked before`);
}
