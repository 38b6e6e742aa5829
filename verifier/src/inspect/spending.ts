/** What an account paid for gas, read from the chain alone. */
import type { Interface, Provider } from "ethers";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { Spend } from "../economics/ledger.ts";
import { readPaid, type Everything } from "./read.ts";
import type { Place } from "./search.ts";
import { maySend } from "./sent.ts";

/** Transactions without events are looked for one by one, each by some twenty questions: not for more than so many. */
const MAX_SEARCHED = 32;

export interface Period {
  /** Blocks, both included. */
  readonly from: number;
  readonly to: number;
}

export interface Spending {
  readonly spends: readonly Spend[];
  /**
   * Transactions of the period that are not among them: they left no event that names the account, and the endpoint does not keep
   * the old state that would tell their blocks. Undefined: it cannot even tell how many.
   */
  readonly missing: number | undefined;
}

/** Transactions that the account had sent by the end of a block. @returns undefined if the endpoint has no state so old. */
async function sentBy(provider: Provider, account: Hex, block: number): Promise<number | undefined> {
  if (block < 0) return 0;
  return provider.getTransactionCount(account, block).catch(() => undefined);
}

/** The first block of a time or later, from `low` on; the one after `high` if there is none. @param since Unix seconds. */
export async function firstBlockSince(
  provider: Provider,
  since: number,
  low: number,
  high: number,
): Promise<number> {
  let [from, to] = [low, high + 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    const block = await provider.getBlock(middle);
    if ((block?.timestamp ?? 0) >= since) to = middle;
    else from = middle + 1;
  }
  return from;
}

const CALLED = [
  ...(["registry", "market", "game", "vault", "directory"] as const),
  ...(["receipts", "receiptsGame", "receiptsVault", "deposits"] as const),
] as const;

/** The function that a transaction called; "other" if it was none of these contracts'. */
function calledLabel({ deployment, ...contracts }: Contracts, to: string | null, data: string): string {
  const called = CALLED.find((name) => to !== null && sameHex(deployment.addresses[name], to));
  const abi: Interface | undefined = called && contracts[called].interface;
  return abi?.getFunction(data.slice(0, 10))?.name ?? "other";
}

/**
 * Gas of an account's transactions in a period: those that left events by their receipts; failed ones and others by the account's
 * nonce in old blocks, where the endpoint keeps them.
 * @throws {AssayError} RPC_FAILED.
 */
export async function readSpending(
  { contracts, provider }: Place,
  { events, state }: Everything,
  account: Hex,
  { from, to }: Period,
  onReceipts?: (read: number, total: number) => void,
): Promise<Spending> {
  const candidates = maySend(account, events, state, from, to);
  const hashes = candidates.map(({ transaction }) => transaction);
  const receipts = await readPaid(provider, hashes, onReceipts);
  const own = candidates.flatMap(({ transaction, block, label, releaseId }) => {
    const paid = receipts.get(transaction);
    if (paid === undefined || !sameHex(paid.from, account)) return [];
    return [{ transaction, block, spend: { label, releaseId, gas: paid.gas, feeWei: paid.feeWei } }];
  });
  const known = new Set<string>(own.map(({ transaction }) => transaction.toLowerCase()));
  const spends: Spend[] = own.map(({ spend }) => spend);
  const [before, after] = await Promise.all([
    sentBy(provider, account, from - 1),
    sentBy(provider, account, to),
  ]);
  if (after === undefined) return { spends, missing: undefined };
  // The account sent nothing else, ever.
  if (after === own.length) return { spends, missing: 0 };
  if (before === undefined) return { spends, missing: undefined };
  const total = before + own.length;
  if (after - total > MAX_SEARCHED) return { spends, missing: after - total };

  async function take(number: number): Promise<void> {
    const block = await provider.getBlock(number, true);
    const sent = (block?.prefetchedTransactions ?? []).filter(
      ({ from: sender, hash }) => sameHex(sender, account) && !known.has(hash.toLowerCase()),
    );
    for (const { hash, to: called, data } of sent) {
      const receipt = await provider.getTransactionReceipt(hash);
      if (receipt === null) continue;
      const label = calledLabel(contracts, called, data) + (receipt.status === 0 ? " (failed)" : "");
      spends.push({ label, gas: Number(receipt.gasUsed), feeWei: receipt.gasUsed * receipt.gasPrice });
    }
  }

  /** Blocks after `low` up to `high`, by the end of which the account had sent so many. */
  async function search(low: number, high: number, sentLow: number, sentHigh: number): Promise<void> {
    const found = own.filter(({ block }) => block > low && block <= high).length;
    if (sentHigh - sentLow <= found) return;
    if (high - low === 1) return take(high);
    const middle = (low + high) >> 1;
    const sentMiddle = await sentBy(provider, account, middle);
    if (sentMiddle === undefined) return;
    await search(low, middle, sentLow, sentMiddle);
    await search(middle, high, sentMiddle, sentHigh);
  }
  await search(from - 1, to, before, after);
  return { spends, missing: Math.max(0, after - before - spends.length) };
}
