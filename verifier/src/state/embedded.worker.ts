/** Worker thread that holds the embedded Postgres: it is WebAssembly and would block the node's event loop. */
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, types } from "@electric-sql/pglite";
import { messageOf } from "../../../sdk/src/error.ts";
import type { WorkerReply, WorkerQuery } from "./embedded.ts";

/** The system's own cache has what is not kept here. */
const SHARED_BUFFERS = "shared_buffers=16MB";

/**
 * A module that is compiled meanwhile keeps what V8's baseline compiler makes of it. Its optimising compiler takes 600 MB and
 * seconds for the largest function of Postgres, to save a fraction of a millisecond a query.
 */
async function baselineOnly<T>(compile: () => Promise<T>): Promise<T> {
  const flags = ["wasm-tier-up", "wasm-dynamic-tiering"];
  for (const flag of flags) setFlagsFromString(`--no-${flag}`);
  try {
    return await compile();
  } finally {
    for (const flag of flags) setFlagsFromString(`--${flag}`);
  }
}

// Any failure to open ends the worker; the node hears of it as the worker's error.
const database = await baselineOnly(() =>
  PGlite.create({
    dataDir: String(workerData),
    startParams: [...PGlite.defaultStartParams, "-c", SHARED_BUFFERS],
    // MiB of a file of the log: a new database begins with one, and is copied whole.
    initDbStartParams: ["--set", SHARED_BUFFERS, "--wal-segsize=4"],
    // As `pg` is told in database.ts: safe integers as numbers, wei as bigints.
    parsers: { [types.INT8]: Number, [types.NUMERIC]: BigInt },
  }),
);

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function post(reply: WorkerReply): void {
  parentPort?.postMessage(reply);
}

parentPort?.on("message", (message: WorkerQuery | "close") => {
  if (message === "close") {
    // Without listeners the thread ends.
    void database.close().then(() => parentPort?.close());
    return;
  }
  const { id, sql, parameters } = message;
  database.query<Record<string, unknown>>(sql, [...parameters]).then(
    ({ rows, affectedRows }) => post({ id, rows, affectedRows: affectedRows ?? 0 }),
    (error: unknown) => post({ id, message: messageOf(error), code: codeOf(error) }),
  );
});
post({ id: 0, rows: [], affectedRows: 0 });
