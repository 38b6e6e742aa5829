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
      .addColumn("voucher_order", "text", (c) => c.notNull())
      .addColumn("voucher_signature", "text", (c) => c.notNull())
      .execute();
    await schema
      .createTable("receipts")
      .addColumn("request_hash", "text", (c) => c.primaryKey())
      .addColumn("receipt", "text", (c) => c.notNull())
      .addColumn("signature", "text", (c) => c.notNull())
      // Input, then output; null: in a file of the only process. Compressing them would cost more than inference.
      .addColumn("evidence", "bytea", (c) => c.modifyFront(sql`storage external`))
      .addColumn("input_bytes", "integer", (c) => c.notNull())
      .addColumn("place", "text")
      .addColumn("issued_at", "bigint", (c) => c.notNull())
      .execute();
    await schema
      .createIndex("receipts_issued")
      .on("receipts")
      .columns(["issued_at", "request_hash"])
      .execute();
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
