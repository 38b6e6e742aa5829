/** Wallets that announce themselves to the page (EIP-6963). */
import { z } from "zod/v4";
import type { Eip1193Provider } from "ethers";

export interface AnnouncedWallet {
  readonly uuid: string;
  readonly name: string;
  /** A data URI, or nothing. */
  readonly icon: string | undefined;
  /** Reverse domain name: which wallet it is, also next time. */
  readonly rdns: string;
  readonly provider: Eip1193Provider;
}

function isProvider(value: unknown): value is Eip1193Provider {
  return (
    typeof value === "object" && value !== null && "request" in value && typeof value.request === "function"
  );
}

const detailSchema = z.object({
  info: z.object({
    uuid: z.string().max(64),
    name: z.string().max(64),
    icon: z.string().max(200_000),
    rdns: z.string().max(128),
  }),
  provider: z.custom<Eip1193Provider>(isProvider),
});

let wallets: readonly AnnouncedWallet[] = [];
const listeners = new Set<() => void>();

window.addEventListener("eip6963:announceProvider", (event) => {
  const parsed = detailSchema.safeParse(event instanceof CustomEvent ? event.detail : undefined);
  if (!parsed.success) return;
  const { info, provider } = parsed.data;
  if (wallets.some(({ uuid }) => uuid === info.uuid)) return;
  const icon = /^data:image\/(svg\+xml|png|webp|gif|jpeg)[;,]/.test(info.icon) ? info.icon : undefined;
  wallets = [...wallets, { ...info, icon, provider }];
  for (const listener of listeners) listener();
});
window.dispatchEvent(new Event("eip6963:requestProvider"));

export function announcedWallets(): readonly AnnouncedWallet[] {
  return wallets;
}

export function onAnnounced(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
