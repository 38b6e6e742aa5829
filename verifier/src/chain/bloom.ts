/** The bloom filter of a block's logs (Yellow Paper, section 4.4.1): says what is not in it, and what may be. */
import { getBytes, keccak256 } from "ethers";
import type { Hex } from "../../../sdk/src/structs.ts";

/** Bits of a 2048-bit filter that a value sets. */
export function bloomBits(value: Hex): number[] {
  const hash = getBytes(keccak256(value));
  return [0, 2, 4].map((i) => (((hash[i] ?? 0) << 8) | (hash[i + 1] ?? 0)) & 2047);
}

/** @param bloom 256 bytes of hex. @returns false: certainly not in it. */
export function mayContain(bloom: Hex, bits: readonly number[]): boolean {
  return bits.every((bit) => {
    const digit = parseInt(bloom.charAt(bloom.length - 1 - (bit >> 2)), 16);
    return ((digit >> (bit & 3)) & 1) === 1;
  });
}
