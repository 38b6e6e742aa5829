/** What a wallet should hold for the gas of disputes. Pure. */
import type { GasPrice } from "./feePerGas.ts";

/** Disputes that the wallet should be able to pay for without anybody's help. */
export const DISPUTES_KEPT = 3n;
/** Gas of the longest dispute, as long as no release is known. */
export const UNKNOWN_DISPUTE_GAS = 3_000_000;

/** Wei per gas to count on for the next minutes. */
export function cautiousPrice({ baseFee, tip }: GasPrice): bigint {
  return 2n * baseFee + tip;
}

/** @param disputeGas Of the longest dispute. @param gasPrice Wei per gas. */
export function reserveWei(disputeGas: bigint, gasPrice: bigint): bigint {
  return DISPUTES_KEPT * disputeGas * gasPrice;
}
