/**
 * The chain as far as it has been read: logs, recent block hashes and the cursor. Several processes may read at once; a cursor
 * moves only from where its mover thinks it is, so nothing is written twice or out of order.
 */
import { sql, type AliasedRawBuilder, type Expression, type Transaction } from "kysely";
import { AssayError } from "../../../sdk/src/error.ts";
import { fromHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainLog } from "../chain/source.ts";
import type { Anchor } from "../chain/trail.ts";
import { among } from "./among.ts";
import type { Database } from "./database.ts";
import type { LogRow, Tables } from "./tables.ts";

export interface Position {
  /** Last block whose logs are stored. */
  readonly number: number;
  readonly hash: Hex;
  /** Changes whenever something stored was undone. */
  readonly epoch: number;
}

export interface SubjectLog {
  readonly log: ChainLog;
  /** See LogRow. */
  readonly subject: string | null;
  readonly live: boolean;
}

/** Where a log stands in its chain. */
export interface LogPlace {
  readonly block: number;
  readonly index: number;
}

export interface LogStore {
  position(): Promise<Position>;
  /** Recent blocks, the newest last. */
  anchors(): Promise<readonly Anchor[]>;
  /** Live logs of blocks after `after` up to `until`, in order, a page at a time. */
  read(after: number, until: number): AsyncGenerator<readonly ChainLog[]>;
  /** As read, but the logs about a subject, live or not. */
  about(subject: string, after: number, until: number): AsyncGenerator<readonly ChainLog[]>;
  /** At most `limit` logs after a place, of blocks up to `until`, live or not, but those of the contracts `but`: as history. */
  page(after: LogPlace, until: number, limit: number, but: readonly Hex[]): Promise<readonly ChainLog[]>;
  /** Stores what follows `from`, up to block `to`. @returns the new position; undefined if the cursor is not at `from`. */
  append(from: Position, logs: readonly SubjectLog[], to: Anchor): Promise<Position | undefined>;
  /** Forgets everything after block `keep`. @returns as append. */
  undo(from: Position, keep: number): Promise<Position | undefined>;
  /** Nothing more is expected of these subjects. */
  retire(subjects: readonly string[]): Promise<void>;
}

const PAGE_ROWS = 1000;
const LAST_INDEX = 2 ** 31 - 1;
const NO_HASH: Hex = `0x${"00".repeat(32)}`;

export interface LogStoreOptions {
  /** Chain id and market: one database is about one deployment. */
  readonly deployment: string;
  /** First block of interest. */
  readonly fromBlock: number;
  /** Anchors kept. */
  readonly depth: number;
}

/** @throws {AssayError} STATE_FAILED if the database is another deployment's. */
export async function openLogs(database: Database, options: LogStoreOptions): Promise<LogStore> {
  const { deployment, fromBlock, depth } = options;
  await database
    .insertInto("cursor")
    .values({ deployment, number: fromBlock - 1, hash: fromHex(NO_HASH), epoch: 0 })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  const stored = await database.selectFrom("cursor").select("deployment").executeTakeFirstOrThrow();
  if (stored.deployment !== deployment)
    throw new AssayError(
      "STATE_FAILED",
      `this state is of deployment ${stored.deployment}, not ${deployment}: use another directory or database`,
    );

  // Without it every page would sort all that follows: an embedded Postgres has no autovacuum that would look at its tables.
  await sql`analyze logs`.execute(database);

  async function position(): Promise<Position> {
    const row = await database
      .selectFrom("cursor")
      .select(["number", "hash", "epoch"])
      .executeTakeFirstOrThrow();
    return { number: row.number, hash: toHex(row.hash), epoch: row.epoch };
  }

  /** Moves the cursor, and with it changes what `change` does, or neither. */
  function move(
    from: Position,
    to: Position,
    change: (transaction: Transaction<Tables>) => Promise<void>,
  ): Promise<Position | undefined> {
    return database.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("cursor")
        .set({ number: to.number, hash: fromHex(to.hash), epoch: to.epoch })
        .where("number", "=", from.number)
        .where("hash", "=", fromHex(from.hash))
        .where("epoch", "=", from.epoch)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return undefined;
      await change(transaction);
      return to;
    });
  }

  /** Logs of which a condition is true, of blocks after `after` up to `until`. */
  async function* pages(
    which: Expression<boolean>,
    after: number,
    until: number,
  ): AsyncGenerator<readonly ChainLog[]> {
    const page = (block: number, index: number): Promise<HexRow[]> => {
      const rows = database
        .selectFrom("logs")
        .select(COLUMNS)
        .where(which)
        .where("block", "<=", until)
        .where(sql<boolean>`(block, log_index) > (${block}::bigint, ${index}::integer)`)
        .orderBy("block")
        .orderBy("log_index")
        .limit(PAGE_ROWS)
        .execute();
      // Its failure is seen when its turn comes.
      rows.catch(() => undefined);
      return rows;
    };
    let next: Promise<HexRow[]> | undefined = page(after, LAST_INDEX);
    while (next !== undefined) {
      const rows: HexRow[] = await next;
      const last = rows.length < PAGE_ROWS ? undefined : rows.at(-1);
      // Read while the reader is busy with this one.
      next = last && page(last.block, last.log_index);
      if (rows.length > 0) yield rows.map(logOf);
    }
  }

  return {
    position,
    async anchors() {
      const rows = await database.selectFrom("anchors").selectAll().orderBy("number").execute();
      return rows.map(({ number, hash }) => ({ number, hash: toHex(hash) }));
    },
    read: (after, until) => pages(sql<boolean>`live`, after, until),
    about: (subject, after, until) => pages(sql<boolean>`subject = ${subject}`, after, until),
    async page({ block, index }, until, limit, but) {
      const rows = await database
        .selectFrom("logs")
        .select(COLUMNS)
        .where("address", "not in", but.map(fromHex))
        .where("block", "<=", until)
        .where(sql<boolean>`(block, log_index) > (${block}::bigint, ${index}::integer)`)
        .orderBy("block")
        .orderBy("log_index")
        .limit(limit)
        .execute();
      return rows.map(logOf);
    },
    append(from, logs, to) {
      const target = { number: to.number, hash: to.hash, epoch: from.epoch };
      return move(from, target, async (transaction) => {
        if (logs.length > 0) await insertLogs(transaction, logs);
        await transaction
          .insertInto("anchors")
          .values({ number: to.number, hash: fromHex(to.hash) })
          .execute();
        await transaction
          .deleteFrom("anchors")
          .where("number", "<", (where) =>
            where
              .selectFrom("anchors")
              .select("number")
              .orderBy("number", "desc")
              .offset(depth - 1)
              .limit(1),
          )
          .execute();
      });
    },
    async undo(from, keep) {
      const anchor = await database
        .selectFrom("anchors")
        .selectAll()
        .where("number", "=", keep)
        .executeTakeFirst();
      const hash = anchor === undefined ? NO_HASH : toHex(anchor.hash);
      return move(from, { number: keep, hash, epoch: from.epoch + 1 }, async (transaction) => {
        await transaction.deleteFrom("logs").where("block", ">", keep).execute();
        await transaction.deleteFrom("anchors").where("number", ">", keep).execute();
      });
    },
    async retire(subjects) {
      if (subjects.length === 0) return;
      await database
        .updateTable("logs")
        .set({ live: false })
        .where(among("subject", subjects))
        .where("live", "=", true)
        .execute();
    },
  };
}

