/** Hashes and addresses in the one spelling that keys of maps and rows have. */
import type { Hex } from "../../sdk/src/structs.ts";

export function lowerHex(text: string): Hex {
  return `0x${text.slice(2).toLowerCase()}`;
}
