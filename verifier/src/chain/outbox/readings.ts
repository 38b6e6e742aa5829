/** What decides whether a transaction can be sent, and under which nonce. */
import type { JsonRpcApiProvider } from "ethers";
import { z } from "zod/v4";
import type { Hex } from "../../../../sdk/src/structs.ts";
import type { Endpoints } from "../endpoints.ts";
import { ask, quantity, type Head } from "./chain.ts";

export interface Readings {
  /** Next nonce in the chain. */
  nonce(): Promise<number>;
  /** Next nonce with the pool's transactions. */
  pendingNonce(): Promise<number>;
  /** Wei. */
  balance(): Promise<bigint>;
  /** Wei per gas, of the chain's newest block. @param head What one endpoint takes for that. */
  baseFee(head: Head): Promise<bigint>;
}

const headSchema = z.object({ baseFeePerGas: quantity.nullish() });

/** One endpoint's word. */
export function readingsOf(provider: JsonRpcApiProvider, address: Hex): Readings {
  const count = (tag: string): Promise<number> => ask("nonce", provider.getTransactionCount(address, tag));
  return {
    nonce: () => count("latest"),
    pendingNonce: () => count("pending"),
    balance: () => ask("balance", provider.getBalance(address)),
    baseFee: ({ baseFee }) => Promise.resolve(baseFee),
  };
}

/**
 * What as many endpoints have reached as must agree. A nonce that is too low does no harm: what is in flight covers it. A balance that is
 * too low, or a base fee that is too high, would keep us from every move.
 */
export function agreedReadings(endpoints: Endpoints, address: Hex): Readings {
  const amount = (result: unknown): bigint => quantity.parse(result);
  const count = async (tag: string): Promise<number> =>
    Number(await endpoints.reached(`${tag} nonce`, "eth_getTransactionCount", [address, tag], amount));
  return {
    nonce: () => count("latest"),
    pendingNonce: () => count("pending"),
    balance: () => endpoints.reached("balance", "eth_getBalance", [address, "latest"], amount),
    baseFee: () =>
      endpoints.reached(
        "base fee",
        "eth_getBlockByNumber",
        ["latest", false],
        (block) => headSchema.parse(block).baseFeePerGas ?? 0n,
      ),
  };
}
