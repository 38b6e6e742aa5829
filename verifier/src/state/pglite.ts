/** The embedded Postgres (PGlite), as this project runs it. */
import { setFlagsFromString } from "node:v8";
import { PGlite, types } from "@electric-sql/pglite";
import { INITDB, SHARED_BUFFERS } from "./pgliteParameters.ts";

const TIER_UP = ["wasm-tier-up", "wasm-dynamic-tiering"];

/**
 * Opens or creates a database. Meanwhile, what V8 compiles keeps the code of its baseline compiler: the optimising one takes 600 MB
 * and seconds for the largest function of Postgres, to save a fraction of a millisecond a query.
 */
export async function openPostgres(directory: string): Promise<PGlite> {
  for (const flag of TIER_UP) setFlagsFromString(`--no-${flag}`);
  try {
    return await PGlite.create({
      dataDir: directory,
      startParams: [...PGlite.defaultStartParams, "-c", SHARED_BUFFERS],
      initDbStartParams: [...INITDB],
      // As `pg` is told in database.ts: safe integers as numbers, wei as bigints.
      parsers: { [types.INT8]: Number, [types.NUMERIC]: BigInt },
    });
  } finally {
    for (const flag of TIER_UP) setFlagsFromString(`--${flag}`);
  }
}
