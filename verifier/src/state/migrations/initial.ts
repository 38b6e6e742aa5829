import { sql, type Kysely } from "kysely";
import type { Migration } from "kysely/migration";

const NOW_MS = sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

export const initial: Migration = {
  async up(database: Kysely<unknown>) {
    const { schema } = database;
    await schema
      .createTable("instances")
      .addColumn("id", "uuid", (c) => c.primaryKey())
      .addColumn("heartbeat_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .execute();
    await schema
      .createTable("claims")
      .addColumn("subject", "text", (c) => c.primaryKey())
      .addColumn("instance", "uuid", (c) => c.notNull())
      .execute();
    await schema
      .createTable("cursor")
      .addColumn("id", "smallint", (c) =>
        c
          .primaryKey()
          .defaultTo(1)
          .check(sql`id = 1`),
      )
      .addColumn("deployment", "text", (c) => c.notNull())
      .addColumn("number", "bigint", (c) => c.notNull())
      .addColumn("hash", "bytea", (c) => c.notNull())
      .addColumn("epoch", "integer", (c) => c.notNull())
      .execute();
    await schema
      .createTable("anchors")
      .addColumn("number", "bigint", (c) => c.primaryKey())
      .addColumn("hash", "bytea", (c) => c.notNull())
      .execute();
    await schema
      .createTable("logs")
      .addColumn("block", "bigint", (c) => c.notNull())
      .addColumn("log_index", "integer", (c) => c.notNull())
      .addColumn("block_hash", "bytea", (c) => c.notNull())
      .addColumn("address", "bytea", (c) => c.notNull())
      .addColumn("topics", "bytea", (c) => c.notNull())
      .addColumn("data", "bytea", (c) => c.notNull())
      .addColumn("transaction", "bytea", (c) => c.notNull())
      .addColumn("timestamp", "bigint", (c) => c.notNull())
      .addColumn("subject", "text")
      .addColumn("live", "boolean", (c) => c.notNull().defaultTo(true))
      .addPrimaryKeyConstraint("logs_place", ["block", "log_index"])
      .execute();
    await schema.createIndex("logs_subject").on("logs").column("subject").execute();
    await schema
      .createIndex("logs_live")
      .on("logs")
      .columns(["block", "log_index"])
      .where(sql.ref("live"), "=", true)
      .execute();
    await schema
      .createTable("answers")
      .addColumn("request", "text", (c) => c.primaryKey())
      .addColumn("output", "bytea", (c) => c.notNull())
      .execute();
    await schema
      .createTable("judgements")
      .addColumn("result", "text", (c) => c.primaryKey())
      .addColumn("request", "text", (c) => c.notNull())
      .addColumn("verdict", "text", (c) => c.notNull().check(sql`verdict in ('right', 'wrong')`))
      .addColumn("by", "text", (c) => c.notNull())
      .addColumn("at_ms", "bigint", (c) => c.notNull().defaultTo(NOW_MS))
      .execute();
  },
};
