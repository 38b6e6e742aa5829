/** Worker thread that holds the embedded Postgres: it is WebAssembly and would block the node's event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../../sdk/src/error.ts";
import { openPostgres } from "./pglite.ts";
import type { WorkerReply, WorkerQuery } from "./embedded.ts";

// Any failure to open ends the worker; the node hears of it as the worker's error.
const database = await openPostgres(String(workerData));

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
