/** What decides whether a transaction can be sent, under which nonce, and whether it is to be sent again, or for more. */
import { toQuantity, type JsonRpcApiProvider } from "ethers";
import { z } from "zod/v4";
import { bytes32, wideQuantity, type Hex } from "../../../../sdk/src/structs.ts";
import type { Endpoints } from "../endpoints.ts";
import type { Head } from "../rpc/roster.ts";
import { ask, readHead, tipIn, tipQuestion } from "./chain.ts";
import type { Priority } from "./intent.ts";

export interface Readings {
  head(): Promise<Head>;
  /** @returns undefined if the chain has no block of this number (any more). */
  hashOf(block: number): Promise<string | undefined>;
  /** Next nonce in the chain. */
  nonce(): Promise<number>;
  /** Next nonce with the pool's transactions. */
  pendingNonce(): Promise<number>;
  /** Wei. */
  balance(): Promise<bigint>;
  /** What others have paid lately, wei per gas. */
  tip(priority: Priority): Promise<bigint>;
}

const blockSchema = z.object({ hash: bytes32 }).nullable();

/** One endpoint's word. */
export function readingsOf(provider: JsonRpcApiProvider, address: Hex): Readings {
  const count = (tag: string): Promise<number> => ask("nonce", provider.getTransactionCount(address, tag));
  return {
    head: () => readHead(provider),
    hashOf: async (block) => (await ask("block", provider.getBlock(block)))?.hash ?? undefined,
    nonce: () => count("latest"),
    pendingNonce: () => count("pending"),
    balance: () => ask("balance", provider.getBalance(address)),
    tip: async (priority) => tipIn(await ask("tip", provider.send("eth_feeHistory", tipQuestion(priority)))),
  };
}

/**
 * What as many endpoints say, or have reached, as must agree. A nonce that is too low does no harm: what is in flight covers it. A
 * balance that is too low, a base fee that is too high, or a time after the deadline would keep us from every move; a tip that is too
 * low is raised in time.
 */
export function agreedReadings(endpoints: Endpoints, address: Hex): Readings {
  const amount = (result: unknown): bigint => wideQuantity.parse(result);
  const count = async (tag: string): Promise<number> =>
    Number(await endpoints.reached(`${tag} nonce`, "eth_getTransactionCount", [address, tag], amount));
  return {
    head: () => endpoints.head(),
    async hashOf(block) {
      const params = [toQuantity(block), false];
      return (await endpoints.agreed("eth_getBlockByNumber", params, (found) => blockSchema.parse(found)))
        ?.hash;
    },
    nonce: () => count("latest"),
    pendingNonce: () => count("pending"),
    balance: () => endpoints.reached("balance", "eth_getBalance", [address, "latest"], amount),
    tip: (priority) =>
      endpoints.reached(`tip of a ${priority}`, "eth_feeHistory", tipQuestion(priority), tipIn),
  };
}
