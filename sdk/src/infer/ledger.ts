/** What one client has signed for one operator, and what it got for it. Pure. */
import { z } from "zod/v4";
import type { Order } from "../receipts.ts";
import { hex, type Hex } from "../structs.ts";
import { decimal, wireOrderSchema } from "./wire.ts";

/** An order that was signed, and may have been sent, of which there is no good receipt yet. */
export interface OpenOrder {
  readonly order: Order;
  /** Of its voucher, wei. */
  readonly totalWei: bigint;
  readonly signature: Hex;
  /** The least that its receipt must have. */
  readonly bondClass: number;
  /** Unix seconds. */
  readonly sentAt: number;
}

export interface Ledger {
  /** Prices of all that was obtained, wei. */
  readonly obtainedWei: bigint;
  /** Highest total of a voucher that was ever signed. */
  readonly signedWei: bigint;
  readonly open: readonly OpenOrder[];
}

export const ledgerSchema = z.object({
  version: z.literal(1),
  obtainedWei: decimal,
  signedWei: decimal,
  open: z.array(
    z.object({
      order: wireOrderSchema,
      totalWei: decimal,
      signature: hex,
      bondClass: z.number().int().nonnegative(),
      sentAt: z.number().int().nonnegative(),
    }),
  ),
});

/** @param paidWei What the operator has redeemed by now: vouchers up to that are worth nothing any more. */
export function openingLedger(paidWei: bigint): Ledger {
  return { obtainedWei: paidWei, signedWei: paidWei, open: [] };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/**
 * The voucher's total for one more order. What was signed never exceeds what was obtained by more than the prices that were in
 * flight together at some time: the price of an order that came to nothing pays for the next one.
 */
export function totalFor({ obtainedWei, signedWei, open }: Ledger, priceWei: bigint): bigint {
  const inFlightWei = open.reduce((sum, { order }) => sum + order.priceWei, 0n);
  return max(signedWei, obtainedWei + inFlightWei + priceWei);
}

/** A client's nonces are its own, each for one order. */
function isOf({ nonce }: Order, opened: OpenOrder): boolean {
  return opened.order.nonce === nonce;
}

export function withOrder(ledger: Ledger, opened: OpenOrder): Ledger {
  const signedWei = max(ledger.signedWei, opened.totalWei);
  return { ...ledger, signedWei, open: [...ledger.open, opened] };
}

/** The operator did not take it; its price is not owed. */
export function withoutOrder(ledger: Ledger, order: Order): Ledger {
  return { ...ledger, open: ledger.open.filter((opened) => !isOf(order, opened)) };
}

/** Its receipt is here; counted once, however often it comes. */
export function withReceipt(ledger: Ledger, order: Order): Ledger {
  if (!ledger.open.some((opened) => isOf(order, opened))) return ledger;
  const obtainedWei = ledger.obtainedWei + order.priceWei;
  return { ...withoutOrder(ledger, order), obtainedWei, signedWei: max(ledger.signedWei, obtainedWei) };
}

/** Up to this much counts as obtained, though there are no receipts of it. */
export function withLoss(ledger: Ledger, owedWei: bigint): Ledger {
  return { ...ledger, obtainedWei: max(ledger.obtainedWei, owedWei) };
}
