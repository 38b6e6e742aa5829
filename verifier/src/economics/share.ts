/** `Shares.shareDown`: a quarter of the bond for the first challenger, half as much for each later one, wei. */
export function shareDown(bondWei: bigint, entry: number): bigint {
  return entry < 254 ? bondWei >> BigInt(entry + 2) : 0n;
}
