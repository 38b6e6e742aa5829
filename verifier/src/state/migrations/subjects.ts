import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What is about a subject is read in the order of the chain, from a block on. */
export const subjects: Migration = {
  async up(database: Kysely<unknown>) {
    const { schema } = database;
    await schema.dropIndex("logs_subject").execute();
    await schema.createIndex("logs_subject").on("logs").columns(["subject", "block", "log_index"]).execute();
  },
};
