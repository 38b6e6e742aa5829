/** All versions of the schema, in order. A migration that was released is never changed. */
import type { Migration } from "kysely/migration";
import { initial } from "./initial.ts";
import { receipts } from "./receipts.ts";
import { transactions } from "./transactions.ts";

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001_initial": initial,
  "0002_transactions": transactions,
  "0003_receipts": receipts,
};
