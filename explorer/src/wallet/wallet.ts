/** The wallet that is connected, if one is. */
import { useSyncExternalStore } from "react";
import { z } from "zod/v4";
import { address, type Hex } from "../../../sdk/src/structs.ts";
import { announcedWallets, onAnnounced, type AnnouncedWallet } from "./announced.ts";

export interface WalletState {
  readonly wallet: AnnouncedWallet | undefined;
  readonly account: Hex | undefined;
}

const KEY = "assay.wallet";
const accountsSchema = z.array(address);
const NONE: WalletState = { wallet: undefined, account: undefined };

let state = NONE;
const listeners = new Set<() => void>();

function become(next: WalletState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Wallets tell of changes by Node's kind of events (EIP-1193). */
function watch(wallet: AnnouncedWallet): void {
  const on: unknown = Reflect.get(wallet.provider, "on");
  if (typeof on !== "function") return;
  Reflect.apply(on, wallet.provider, [
    "accountsChanged",
    (accounts: unknown) => {
      if (state.wallet !== wallet) return;
      const [account] = accountsSchema.safeParse(accounts).data ?? [];
      if (account === undefined) disconnect();
      else become({ wallet, account });
    },
  ]);
}

async function open(wallet: AnnouncedWallet, method: "eth_requestAccounts" | "eth_accounts"): Promise<void> {
  const accounts: unknown = await wallet.provider.request({ method });
  const [account] = accountsSchema.parse(accounts);
  if (account === undefined) return;
  become({ wallet, account });
  localStorage.setItem(KEY, wallet.rdns);
  watch(wallet);
}

export function connectWallet(wallet: AnnouncedWallet): Promise<void> {
  return open(wallet, "eth_requestAccounts");
}

export function disconnect(): void {
  localStorage.removeItem(KEY);
  become(NONE);
}

/** The wallet of last time, if it lets us in without asking. */
function reopen(): void {
  const rdns = localStorage.getItem(KEY);
  const known = announcedWallets().find((wallet) => wallet.rdns === rdns);
  if (known !== undefined && state.wallet === undefined)
    void open(known, "eth_accounts").catch(() => undefined);
}

reopen();
onAnnounced(reopen);

export function useWallet(): WalletState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

export function useAnnounced(): readonly AnnouncedWallet[] {
  return useSyncExternalStore(onAnnounced, announcedWallets);
}
