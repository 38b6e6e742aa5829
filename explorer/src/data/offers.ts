/** Who serves a release, at which price, with which stake. */
import { quoteOf } from "../../../sdk/src/offer.ts";
import type { OperatorRecord } from "../../../sdk/src/operators.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../../../verifier/src/chain/state.ts";
import { useChain, useSnapshot } from "./context.tsx";

export interface ServedBy {
  readonly operator: OperatorRecord;
  /** At the newest block's base fee, wei. */
  readonly priceWei: bigint;
  readonly maxBondWei: bigint;
  readonly stake: Stake | undefined;
}

export interface Stake {
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
}

/** Anybody can announce: of so many, the cheapest, the stakes are asked for. */
const MAX_STAKES = 30;

/** Cheapest first. */
export function useOffers(releaseId: Hex): readonly ServedBy[] {
  const { ledger, head } = useSnapshot();
  const baseFee = head?.baseFee ?? 0n;
  const offers = [...ledger.state.operators.values()]
    .flatMap((operator) => {
      const offer = operator.offers.get(releaseId);
      const priceWei = offer && quoteOf(offer, baseFee);
      return offer === undefined || priceWei === undefined
        ? []
        : [{ operator, priceWei, maxBondWei: offer.maxBondWei }];
    })
    .sort((a, b) => (a.priceWei < b.priceWei ? -1 : 1));
  const { data } = useStakes(offers.slice(0, MAX_STAKES).map(({ operator }) => operator.address));
  return offers.map((offer) => ({ ...offer, stake: data?.get(offer.operator.address.toLowerCase()) }));
}

export interface Served {
  readonly operators: number;
  readonly cheapestWei: bigint;
}

/** By release. @param baseFee Wei. */
export function servedReleases({ operators }: ChainState, baseFee: bigint): Map<Hex, Served> {
  const served = new Map<Hex, Served>();
  for (const { offers } of operators.values())
    for (const [releaseId, offer] of offers) {
      const priceWei = quoteOf(offer, baseFee);
      if (priceWei === undefined) continue;
      const known = served.get(releaseId) ?? { operators: 0, cheapestWei: priceWei };
      const cheapestWei = priceWei < known.cheapestWei ? priceWei : known.cheapestWei;
      served.set(releaseId, { operators: known.operators + 1, cheapestWei });
    }
  return served;
}

/** By address, lower case. */
export function useStakes(accounts: readonly Hex[]) {
  const names = accounts.map((account) => account.toLowerCase()).sort();
  return useChain(["stakes", ...names], async ({ contracts }) => {
    const stakes = await Promise.all(
      names.map(async (account) => {
        const { freeWei, lockedWei } = await contracts.vault.accountOf(account);
        return [account, { freeWei, lockedWei }] as const;
      }),
    );
    return new Map<string, Stake>(stakes);
  });
}
