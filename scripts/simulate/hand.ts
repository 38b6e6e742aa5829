/** Sends the transactions of an account of the simulation itself, in order, and again after a reorganisation. */
import type { Wallet } from "ethers";
import type { Hex } from "../../sdk/src/structs.ts";

export interface Hand {
  readonly address: Hex;
  /** Nothing is simulated beforehand: what a contract refuses is refused on chain. */
  send(to: Hex, data: string, value?: bigint): Promise<void>;
  /** Sends again what is not on the chain (any more). */
  repeat(): Promise<void>;
}

const GAS = 12_000_000;
const MAX_FEE = 100_000_000_000n;

/** @param wallet Connected to the chain itself; nobody else uses its key from now on. */
export async function createHand(wallet: Wallet): Promise<Hand> {
  const { provider } = wallet;
  if (provider === null) throw new Error("the wallet has no chain");
  const first = await provider.getTransactionCount(wallet.address);
  const signed: string[] = [];

  const broadcast = async (raw: string): Promise<void> => {
    // It may be known already; whether it was mined is for the audit to see.
    await provider.broadcastTransaction(raw).catch(() => undefined);
  };

  return {
    address: `0x${wallet.address.slice(2)}`,
    async send(to, data, value = 0n) {
      const nonce = first + signed.length;
      const fees = { maxFeePerGas: MAX_FEE, maxPriorityFeePerGas: 1_000_000_000n };
      const at = signed.push("") - 1;
      const raw = await wallet.signTransaction({
        to,
        data,
        value,
        nonce,
        gasLimit: GAS,
        chainId: 31337,
        type: 2,
        ...fees,
      });
      signed[at] = raw;
      await broadcast(raw);
    },
    async repeat() {
      const mined = await provider.getTransactionCount(wallet.address);
      for (const raw of signed.slice(mined - first)) await broadcast(raw);
    },
  };
}
