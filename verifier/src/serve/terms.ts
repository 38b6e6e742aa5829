/** What answers over HTTP cost here. Pure. */
import {
  networkOf,
  SCHEME,
  X402_VERSION,
  type PaymentRequired,
  type Terms,
} from "../../../sdk/src/infer/wire.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import { ZERO_ADDRESS, type Hex } from "../../../sdk/src/structs.ts";

export interface Prices {
  /** Wei for one answer. */
  of(releaseId: Hex): bigint;
  readonly bondClass: number;
}

/** @param prices By release, lower case, in place of `priceWei`. */
export function createPrices(
  priceWei: bigint,
  prices: ReadonlyMap<string, bigint>,
  bondClass: number,
): Prices {
  return { of: (releaseId) => prices.get(releaseId.toLowerCase()) ?? priceWei, bondClass };
}

export interface Offering {
  readonly place: Place;
  readonly operator: Hex;
  /** Signs the receipts. */
  readonly key: Hex;
  readonly prices: Prices;
  readonly maxOrderSeconds: number;
}

function termsOf({ place, operator, key, prices, maxOrderSeconds }: Offering, releaseId: Hex): Terms {
  const { receipts, deposits } = place;
  return {
    scheme: SCHEME,
    network: networkOf(place),
    asset: ZERO_ADDRESS,
    amount: prices.of(releaseId),
    payTo: operator,
    maxTimeoutSeconds: maxOrderSeconds,
    extra: { releaseId, receipts, deposits, key, bondClass: prices.bondClass },
  };
}

/** @param url Of the calls that are paid. */
export function requiredFor(
  offering: Offering,
  url: string,
  releaseIds: readonly Hex[],
  error: string,
  owedWei?: bigint,
): PaymentRequired {
  return {
    x402Version: X402_VERSION,
    error,
    resource: {
      url,
      description: "one inference, with a receipt that slashes the operator if it is wrong",
      mimeType: "application/octet-stream",
    },
    accepts: releaseIds.map((releaseId) => termsOf(offering, releaseId)),
    ...(owedWei === undefined ? {} : { extensions: { owedWei } }),
  };
}
