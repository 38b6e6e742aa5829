/** Whether a receipt that somebody hands in can be judged and challenged. */
import { inputsRoot } from "../../../program/src/claim.ts";
import { decodeHeader } from "../../../program/src/decode.ts";
import { blobBytes } from "../../../program/src/dtype.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { keccak } from "../../../sdk/src/ids.ts";
import { RECEIPT_VALIDITY, type Receipt } from "../../../sdk/src/receipts.ts";
import { fromHex, sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ChainState, ReleaseRecord } from "../chain/state.ts";
import type { Evidence } from "../state/audits.ts";

export interface Handed {
  readonly digest: Hex;
  readonly receipt: Receipt;
  readonly signature: Hex;
  /** Who signed it, lower case. */
  readonly key: Hex;
}

/** Operators' clocks may be ahead of ours and of the chain's by so much, seconds. */
const MOST_AHEAD = 600;

/** Whoever comes later may not be judged, and challenged, in time, seconds. */
const LEAST_LEFT = 3600;

/** Chain time from which a receipt cannot be challenged any more, unix seconds. */
export function expiryOf({ issuedAt }: Receipt): number {
  return issuedAt + RECEIPT_VALIDITY;
}

/**
 * Why input and output are not those that the receipt is about, or none of its release: nobody could win by them. Undefined: they are.
 * The chain has hashes alone, so a challenge with an output of another length is begun, and lost.
 */
export function misfit(
  receipt: Receipt,
  { input, output }: Evidence,
  { release, header }: ReleaseRecord,
): string | undefined {
  if (output.length !== release.outputBytes)
    return `the output has ${output.length} bytes, not ${release.outputBytes}`;
  if (input.length !== release.inputBytes)
    return `the input has ${input.length} bytes, not ${release.inputBytes}`;
  if (!sameHex(keccak(output), receipt.outputHash))
    return "the output is not the one that the receipt is about";
  const { inputs } = decodeHeader(fromHex(header)) ?? { inputs: [] };
  // A publisher may have said anything of its release.
  if (blobBytes(inputs) !== input.length) return "its release does not fit its own program";
  return sameHex(toHex(inputsRoot({ inputs }, input)), receipt.inputsRoot)
    ? undefined
    : "the input is not the one that the receipt is about";
}

function bad(text: string): AssayError {
  return new AssayError("BAD_PAYMENT", text);
}

/** @throws {AssayError} BAD_SIGNATURE; BAD_PAYMENT if it cannot be judged or challenged. */
export function checkHanded(
  { receipt, key }: Handed,
  evidence: Evidence,
  { keys, releases }: ChainState,
  { timestamp }: BlockRef,
): void {
  const owner = keys.get(key);
  if (owner === undefined || !sameHex(owner.operator, receipt.operator) || receipt.issuedAt > owner.until)
    throw new AssayError("BAD_SIGNATURE", `the key that signed is not one of ${receipt.operator}'s`);
  if (timestamp >= expiryOf(receipt)) throw bad("the receipt has expired: it cannot be challenged any more");
  if (timestamp >= expiryOf(receipt) - LEAST_LEFT)
    throw bad("the receipt expires within the hour: that is too late to be judged here");
  if (receipt.issuedAt > Math.max(timestamp, Date.now() / 1000) + MOST_AHEAD)
    throw bad("the receipt is issued in the future");
  const record = releases.get(receipt.releaseId);
  if (record === undefined) throw bad(`there is no release ${receipt.releaseId}`);
  const reason = misfit(receipt, evidence, record);
  if (reason !== undefined) throw bad(reason);
}
