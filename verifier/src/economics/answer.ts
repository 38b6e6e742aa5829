/** Whether to answer a request. Pure. */
import { unpackParameters, type ParameterSet } from "../../../sdk/src/parameters.ts";
import { sameHex, ZERO_ADDRESS, type Hex, type Release, type Request } from "../../../sdk/src/structs.ts";
import { leave, TAKE, type Decision } from "./decision.ts";
import { ether } from "./ether.ts";
import { fitsExposure, type Exposure, type ExposureLimits } from "./exposure.ts";
import { netFee, type FeeShares } from "./fees.ts";
import { answerGas, deliveryGas } from "./gas.ts";
import { computeWei } from "./runTimes.ts";

/** "auto": what answering costs; otherwise wei of the whole fee. */
export type MinFee = bigint | "auto";

export interface AnswerTerms {
  /** Releases that are answered. */
  readonly serve: "all" | readonly Hex[];
  readonly minFee: MinFee;
  /** Least fees (wei) of single releases, by lower-case id, in place of `minFee`. */
  readonly prices?: ReadonlyMap<string, MinFee>;
  /** Of an exact run, beside gas; counted by "auto". Default 0. */
  readonly computeWeiPerSecond?: bigint;
  /** Most that is bonded for one answer, wei. Default: no limit. */
  readonly maxBond?: bigint;
  /** Most that is bonded at once in answers that can still be challenged, wei. Default: no limit. */
  readonly maxExposure?: bigint;
}

/** What answering takes now. */
export interface AnswerFacts {
  /** Base fee and tip, wei per gas. */
  readonly feePerGas: bigint;
  readonly runSeconds: number;
  /** Own stake that nothing binds, less the bonds of answers that are being computed, wei; undefined: not known yet. */
  readonly freeWei: bigint | undefined;
  readonly exposure: Exposure;
  /** What this answer adds. */
  readonly added: Exposure;
  readonly limits: ExposureLimits;
}

export interface AnswerCost {
  readonly gas: number;
  readonly gasWei: bigint;
  readonly computeWei: bigint;
  readonly totalWei: bigint;
}

/** gas of fulfill, finalize and callback * (base fee + tip) + seconds of an exact run * price of a second. */
export function answerCost(
  release: Pick<Release, "outputBytes">,
  callbackGas: number,
  { feePerGas, runSeconds }: Pick<AnswerFacts, "feePerGas" | "runSeconds">,
  weiPerSecond = 0n,
): AnswerCost {
  const gas = answerGas(release, callbackGas);
  const gasWei = BigInt(gas) * feePerGas;
  const computing = computeWei(runSeconds, weiPerSecond);
  return { gas, gasWei, computeWei: computing, totalWei: gasWei + computing };
}

/** `InferenceMarket.bondFloor` in a block with this base fee, wei. */
export function bondFloor(
  { disputeGas }: Pick<Release, "disputeGas">,
  { selectDepositGwei }: Pick<ParameterSet, "selectDepositGwei">,
  baseFee: bigint,
): bigint {
  const disputeWei = BigInt(disputeGas) * baseFee;
  const leastWei = BigInt(selectDepositGwei) * 1_000_000_000n;
  return 8n * (disputeWei > leastWei ? disputeWei : leastWei);
}

export function minFeeOf({ minFee, prices }: Pick<AnswerTerms, "minFee" | "prices">, releaseId: Hex): MinFee {
  return prices?.get(releaseId.toLowerCase()) ?? minFee;
}

export function sharesOf({ royaltyBps }: Pick<Release, "royaltyBps">, parameters: bigint): FeeShares {
  return { royaltyBps, protocolFeeBps: unpackParameters(parameters).protocolFeeBps };
}

/**
 * Whether the fee still pays for calling the requester back again, after `failed` callbacks that cost as much each. Nothing is earned
 * by it, so a requester whose callbacks fail could otherwise spend the operator's gas. An operator with a fixed price does it anyway.
 */
export function paysDelivery(
  request: Request,
  release: Release,
  terms: Pick<AnswerTerms, "minFee" | "prices" | "computeWeiPerSecond">,
  prices: Pick<AnswerFacts, "feePerGas" | "runSeconds">,
  failed: number,
): boolean {
  if (minFeeOf(terms, request.releaseId) !== "auto") return true;
  const { totalWei } = answerCost(release, request.callbackGas, prices, terms.computeWeiPerSecond);
  const again = BigInt(deliveryGas(release, request.callbackGas)) * prices.feePerGas * BigInt(failed);
  return netFee(request.fee, sharesOf(release, request.parameters)) >= totalWei + again;
}

/** Answers whose fee covers what they cost and whose bond can be risked. */
export function considerAnswer(
  request: Request,
  release: Release,
  me: Hex,
  terms: AnswerTerms,
  facts: AnswerFacts,
): Decision {
  const { serve, maxBond, computeWeiPerSecond } = terms;
  if (serve !== "all" && !serve.some((id) => sameHex(id, request.releaseId)))
    return leave("release-not-served", "the release is not among those that are served");
  if (!sameHex(request.operator, ZERO_ADDRESS) && !sameHex(request.operator, me))
    return leave("named-other", "it names another operator");
  const least = minFeeOf(terms, request.releaseId);
  if (least === "auto") {
    const netWei = netFee(request.fee, sharesOf(release, request.parameters));
    const { totalWei } = answerCost(release, request.callbackGas, facts, computeWeiPerSecond);
    if (netWei < totalWei)
      return leave("fee-below-cost", `fee below cost (${ether(netWei)} after shares < ${ether(totalWei)})`);
  } else if (request.fee < least)
    return leave("fee-below-price", `fee below price (${ether(request.fee)} < ${ether(least)})`);
  if (maxBond !== undefined && request.bond > maxBond)
    return leave("bond-above-limit", `bond above limit (${ether(request.bond)} > ${ether(maxBond)})`);
  if (facts.freeWei !== undefined && request.bond > facts.freeWei)
    return leave("stake-too-low", `free stake below bond (${ether(facts.freeWei)} < ${ether(request.bond)})`);
  const fit = fitsExposure(facts.exposure, facts.added, facts.limits);
  return fit.take ? TAKE : fit;
}
