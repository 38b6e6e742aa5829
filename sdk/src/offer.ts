/** Prices of operators, as `OperatorDirectory` has them. */
/** An offer as events, or as the contract's `offerOf`, give it. */
export interface OfferTerms {
  readonly feeWei: bigint;
  readonly gas: number | bigint;
  readonly tipMwei: number | bigint;
  readonly gasPercent: number | bigint;
  readonly maxBondWei: bigint;
}

/**
 * Fee to send with a request that names the operator of an offer, wei, rounded up: what `OperatorDirectory.quote` says in a block
 * with this base fee. The base fee may rise by an eighth with each block until the request and the answer are mined.
 * @param baseFee Wei per gas.
 * @param callbackGas As in the request; 0 without a callback.
 * @returns undefined if nothing is offered.
 */
export function quoteOf(offer: OfferTerms, baseFee: bigint, callbackGas = 0): bigint | undefined {
  if (offer.maxBondWei === 0n) return undefined;
  const gas = BigInt(offer.gas) + BigInt(callbackGas);
  const weiPerGas = baseFee + BigInt(offer.tipMwei) * 1_000_000n;
  return offer.feeWei + (gas * weiPerGas * BigInt(offer.gasPercent) + 99n) / 100n;
}
