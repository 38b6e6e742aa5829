/** What pages may read of the chain through the node: calls to the deployment's contracts, transactions, roles. Bounded and cached. */
import type { JsonRpcApiProvider } from "ethers";
import type { z } from "zod/v4";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { readLogs } from "../../../sdk/src/logs.ts";
import { revertData } from "../../../sdk/src/revert.ts";
import { hex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { authorityOf, plainLog, readTransaction } from "../chain/read.ts";
import { createBounded } from "./bounded.ts";
import type { authoritySchema, callSchema, transactionSchema } from "./schema.ts";

export type CallAnswer = z.input<typeof callSchema>;
export type TransactionAnswer = z.input<typeof transactionSchema>;
export type AuthorityAnswer = z.input<typeof authoritySchema>;

export interface ChainReads {
  /** @returns undefined if the contract is none of the deployment's. */
  call(to: string, data: Hex): Promise<CallAnswer | undefined>;
  /** @returns undefined if the chain has none that was mined. */
  transaction(hash: Hex): Promise<TransactionAnswer | undefined>;
  authority(): Promise<AuthorityAnswer>;
  /** What was read of older blocks is no longer the newest. */
  head(): void;
}

const CALLS = { atOnce: 4, waiting: 64, kept: 1000 } as const;
const TRANSACTIONS = { atOnce: 2, waiting: 32, kept: 200 } as const;
const AUTHORITY_MS = 60_000;
const MAX_LOGS = 5000;

export function createChainReads(deployment: Deployment, provider: JsonRpcApiProvider): ChainReads {
  const { registry, vault, market, game, directory } = deployment.addresses;
  const ours: Hex[] = [registry, vault, market, game, directory];
  const calls = createBounded<CallAnswer>(CALLS);
  const transactions = createBounded<TransactionAnswer | undefined>(TRANSACTIONS);
  const authorities = createBounded<AuthorityAnswer>({ atOnce: 1, waiting: 8, kept: 1 });

  async function callNow(to: Hex, data: Hex): Promise<CallAnswer> {
    try {
      return { result: hex.parse(await provider.call({ to, data })) };
    } catch (error) {
      const revert = hex.safeParse(revertData(error));
      if (revert.success) return { revert: revert.data };
      throw error;
    }
  }

  async function transactionNow(hash: Hex): Promise<TransactionAnswer | undefined> {
    const read = await readTransaction(provider, hash);
    return read && { ...read, feeWei: read.feeWei.toString() };
  }

  async function readAuthority(): Promise<AuthorityAnswer> {
    const at = await authorityOf(provider, market);
    if (!ours.includes(at)) ours.push(at);
    // It is deployed before the contracts that obey it.
    const logs = await readLogs(provider, { address: at }, deployment.block);
    return { address: at, logs: logs.slice(-MAX_LOGS).map((log) => plainLog(log, 0)) };
  }

  return {
    async call(to, data) {
      const contract = ours.find((known) => sameHex(known, to));
      if (contract === undefined) return undefined;
      return calls.get(`${contract}:${data}`, () => callNow(contract, data));
    },
    transaction: (hash) => transactions.get(hash, () => transactionNow(hash)),
    authority: () => authorities.get(String(Math.floor(Date.now() / AUTHORITY_MS)), readAuthority),
    head: () => calls.clear(),
  };
}
