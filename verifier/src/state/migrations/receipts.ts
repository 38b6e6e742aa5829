import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

const NOW_MS = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
const WEI = sql`numeric(78, 0)`;

export const receipts: Migration = {
  async up(database: Kysely<unknown>) {
    const { schema } = database;
    await schema
      .createTable("purses")
      .addColumn("client", "text", (c) => c.primaryKey())
      .addColumn("owed_wei", WEI, (c) => c.notNull())
      .addColumn("voucher_wei", WEI, (c) => c.notNull())
      .addColumn("voucher_signature", "text", (c) => c.notNull())
      .execute();
    await schema
      .createTable("receipts")
      .addColumn("request_hash", "text", (c) => c.primaryKey())
      .addColumn("digest", "text", (c) => c.notNull().unique())
      .addColumn("client", "text", (c) => c.notNull())
      .addColumn("nonce", WEI, (c) => c.notNull())
      .addColumn("receipt", "text", (c) => c.notNull())
      .addColumn("signature", "text", (c) => c.notNull())
      .addColumn("input", "bytea", (c) => c.notNull())
      .addColumn("output", "bytea", (c) => c.notNull())
      .addColumn("issued_at", "bigint", (c) => c.notNull())
      .addUniqueConstraint("receipts_nonce", ["client", "nonce"])
      .execute();
    await schema.createIndex("receipts_issued").on("receipts").column("issued_at").execute();
    await schema
      .createTable("audits")
      .addColumn("digest", "text", (c) => c.primaryKey())
      .addColumn("receipt", "text", (c) => c.notNull())
      .addColumn("signature", "text", (c) => c.notNull())
      .addColumn("input", "bytea", (c) => c.notNull())
      .addColumn("output", "bytea", (c) => c.notNull())
      .addColumn("issued_at", "bigint", (c) => c.notNull())
      .addColumn("verdict", "text", (c) => c.check(sql`verdict in ('right', 'wrong')`))
      .addColumn("at_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .execute();
    await schema.createIndex("audits_issued").on("audits").column("issued_at").execute();
  },
};
