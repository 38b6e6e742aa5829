/** One look at the chain, with what is read only if somebody asks for it, once a block. */
import { ask, readHead, readMarket, type Head } from "./chain.ts";
import type { OutboxContext } from "./context.ts";
import type { Market } from "./fees.ts";
import type { Entry } from "./journal.ts";

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

export function createViewer({ provider, signer }: OutboxContext): () => Promise<View> {
  let known:
    { hash: string; seenMs: number; market?: Promise<Market>; balance?: Promise<bigint> } | undefined;

  return async () => {
    const [head, nonce, pendingNonce] = await Promise.all([
      readHead(provider),
      ask("nonce", provider.getTransactionCount(signer.address, "latest")),
      ask("nonce", provider.getTransactionCount(signer.address, "pending")),
    ]);
    if (known?.hash !== head.hash) known = { hash: head.hash, seenMs: Date.now() };
    const block = known;
    return {
      head,
      nonce,
      pendingNonce,
      chainNow: head.timestamp + Math.floor((Date.now() - block.seenMs) / 1000),
      market: () => (block.market ??= readMarket(provider, head)),
      balance: () => {
        block.balance ??= ask("balance", provider.getBalance(signer.address)).catch((error: unknown) => {
          delete block.balance;
          throw error;
        });
        return block.balance;
      },
    };
  };
}

/** Watches for a nonce that holds everything up and is not ours: never broadcast, or of somebody else who uses the key. */
export function createGapWatch(gapMs: number): (view: View, open: readonly Entry[]) => boolean {
  let since: { readonly nonce: number; readonly ms: number } | undefined;
  return (view, open) => {
    const ours = open.some(({ nonce }) => nonce === view.nonce);
    const blocked =
      view.pendingNonce > view.nonce ||
      open.some(({ nonce, state }) => state === "pending" && nonce > view.nonce);
    if (ours || !blocked) since = undefined;
    else if (since?.nonce !== view.nonce) since = { nonce: view.nonce, ms: Date.now() };
    return since !== undefined && Date.now() - since.ms >= gapMs;
  };
}
