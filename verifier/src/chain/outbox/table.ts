/** The journal in the node's database: several processes of one identity share it. */
import { sql, type Transaction } from "kysely";
import { fromHex, hex, toHex } from "../../../../sdk/src/structs.ts";
import { NOW_MS } from "../../state/clock.ts";
import type { Database } from "../../state/database.ts";
import type { Tables } from "../../state/tables.ts";
import {
  DAY_MS,
  type Entry,
  type Journal,
  type Ledger,
  type Preparation,
  type Reservation,
} from "./journal.ts";
import { changesOf, COLUMNS, entryOf, type Row } from "./rows.ts";

const GAS_WEI = sql<bigint | null>`sum(gas_used * gas_price_wei)`;
const NO_BYTES = new Uint8Array(0);

/** @param account Chain and address; a database may serve several. */
export async function databaseJournal(database: Database, account: string): Promise<Journal> {
  await database
    .insertInto("senders")
    .values({ account })
    .onConflict((conflict) => conflict.doNothing())
    .execute();

  async function entriesOf(rows: readonly Row[]): Promise<Entry[]> {
    if (rows.length === 0) return [];
    const signed = await database
      .selectFrom("signed_transactions")
      .select(["id", "version", "hash", "head", "signed_ms", "sent_ms"])
      .where(
        "id",
        "in",
        rows.map(({ id }) => id),
      )
      .orderBy("version")
      .execute();
    return rows.map((row) =>
      entryOf(
        row,
        signed.filter(({ id }) => id === row.id),
      ),
    );
  }

  async function routineSpent(connection: Database): Promise<bigint> {
    const found = await connection
      .selectFrom("transactions")
      .select(GAS_WEI.as("wei"))
      .where("account", "=", account)
      .where("mined_at", ">=", sql<number>`(${NOW_MS} - ${DAY_MS}) / 1000`)
      .where("priority", "=", "routine")
      .executeTakeFirst();
    return found?.wei ?? 0n;
  }

  async function ledgerFrom(connection: Transaction<Tables>, chainNonce: number): Promise<Ledger> {
    const rows = await connection
      .selectFrom("transactions")
      .select(["nonce", "state", "priority", "gas_limit", "max_fee_wei", "value_wei"])
      .where("account", "=", account)
      .where("state", "<>", "failed")
      .where((where) => where.or([where("nonce", ">=", chainNonce), where("state", "=", "pending")]))
      .execute();
    const pending = rows.filter(({ state }) => state === "pending");
    const gasWei = (row: (typeof rows)[number]): bigint => BigInt(row.gas_limit) * row.max_fee_wei;
    return {
      held: new Set(rows.map(({ nonce }) => nonce).filter((nonce) => nonce >= chainNonce)),
      pending: pending.length,
      committedWei: pending.reduce((sum, row) => sum + gasWei(row) + row.value_wei, 0n),
      routineCommittedWei: pending.reduce(
        (sum, row) => (row.priority === "routine" ? sum + gasWei(row) : sum),
        0n,
      ),
      routineSpentWei: await routineSpent(connection),
    };
  }

  async function reserve(preparation: Preparation): Promise<Reservation> {
    const { intent, gasLimit, chainNonce, decide } = preparation;
    return database.transaction().execute(async (connection) => {
      // Nobody else of this identity chooses a nonce meanwhile.
      await connection
        .selectFrom("senders")
        .select("account")
        .where("account", "=", account)
        .forUpdate()
        .execute();
      const before = await connection
        .selectFrom("transactions")
        .select(COLUMNS)
        .where("account", "=", account)
        .where("key", "=", intent.key)
        .orderBy("attempt", "desc")
        .limit(1)
        .executeTakeFirst();
      if (before?.state === "pending" || before?.state === "mined")
        return { kind: "joined", entry: entryOf(before, []) };
      const decision = decide(await ledgerFrom(connection, chainNonce));
      if ("refused" in decision) return { kind: "refused", refused: decision.refused };
      const row = await connection
        .insertInto("transactions")
        .values({
          account,
          key: intent.key,
          attempt: (before?.attempt ?? 0) + 1,
          label: intent.label,
          subject: intent.subject ?? null,
          priority: intent.priority ?? "routine",
          deadline: intent.deadline === undefined ? null : Math.floor(intent.deadline),
          stake_wei: intent.stakeWei ?? null,
          recipient: fromHex(intent.to),
          data: fromHex(hex.parse(intent.data)),
          value_wei: intent.value ?? 0n,
          gas_limit: gasLimit,
          nonce: decision.nonce,
          max_fee_wei: decision.fees.maxFeePerGas,
          tip_wei: decision.fees.maxPriorityFeePerGas,
          state: "pending",
        })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow();
      return { kind: "reserved", entry: entryOf(row, []) };
    });
  }

  /** One process only gets past this for what it has seen. */
  const changeIf = (entry: Entry) =>
    database
      .updateTable("transactions")
      .set({ revision: entry.revision + 1, changed_ms: NOW_MS })
      .where("id", "=", entry.id)
      .where("revision", "=", entry.revision);

  /** Nothing is broadcast of it any more; its bytes can go. */
  async function bury({ id }: Entry): Promise<void> {
    await database.deleteFrom("signed_transactions").where("id", "=", id).execute();
    await database.updateTable("transactions").set({ data: NO_BYTES }).where("id", "=", id).execute();
  }

  return {
    async open() {
      const { now } = await database.selectNoFrom(NOW_MS.as("now")).executeTakeFirstOrThrow();
      const rows = await database
        .selectFrom("transactions")
        .select(COLUMNS)
        .where("account", "=", account)
        .where("final", "=", false)
        .orderBy("nonce")
        .execute();
      return { nowMs: now, entries: await entriesOf(rows) };
    },
    async newest(keys) {
      if (keys.length === 0) return new Map();
      const rows = await database
        .selectFrom("transactions")
        .select(COLUMNS)
        .distinctOn("key")
        .where("account", "=", account)
        .where("key", "in", [...keys])
        .orderBy("key")
        .orderBy("attempt", "desc")
        .execute();
      return new Map((await entriesOf(rows)).map((entry) => [entry.key, entry]));
    },
    reserve,
    async store(entry, { hash, raw, head }) {
      return database.transaction().execute(async (connection) => {
        // The row changes with it, so that nobody releases the nonce at the same time.
        const found = await connection
          .updateTable("transactions")
          .set({ signatures: entry.version + 1 })
          .where("id", "=", entry.id)
          .where("state", "=", "pending")
          .where("version", "=", entry.version)
          .where("signatures", "=", entry.version)
          .returning("id")
          .executeTakeFirst();
        if (found === undefined) return false;
        await connection
          .insertInto("signed_transactions")
          .values({ id: entry.id, version: entry.version, hash: fromHex(hash), raw: fromHex(raw), head })
          .execute();
        return true;
      });
    },
    async claimBroadcast(entry, restMs) {
      const newest = database
        .selectFrom("signed_transactions")
        .select((select) => select.fn.max("version").as("version"))
        .where("id", "=", entry.id);
      const claimed = await database
        .updateTable("signed_transactions")
        .set({ sent_ms: NOW_MS })
        .where("id", "=", entry.id)
        .where("version", "=", newest)
        .where((where) =>
          where.or([
            where("sent_ms", "is", null),
            where("sent_ms", "<=", sql<number>`${NOW_MS} - ${restMs}`),
          ]),
        )
        .returning("id")
        .executeTakeFirst();
      return claimed !== undefined;
    },
    async change(entry, change) {
      const offer = change.state === "pending" ? change.offer : undefined;
      const row = await changeIf(entry)
        .set(changesOf(change))
        .$if(offer !== undefined, (query) =>
          query
            .set({
              gas_limit: offer?.gasLimit ?? 0,
              max_fee_wei: offer?.fees.maxFeePerGas ?? 0n,
              tip_wei: offer?.fees.maxPriorityFeePerGas ?? 0n,
              version: entry.version + 1,
            })
            // One unsigned version at a time.
            .where("signatures", "=", entry.version + 1),
        )
        .returning(COLUMNS)
        .executeTakeFirst();
      if (row?.state === "failed") await bury(entry);
      return row && { ...entryOf(row, []), signed: entry.signed };
    },
    async release(entry, failure) {
      const row = await changeIf(entry)
        .set({ state: "failed", final: true, failure: JSON.stringify(failure) })
        .where("signatures", "=", 0)
        .returning("id")
        .executeTakeFirst();
      return row !== undefined;
    },
    async finish(entry) {
      const row = await changeIf(entry).set({ final: true }).returning("id").executeTakeFirst();
      if (row !== undefined) await bury(entry);
    },
    async dataOf(entry) {
      const { data } = await database
        .selectFrom("transactions")
        .select("data")
        .where("id", "=", entry.id)
        .executeTakeFirstOrThrow();
      return toHex(data);
    },
    async rawOf(entry) {
      const newest = await database
        .selectFrom("signed_transactions")
        .select("raw")
        .where("id", "=", entry.id)
        .orderBy("version", "desc")
        .limit(1)
        .executeTakeFirst();
      return newest && toHex(newest.raw);
    },
    routineSpent: () => routineSpent(database),
  };
}
