/** One look at the chain, with what is read only if somebody asks for it, once a block. */
import { once } from "../../once.ts";
import type { Head } from "../rpc/roster.ts";
import type { OutboxContext } from "./context.ts";
import type { Market } from "./fees.ts";
import type { Priority } from "./intent.ts";
import type { Entry } from "./journal.ts";
import type { Readings } from "./readings.ts";

export interface View {
  readonly head: Head;
  /** Next nonce in the chain. */
  readonly nonce: number;
  /** Next nonce with the pool's transactions. */
  readonly pendingNonce: number;
  /** Unix seconds on the chain's clock. */
  readonly chainNow: number;
  market(): Promise<Market>;
  /** Wei. */
  balance(): Promise<bigint>;
}

/** Tips are 0 where nobody can say. */
async function readMarket(readings: Readings, baseFee: bigint): Promise<Market> {
  const tip = (priority: Priority): Promise<bigint> => readings.tip(priority).catch(() => 0n);
  const [move, answer, routine] = await Promise.all([tip("move"), tip("answer"), tip("routine")]);
  return { baseFee, tips: { move, answer, routine } };
}

export function createViewer({ readings }: OutboxContext): () => Promise<View> {
  let known: ({ block: number; seenMs: number } & Pick<View, "market" | "balance">) | undefined;

  return async () => {
    const [head, nonce, pendingNonce] = await Promise.all([
      readings.head(),
      readings.nonce(),
      readings.pendingNonce(),
    ]);
    if (known?.block !== head.number)
      known = {
        block: head.number,
        seenMs: Date.now(),
        market: once(() => readMarket(readings, head.baseFee)),
        balance: once(() => readings.balance()),
      };
    const { seenMs, market, balance } = known;
    const chainNow = head.timestamp + Math.floor((Date.now() - seenMs) / 1000);
    return { head, nonce, pendingNonce, chainNow, market, balance };
  };
}

/** Watches for a nonce that holds everything up and is not ours: never broadcast, or of somebody else who uses the key. */
export function createGapWatch(
  gapMs: number,
): (view: Pick<View, "nonce" | "pendingNonce">, open: readonly Pick<Entry, "nonce" | "state">[]) => boolean {
  let since: { readonly nonce: number; readonly ms: number } | undefined;
  return ({ nonce, pendingNonce }, open) => {
    const isOurs = (wanted: number): boolean => open.some((entry) => entry.nonce === wanted);
    const blocked =
      pendingNonce > nonce || open.some((entry) => entry.state === "pending" && entry.nonce > nonce);
    const { nonce: before = NaN, ms = Infinity } = since ?? {};
    const waited = Date.now() - ms >= gapMs;
    // What comes after a gap that we filled has been in the way as long.
    const next = waited && nonce === before + 1 && isOurs(before);
    const fresh = nonce !== before && !next;
    if (!blocked || (isOurs(nonce) && (fresh || !waited))) since = undefined;
    else since = { nonce, ms: fresh ? Date.now() : ms };
    return !isOurs(nonce) && since !== undefined && Date.now() - since.ms >= gapMs;
  };
}
