/** The embedded Postgres (PGlite) as a pool of one connection, in a worker thread: Kysely speaks to it as to a server. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import pLimit from "p-limit";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { ensureDirectory } from "../ensureDirectory.ts";
import { lockDirectory } from "./lock.ts";
import { templatePath } from "./template.ts";

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

/** Of the thread: rows on their way. */
const YOUNG_MIB = 16;
/** Databases that are being made. */
const UNFINISHED = "postgres.new-";
const REMOVE = { recursive: true, force: true, maxRetries: 5 };

/** @throws {AssayError} STATE_FAILED, once the thread has ended. */
async function startWorker(path: string): Promise<Worker> {
  const worker = new Worker(new URL("./embedded.worker.ts", import.meta.url), {
    workerData: path,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  let cause: unknown;
  worker.on("error", (error: unknown) => {
    cause = error;
  });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("exit", () => {
      const message = `cannot open the database in ${path}: ${messageOf(cause)}`;
      reject(new AssayError("STATE_FAILED", message, { cause }));
    });
  });
  return worker;
}

/** @returns whether there is a template that this user can read; the directory is empty if not. */
async function copyTemplate(template: string, directory: string): Promise<boolean> {
  try {
    await cp(template, directory, { recursive: true });
    return true;
  } catch {
    rmSync(directory, REMOVE);
    mkdirSync(directory, { mode: 0o700 });
    return false;
  }
}

/**
 * A new database gets its name when it is whole. It is a copy of the template; without one (somebody cleared the cache) a process of its
 * own makes it. If this process is killed, that one may go on for a moment, so each has a directory of its own.
 */
async function createDatabase(directory: string, path: string, template = templatePath()): Promise<void> {
  for (const name of readdirSync(directory))
    if (name.startsWith(UNFINISHED)) rmSync(join(directory, name), REMOVE);
  const unfinished = mkdtempSync(join(directory, UNFINISHED));
  const script = fileURLToPath(new URL("./embedded.create.ts", import.meta.url));
  try {
    if (!(await copyTemplate(template, unfinished)))
      await promisify(execFile)(process.execPath, [script, unfinished], { env: {} });
  } catch (cause) {
    throw new AssayError("STATE_FAILED", `cannot make a database in ${directory}: ${messageOf(cause)}`, {
      cause,
    });
  }
  renameSync(unfinished, path);
}

async function openWorker(directory: string, template: string | undefined): Promise<Worker> {
  const path = join(directory, "postgres");
  if (!existsSync(path)) await createDatabase(directory, path, template);
  return startWorker(path);
}

export interface EmbeddedOptions {
  /** What a new database is a copy of. Default: that of the set-up. */
  readonly template?: string;
  /** Between two vacuums. Default ten minutes. */
  readonly vacuumMs?: number;
}

const VACUUM_MS = 600_000;

/**
 * Opens or creates the database of a directory.
 * @throws {AssayError} BAD_CONFIG if the directory cannot be used, STATE_LOCKED if another process has it open, STATE_FAILED if it
 * cannot be opened.
 */
export async function openEmbedded(
  directory: string,
  { template, vacuumMs = VACUUM_MS }: EmbeddedOptions = {},
): Promise<PostgresPool> {
  ensureDirectory(directory, "directory of the database", "--data", 0o700);
  const unlock = lockDirectory(directory);
  const worker = await openWorker(directory, template).catch((error: unknown) => {
    unlock();
    throw error;
  });
  const waiting = new Map<number, Waiting>();
  const turn = pLimit(1);
  let next = 1;
  let dead: Error | undefined;

  worker.once("exit", (code) => {
    clearInterval(cleaner);
    dead ??= new AssayError("STATE_FAILED", `the embedded database ended (${code})`, { retryable: true });
    for (const { reject } of waiting.values()) reject(dead);
    waiting.clear();
    unlock();
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

  /** Nothing else does, as a server would: what was deleted or changed would take room for ever, and queries go through it. */
  async function vacuum(): Promise<void> {
    // The next one may do better; if the database has ended, whoever uses it hears of it.
    await turn(() => run("vacuum", [])).catch(() => undefined);
  }

  const cleaner = setInterval(() => void vacuum(), vacuumMs);
  cleaner.unref();
  await vacuum();

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
      if (dead !== undefined) return;
      const exited = once(worker, "exit");
      worker.postMessage("close");
      await exited;
    },
  };
}
