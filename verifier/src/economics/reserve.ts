/** What a wallet should hold for the gas of disputes. Pure. */

/** Disputes that the wallet should be able to pay for without anybody's help. */
export const DISPUTES_KEPT = 3n;
/** Gas of the longest dispute, as long as no release is known. */
export const UNKNOWN_DISPUTE_GAS = 3_000_000;

/** @param disputeGas Of the longest dispute. @param gasPrice Wei per gas. */
export function reserveWei(disputeGas: bigint, gasPrice: bigint): bigint {
  return DISPUTES_KEPT * disputeGas * gasPrice;
}
