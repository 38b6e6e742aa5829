/** Who answers a release at which price, and what to send with a request. */
import { zeroPadValue, type Provider } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { parseEvent } from "./events.ts";
import { readLogs } from "./logs.ts";
import { quoteOf } from "./offer.ts";
import { applyToOperators, type OperatorRecord } from "./operators.ts";
import { reading } from "./send.ts";
import { ZERO_ADDRESS, type Hex, type Offer } from "./structs.ts";

/** Anybody can announce: of so many operators, the newest, the stakes are asked for. */
const MAX_OPERATORS = 1000;
const AT_ONCE = 32;
/** Gas of an answer and its finalization, rounded up: what a fee should cover where nobody announces a price. */
const ANSWER_GAS = 200_000n;
const TIP_WEI = 10n ** 9n;

export type DirectoryEvent = "OfferChanged" | "EndpointsAnnounced";

/** The directory's records, from its events alone. @param topics After the event's own, as for eth_getLogs. */
export async function readDirectory(
  { directory, deployment }: Contracts,
  provider: Provider,
  names: readonly DirectoryEvent[],
  topics: readonly (string | string[] | null)[],
): Promise<Map<string, OperatorRecord>> {
  const operators = new Map<string, OperatorRecord>();
  const filter = {
    address: deployment.addresses.directory,
    topics: [names.map((name) => directory.interface.getEvent(name).topicHash), ...topics],
  };
  for (const log of await readLogs(provider, filter, deployment.block)) {
    const event = parseEvent("directory", log);
    if (event !== undefined) applyToOperators(operators, event);
  }
  return operators;
}

export interface ListedOffer {
  readonly operator: Hex;
  readonly offer: Offer;
  /** At the newest block's base fee, wei. */
  readonly priceWei: bigint;
  /** Stake, wei. An answer locks the request's bond of what is free. */
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  /** Base URLs that the operator announced. */
  readonly endpoints: readonly string[];
}

async function baseFeeOf(provider: Provider): Promise<bigint> {
  return (await reading("eth_getBlockByNumber", provider.getBlock("latest")))?.baseFeePerGas ?? 0n;
}

/**
 * Offers for a release, cheapest first, of the directory's events from the deployment's first block on.
 * @param callbackGas As in the request to come.
 * @throws {AssayError} RPC_FAILED.
 */
export async function listOffers(
  contracts: Contracts,
  provider: Provider,
  releaseId: Hex,
  callbackGas = 0,
): Promise<ListedOffer[]> {
  const baseFee = await baseFeeOf(provider);
  const offering = await readDirectory(contracts, provider, ["OfferChanged"], [null, releaseId]);
  const newest = [...offering.values()].slice(-MAX_OPERATORS);
  const accounts = newest.map(({ address }) => zeroPadValue(address, 32));
  const reachable =
    accounts.length === 0
      ? new Map<string, OperatorRecord>()
      : await readDirectory(contracts, provider, ["EndpointsAnnounced"], [accounts]);

  async function listed(record: OperatorRecord): Promise<ListedOffer[]> {
    const { address } = record;
    const offer = record.offers.get(releaseId);
    const priceWei = offer && quoteOf(offer, baseFee, callbackGas);
    if (offer === undefined || priceWei === undefined) return [];
    const { freeWei, lockedWei } = await contracts.vault.accountOf(address);
    const endpoints = reachable.get(address.toLowerCase())?.endpoints ?? [];
    return [{ operator: address, offer, priceWei, freeWei, lockedWei, endpoints }];
  }

  const found: ListedOffer[] = [];
  for (let at = 0; at < newest.length; at += AT_ONCE)
    found.push(...(await Promise.all(newest.slice(at, at + AT_ONCE).map(listed))).flat());
  return found.sort((a, b) => (a.priceWei < b.priceWei ? -1 : a.priceWei > b.priceWei ? 1 : 0));
}

export interface QuoteOptions {
  readonly releaseId: Hex;
  /** Ask this operator's price; it is read without a search of the directory's events. Default: the cheapest that can answer. */
  readonly operator?: Hex;
  /** Operator's bond, wei. Default: the least for this release. */
  readonly bond?: bigint;
  /** Default 0: no callback. */
  readonly callbackGas?: number;
  /** Blocks until the answer, in each of which the base fee may rise by an eighth. Default 2. */
  readonly headroomBlocks?: number;
}

export interface Quote {
  /** To send with the request, wei. */
  readonly fee: bigint;
  /** Whose price it is: name it in the request, the price is nobody else's. Zero: nobody announced one, and the fee is an estimate. */
  readonly operator: Hex;
  /** What the operator will lock, wei: the least for this release in this block, or what was asked for if that is more. */
  readonly bond: bigint;
  /** Wei per gas, newest block. */
  readonly baseFee: bigint;
}

function raised(baseFee: bigint, blocks: number): bigint {
  let fee = baseFee;
  for (let i = 0; i < blocks; i++) fee += fee / 8n + 1n;
  return fee;
}

/**
 * A price for one answer. Offers bind nobody: give the request a deadline, the fee of an unanswered one comes back.
 * @throws {AssayError} NOT_FOUND if the named operator offers nothing that covers the bond, RPC_FAILED.
 */
export async function quote(contracts: Contracts, provider: Provider, options: QuoteOptions): Promise<Quote> {
  const { releaseId, operator: named, callbackGas = 0, headroomBlocks = 2 } = options;
  const { directory, market } = contracts;
  const floor = await reading("bondFloor", market.bondFloor(releaseId));
  const bond = options.bond !== undefined && options.bond > floor ? options.bond : floor;
  const baseFee = await baseFeeOf(provider);
  const later = raised(baseFee, headroomBlocks);
  if (named !== undefined) {
    const offer = await reading("offerOf", directory.offerOf(named, releaseId));
    const fee = offer.maxBondWei < bond ? undefined : quoteOf(offer, later, callbackGas);
    if (fee !== undefined) return { fee, operator: named, bond, baseFee };
    throw new AssayError("NOT_FOUND", `${named} offers no answer of this release with a bond of ${bond} wei`);
  }
  const able = (await listOffers(contracts, provider, releaseId, callbackGas)).find(
    ({ offer, freeWei }) => offer.maxBondWei >= bond && freeWei >= bond,
  );
  const fee = able && quoteOf(able.offer, later, callbackGas);
  if (able !== undefined && fee !== undefined) return { fee, operator: able.operator, bond, baseFee };
  const usual = (ANSWER_GAS + BigInt(callbackGas)) * (later + TIP_WEI);
  return { fee: usual, operator: ZERO_ADDRESS, bond, baseFee };
}
