/** The node's database: one schema, in the embedded Postgres or on a server. */
import { Socket } from "node:net";
import { Kysely, PostgresDialect, sql, type LogEvent, type PostgresPool } from "kysely";
import { Migrator } from "kysely/migration";
import { Pool, TypeOverrides } from "pg";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { openEmbedded } from "./embedded.ts";
import { MIGRATIONS } from "./migrations/index.ts";
import type { Tables } from "./tables.ts";

export type Database = Kysely<Tables>;

/** Where the state is: a directory of this machine, or a Postgres server (postgres://...) that several nodes share. */
export type DatabaseAddress = { readonly directory: string } | { readonly url: string };

export interface DatabaseOptions {
  readonly onQuery?: (event: LogEvent) => void;
  /** A server that says nothing for longer is taken for gone. Default 45000: it ends a statement long before. */
  readonly silenceMs?: number;
  /**
   * A server ends a transaction whose process says nothing for longer, since others wait for its rows: the process may have stopped,
   * or the way to it. Default 15000: those who wait have them before their own statements end.
   */
  readonly idleMs?: number;
}

const INT8 = 20;
const NUMERIC = 1700;
const CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = STATEMENT_TIMEOUT_MS / 2;

/** `pg` waits for ever for a server that went without a word. A connection that is not in use is closed before. */
function openSocket(silenceMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(silenceMs, () => {
    const error = new AssayError("STATE_FAILED", "the Postgres server fell silent", { retryable: true });
    socket.destroy(error);
  });
}

function serverPool(url: string, silenceMs: number, idleMs: number): PostgresPool {
  // As the embedded database does: counts, block numbers and milliseconds are safe integers, amounts are wei.
  const overrides = new TypeOverrides();
  overrides.setTypeParser(INT8, Number);
  overrides.setTypeParser(NUMERIC, BigInt);
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: idleMs,
    types: overrides,
    stream: () => openSocket(silenceMs),
  });
  // A connection that breaks is replaced; whoever uses it hears of it by its query.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/**
 * Opens the database and brings its schema up to date; several nodes may do so at once.
 * @throws {AssayError} STATE_LOCKED, STATE_FAILED (retryable if a server does not answer).
 */
export async function openDatabase(
  address: DatabaseAddress,
  { onQuery, silenceMs = STATEMENT_TIMEOUT_MS + 15_000, idleMs = IDLE_TIMEOUT_MS }: DatabaseOptions = {},
): Promise<Database> {
  const pool =
    "url" in address ? serverPool(address.url, silenceMs, idleMs) : await openEmbedded(address.directory);
  const database = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    ...(onQuery === undefined ? {} : { log: onQuery }),
  });
  try {
    await sql`select 1`.execute(database);
  } catch (cause) {
    await database.destroy();
    // The cause may quote the address, which holds a password.
    throw new AssayError("STATE_FAILED", `the Postgres server does not answer: ${codeOf(cause)}`, {
      retryable: true,
    });
  }
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return database;
  await database.destroy();
  throw new AssayError(
    "STATE_FAILED",
    `the database's schema cannot be brought up to date (was it written by a newer version?): ${messageOf(error)}`,
    { cause: error },
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "connection failed";
}
