/** Shares of a fee, as the market takes them. Wei and basis points. */
const BPS = 10_000n;

/** Shares of each fee that are not the operator's. */
export interface FeeShares {
  readonly royaltyBps: number;
  readonly protocolFeeBps: number;
}

/** What the operator gets of a fee (`InferenceMarket._pay`: both shares are rounded down). */
export function netFee(feeWei: bigint, { royaltyBps, protocolFeeBps }: FeeShares): bigint {
  return feeWei - (feeWei * BigInt(royaltyBps)) / BPS - (feeWei * BigInt(protocolFeeBps)) / BPS;
}

/** A fee of which the operator gets at least `netWei`: netWei * 10000 / (10000 - shares), rounded up. */
export function grossFee(netWei: bigint, { royaltyBps, protocolFeeBps }: FeeShares): bigint {
  const left = BPS - BigInt(royaltyBps + protocolFeeBps);
  return (netWei * BPS + left - 1n) / left;
}
