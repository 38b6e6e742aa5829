/** What was sent and what it cost, for accounts. */
import { sql } from "kysely";
import { toHex, type Hex } from "../../../../sdk/src/structs.ts";
import type { Database } from "../../state/database.ts";

export interface TransactionRecord {
  /** Chain and address of the sender. */
  readonly account: string;
  readonly key: string;
  readonly attempt: number;
  readonly label: string;
  /** The request or result that it was about. */
  readonly subject: string | undefined;
  readonly state: "mined" | "reverted";
  readonly hash: Hex;
  readonly block: number;
  /** Of the block, unix seconds. */
  readonly minedAt: number;
  readonly gasUsed: number;
  /** Wei per gas. */
  readonly gasPriceWei: bigint;
  readonly gasWei: bigint;
  /** Wei that it carried; nothing if it reverted. */
  readonly valueWei: bigint;
  /** Beyond reach of reorganisations. */
  readonly final: boolean;
}

export interface TransactionFilter {
  /** Mined at or after, unix seconds. */
  readonly since?: number;
  readonly subject?: string;
  /** Default 1000. */
  readonly limit?: number;
}

/** Transactions that are in the chain, the newest first. */
export async function listTransactions(
  database: Database,
  { since = 0, subject, limit = 1000 }: TransactionFilter = {},
): Promise<TransactionRecord[]> {
  const rows = await database
    .selectFrom("transactions")
    .selectAll()
    .where("mined_at", ">=", since)
    .where("state", "in", ["mined", "reverted"])
    .$if(subject !== undefined, (query) => query.where("subject", "=", subject ?? ""))
    .orderBy("mined_at", "desc")
    .orderBy("nonce", "desc")
    .limit(limit)
    .execute();
  return rows.flatMap((row): TransactionRecord[] => {
    const { state, hash, block, mined_at: minedAt, gas_used: gasUsed, gas_price_wei: gasPriceWei } = row;
    if (state === "pending" || state === "failed" || hash === null || block === null) return [];
    if (minedAt === null || gasUsed === null || gasPriceWei === null) return [];
    const { account, key, attempt, label, final } = row;
    const valueWei = state === "mined" ? row.value_wei : 0n;
    const cost = { gasUsed, gasPriceWei, gasWei: BigInt(gasUsed) * gasPriceWei, valueWei };
    const subject = row.subject ?? undefined;
    return [
      { account, key, attempt, label, subject, state, hash: toHex(hash), block, minedAt, final, ...cost },
    ];
  });
}

/** Tells the wei that an account's transactions have cost for gas, those that reverted too; what is final is added up once. */
export function createGasTotal(database: Database, account: string): () => Promise<bigint> {
  let settled = { below: 0, wei: 0n };

  async function sum(from: number, below: number): Promise<bigint> {
    const { wei } = await database
      .selectFrom("transactions")
      .select(sql<bigint | null>`sum(gas_used * gas_price_wei)`.as("wei"))
      .where("account", "=", account)
      .where("id", ">=", from)
      .where("id", "<", below)
      .where("state", "in", ["mined", "reverted"])
      .executeTakeFirstOrThrow();
    return wei ?? 0n;
  }

  return async () => {
    const open = await database
      .selectFrom("transactions")
      .select(({ fn }) => fn.min("id").as("id"))
      .where("account", "=", account)
      .where("final", "=", false)
      .executeTakeFirst();
    const newest = await database
      .selectFrom("transactions")
      .select(({ fn }) => fn.max("id").as("id"))
      .executeTakeFirst();
    const end = (newest?.id ?? 0) + 1;
    const below = open?.id ?? end;
    if (below > settled.below) settled = { below, wei: settled.wei + (await sum(settled.below, below)) };
    return settled.wei + (await sum(settled.below, end));
  };
}
