/** The embedded Postgres (PGlite) as a pool of one connection, in a worker thread: Kysely speaks to it as to a server. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import pLimit from "p-limit";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { lockDirectory } from "./lock.ts";

export interface WorkerQuery {
  /** From 1. */
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** With id 0: the database is open. */
export type WorkerReply =
  | { readonly id: number; readonly rows: readonly Record<string, unknown>[]; readonly affectedRows: number }
  | { readonly id: number; readonly message: string; readonly code: string | undefined };

type Result = PostgresQueryResult<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** As `pg` reports what Postgres refuses: `code` is the SQLSTATE. */
class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

/** Kysely reads it to know what a statement's row count means. */
function commandOf(sql: string): "UPDATE" | "DELETE" | "INSERT" | "MERGE" | "SELECT" {
  const word = /^\s*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase();
  return word === "UPDATE" || word === "DELETE" || word === "INSERT" || word === "MERGE" ? word : "SELECT";
}

/**
 * Opens or creates the database of a directory.
 * @throws {AssayError} STATE_LOCKED if another process has it open, STATE_FAILED if it cannot be opened.
 */
export async function openEmbedded(directory: string): Promise<PostgresPool> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(directory);
  const worker = new Worker(new URL("./embedded.worker.ts", import.meta.url), {
    workerData: join(directory, "postgres"),
    execArgv: [],
  });
  const waiting = new Map<number, Waiting>();
  const turn = pLimit(1);
  let next = 1;
  let dead: Error | undefined;

  function fail(error: Error): void {
    dead ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  const exited = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      fail(new AssayError("STATE_FAILED", `the embedded database ended (${code})`, { retryable: true }));
      unlock();
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", (cause) => {
      const error = new AssayError(
        "STATE_FAILED",
        `cannot open the database in ${directory}: ${messageOf(cause)}`,
        { cause },
      );
      fail(error);
      reject(error);
    });
  });
  worker.on("message", (reply: WorkerReply) => {
    const query = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ("rows" in reply)
      query?.resolve({ command: "SELECT", rowCount: reply.affectedRows, rows: [...reply.rows] });
    else query?.reject(new DatabaseError(reply.message, reply.code));
  });

  async function run(sql: string, parameters: readonly unknown[]): Promise<Result> {
    if (dead !== undefined) throw dead;
    const id = next++;
    const result = await new Promise<Result>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, sql, parameters } satisfies WorkerQuery);
    });
    return { ...result, command: commandOf(sql) };
  }

  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  function query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  function query(sql: unknown, parameters: readonly unknown[] = []): unknown {
    if (typeof sql !== "string") throw new TypeError("the embedded database has no cursors");
    return run(sql, parameters);
  }

  return {
    options: {},
    connect: () =>
      // One at a time, from connect to release: a transaction has the connection to itself.
      new Promise<PostgresPoolClient>((resolve) => {
        void turn(
          () =>
            new Promise<void>((release) => {
              resolve({ query, release: () => release() });
            }),
        );
      }),
    async end() {
      worker.postMessage("close");
      await exited;
    },
  };
}
