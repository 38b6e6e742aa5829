import { sql } from "kysely";

/** The database's clock, unix milliseconds: all processes that share it mean the same. (Migrations keep their own copies.) */
export const NOW_MS = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
