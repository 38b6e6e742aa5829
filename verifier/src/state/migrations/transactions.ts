import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

const NOW_MS = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
const WEI = sql`numeric(78, 0)`;

export const transactions: Migration = {
  async up(database: Kysely<unknown>) {
    const { schema } = database;
    await schema
      .createTable("senders")
      .addColumn("account", "text", (c) => c.primaryKey())
      .execute();
    await schema
      .createTable("transactions")
      .addColumn("id", "bigint", (c) => c.primaryKey().generatedAlwaysAsIdentity())
      .addColumn("account", "text", (c) => c.notNull().references("senders.account"))
      .addColumn("key", "text", (c) => c.notNull())
      .addColumn("attempt", "integer", (c) => c.notNull())
      .addColumn("label", "text", (c) => c.notNull())
      .addColumn("subject", "text")
      .addColumn("priority", "text", (c) => c.notNull().check(sql`priority in ('move', 'answer', 'routine')`))
      .addColumn("deadline", "bigint")
      .addColumn("stake_wei", WEI)
      .addColumn("recipient", "bytea", (c) => c.notNull())
      .addColumn("data", "bytea", (c) => c.notNull())
      .addColumn("value_wei", WEI, (c) => c.notNull())
      .addColumn("gas_limit", "bigint", (c) => c.notNull())
      .addColumn("nonce", "bigint", (c) => c.notNull())
      .addColumn("max_fee_wei", WEI, (c) => c.notNull())
      .addColumn("tip_wei", WEI, (c) => c.notNull())
      .addColumn("version", "integer", (c) => c.notNull().defaultTo(0))
      .addColumn("signatures", "integer", (c) => c.notNull().defaultTo(0))
      .addColumn("state", "text", (c) =>
        c.notNull().check(sql`state in ('pending', 'mined', 'reverted', 'failed')`),
      )
      .addColumn("final", "boolean", (c) => c.notNull().defaultTo(false))
      .addColumn("revision", "integer", (c) => c.notNull().defaultTo(0))
      .addColumn("created_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .addColumn("changed_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .addColumn("hash", "bytea")
      .addColumn("block", "bigint")
      .addColumn("block_hash", "bytea")
      .addColumn("gas_used", "bigint")
      .addColumn("gas_price_wei", WEI)
      .addColumn("mined_at", "bigint")
      .addColumn("failure", "text")
      .addUniqueConstraint("transactions_attempt", ["account", "key", "attempt"])
      .execute();
    await schema
      .createIndex("transactions_open")
      .on("transactions")
      .columns(["account", "nonce"])
      .where(sql.ref("final"), "=", false)
      .execute();
    await schema.createIndex("transactions_nonce").on("transactions").columns(["account", "nonce"]).execute();
    await schema
      .createIndex("transactions_mined")
      .on("transactions")
      .columns(["account", "mined_at"])
      .execute();
    await schema
      .createTable("signed_transactions")
      .addColumn("id", "bigint", (c) => c.notNull().references("transactions.id"))
      .addColumn("version", "integer", (c) => c.notNull())
      .addColumn("hash", "bytea", (c) => c.notNull())
      .addColumn("raw", "bytea", (c) => c.notNull())
      .addColumn("head", "bigint", (c) => c.notNull())
      .addColumn("signed_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .addColumn("sent_ms", "bigint")
      .addPrimaryKeyConstraint("signed_transactions_version", ["id", "version"])
      .execute();
  },
};
