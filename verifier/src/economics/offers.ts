/** What an operator offers in the directory, so that whoever pays its quote is answered. Pure. */
import { quoteOf } from "../../../sdk/src/offer.ts";
import type { Offer, Release } from "../../../sdk/src/structs.ts";
import { minFeeOf, sharesOf, type AnswerTerms } from "./answer.ts";
import { grossFee } from "./fees.ts";
import { answerGas } from "./gas.ts";
import { computeWei } from "./runTimes.ts";
import type { Hex } from "../../../sdk/src/structs.ts";

export const NO_OFFER: Offer = { feeWei: 0n, gas: 0, tipMwei: 0, gasPercent: 0, maxBondWei: 0n };

/** The base fee rises by an eighth with each full block; a quote holds for two of them, percent. */
const MARGIN_PERCENT = 127n;
const MAX_96 = 2n ** 96n - 1n;
const MAX_24 = 2 ** 24 - 1;
const MAX_16 = 2 ** 16 - 1;
/** A callback of ordinary size: offers are compared with it and without. */
const COMPARED_CALLBACK = 1_000_000;

export interface OfferFacts {
  /** Packed parameters of later requests. */
  readonly parameters: bigint;
  readonly runSeconds: number;
  /** Wei per gas. */
  readonly tip: bigint;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/**
 * A fixed price as it is; "auto" as compute price and gas at base fee and tip, each raised so that the cost is left when royalty and
 * protocol have had their shares, and gas by a margin for two full blocks.
 */
export function offerFor(releaseId: Hex, release: Release, terms: AnswerTerms, facts: OfferFacts): Offer {
  const bond = terms.maxBond ?? terms.maxExposure;
  const maxBondWei = bond === undefined ? MAX_96 : least(bond, MAX_96);
  const price = minFeeOf(terms, releaseId);
  if (price !== "auto") return { ...NO_OFFER, feeWei: least(price, MAX_96), maxBondWei };
  const shares = sharesOf(release, facts.parameters);
  const computing = computeWei(facts.runSeconds, terms.computeWeiPerSecond ?? 0n);
  return {
    feeWei: least(grossFee(computing, shares), MAX_96),
    gas: Math.min(answerGas(release, 0), MAX_24),
    tipMwei: Math.min(Number((facts.tip + 999_999n) / 1_000_000n), MAX_24),
    gasPercent: Math.min(Number(grossFee(MARGIN_PERCENT, shares)), MAX_16),
    maxBondWei,
  };
}

/**
 * Whether an announced offer still says what is wanted. A fixed price must be the same; one in gas may be up to twice as high as what
 * is wanted now and a tenth lower, so that tips and measurements that drift do not make a transaction each time.
 */
export function isInStep(announced: Offer | undefined, wanted: Offer, baseFee: bigint): boolean {
  if (announced === undefined || announced.maxBondWei !== wanted.maxBondWei) return false;
  if (announced.gasPercent === 0 || wanted.gasPercent === 0)
    return announced.gasPercent === wanted.gasPercent && announced.feeWei === wanted.feeWei;
  return [0, COMPARED_CALLBACK].every((callbackGas) => {
    const said = quoteOf(announced, baseFee, callbackGas) ?? 0n;
    const meant = quoteOf(wanted, baseFee, callbackGas) ?? 0n;
    return said * 10n >= meant * 9n && said <= 2n * meant;
  });
}