/** One array a column, bytes as hex: far cheaper than a parameter a value. */
async function insertLogs(transaction: Transaction<Tables>, logs: readonly SubjectLog[]): Promise<void> {
  const digits = (values: readonly string[]): string[] => values.map((value) => value.slice(2));
  const entries = logs.map(({ log }) => log);
  await sql`
    insert into logs (block, log_index, block_hash, address, topics, data, transaction, timestamp, subject, live)
    select block, log_index, decode(block_hash, 'hex'), decode(address, 'hex'), decode(topics, 'hex'),
      decode(data, 'hex'), decode(transaction, 'hex'), timestamp, subject, live
    from unnest(
      ${entries.map((log) => log.blockNumber)}::bigint[],
      ${entries.map((log) => log.logIndex)}::integer[],
      ${digits(entries.map((log) => log.blockHash))}::text[],
      ${digits(entries.map((log) => log.address))}::text[],
      ${entries.map((log) => digits(log.topics).join(""))}::text[],
      ${digits(entries.map((log) => log.data))}::text[],
      ${digits(entries.map((log) => log.transaction))}::text[],
      ${entries.map((log) => log.timestamp)}::bigint[],
      ${logs.map(({ subject }) => subject)}::text[],
      ${logs.map(({ live }) => live)}::boolean[]
    ) as entry(block, log_index, block_hash, address, topics, data, transaction, timestamp, subject, live)`.execute(
    transaction,
  );
}

const HASH_DIGITS = 64;

function hex<C extends "block_hash" | "address" | "topics" | "data" | "transaction">(
  column: C,
): AliasedRawBuilder<string, C> {
  return sql<string>`encode(${sql.ref(column)}, 'hex')`.as(column);
}

/** Bytes as hex, as with {@link insertLogs}: that is what they become anyway. */
const COLUMNS = [
  ...(["block", "log_index", "timestamp"] as const),
  hex("block_hash"),
  hex("address"),
  hex("topics"),
  hex("data"),
  hex("transaction"),
] as const;

type HexRow = Pick<LogRow, "block" | "log_index" | "timestamp"> &
  Readonly<Record<"block_hash" | "address" | "topics" | "data" | "transaction", string>>;

function logOf(row: HexRow): ChainLog {
  const { topics } = row;
  return {
    blockNumber: row.block,
    logIndex: row.log_index,
    blockHash: `0x${row.block_hash}`,
    address: `0x${row.address}`,
    topics: Array.from(
      { length: topics.length / HASH_DIGITS },
      (_, i): Hex => `0x${topics.slice(HASH_DIGITS * i, HASH_DIGITS * (i + 1))}`,
    ),
    data: `0x${row.data}`,
    transaction: `0x${row.transaction}`,
    timestamp: row.timestamp,
  };
}
