/** Sending transactions with the connected wallet. */
import {
  BrowserProvider,
  toQuantity,
  type ContractTransactionResponse,
  type TransactionReceipt,
} from "ethers";
import { connect, type Contracts } from "../../../sdk/src/contracts.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { WalletState } from "./wallet.ts";

const POLL_MS = 1000;

async function needChain(provider: BrowserProvider, chainId: number): Promise<void> {
  const current: unknown = await provider.send("eth_chainId", []);
  if (BigInt(String(current)) === BigInt(chainId)) return;
  try {
    await provider.send("wallet_switchEthereumChain", [{ chainId: toQuantity(chainId) }]);
  } catch (cause) {
    throw new AssayError(
      "WRONG_CHAIN",
      `Switch the wallet to chain ${chainId}, on which this deployment is.`,
      { cause },
    );
  }
}

export type Send = (contracts: Contracts) => Promise<ContractTransactionResponse>;

/** @param onSent Called when it is on its way. */
export async function transact(
  { wallet, account }: WalletState,
  deployment: Deployment,
  send: Send,
  onSent: (hash: string) => void,
): Promise<TransactionReceipt> {
  if (wallet === undefined || account === undefined)
    throw new AssayError("BAD_CONFIG", "Connect a wallet first.");
  const provider = new BrowserProvider(wallet.provider, undefined, { cacheTimeout: -1 });
  provider.pollingInterval = POLL_MS;
  try {
    await needChain(provider, deployment.chainId);
    const sent = await send(connect(deployment, await provider.getSigner(account)));
    onSent(sent.hash);
    const receipt = await sent.wait();
    if (receipt === null)
      throw new AssayError("RPC_FAILED", "It was sent; its receipt did not come.", { retryable: true });
    return receipt;
  } finally {
    // Not destroyed: a question that is still out would be nobody's rejection.
    await provider.removeAllListeners();
  }
}
