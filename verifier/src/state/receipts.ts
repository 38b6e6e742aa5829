/**
 * Receipts that we gave, and what clients promised and owe for them: a receipt is kept and charged for in one statement, or neither.
 * Those that come together are written together.
 */
import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import { z } from "zod/v4";
import { decimal, toJson, wireReceiptSchema } from "../../../sdk/src/infer/wire.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { bytes32, hex, type Hex } from "../../../sdk/src/structs.ts";
import { logError, type Logger } from "../log.ts";
import type { Database } from "./database.ts";
import { openSpool, type Place } from "./spool.ts";
import type { PurseRow } from "./tables.ts";

/** The best voucher of a client. */
export interface Promised {
  readonly totalWei: bigint;
  /** Digest of the order that it was signed for. */
  readonly order: Hex;
  readonly signature: Hex;
}

/** What a client has promised, and owes, wei. */
export interface PurseState {
  readonly client: Hex;
  readonly owedWei: bigint;
  readonly voucher: Promised;
}

export interface Kept {
  readonly requestHash: Hex;
  readonly receipt: Receipt;
  readonly signature: Hex;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

export interface Given extends Kept {
  readonly client: Hex;
  readonly priceWei: bigint;
  /** The best that we know. */
  readonly voucher: Promised;
}

/** "unpaid": another process has spent what the voucher promised; "known": the order was answered before. Neither changes anything. */
export type Outcome = "kept" | "unpaid" | "known";

export interface ReceiptStore {
  keep(given: Given): Promise<Outcome>;
  find(requestHash: Hex): Promise<Kept | undefined>;
  /** Without input and output, which may be large. */
  signed(requestHash: Hex): Promise<Pick<Kept, "receipt" | "signature"> | undefined>;
  purse(client: Hex): Promise<PurseState | undefined>;
  /** All that have promised something. */
  purses(): Promise<readonly PurseState[]>;
  /** Which of these are kept. */
  known(requestHashes: readonly Hex[]): Promise<ReadonlySet<string>>;
  /** What was issued in a period (unix seconds), by time of issue, then by request. */
  issued(from: number, until: number): AsyncGenerator<Receipt, void>;
  /** Forgets what was issued before, unix seconds. */
  purge(before: number): Promise<void>;
  close(): Promise<void>;
}

const MOST_ROWS = 256;
/** Receipts that are read from files before they go to the database. */
const MOST_FRESH = 4096;
const UNIQUE_VIOLATION = "23505";

interface Writing {
  readonly given: Placed;
  readonly done: (outcome: Outcome) => void;
  readonly failed: (error: unknown) => void;
}

/** What all of a client's receipts of one write add to its purse. */
function charges(batch: readonly Given[]): readonly PurseState[] {
  const purses = new Map<string, PurseState>();
  for (const { client, priceWei, voucher } of batch) {
    const before = purses.get(client);
    const best =
      before === undefined || voucher.totalWei > before.voucher.totalWei ? voucher : before.voucher;
    purses.set(client, { client, owedWei: (before?.owedWei ?? 0n) + priceWei, voucher: best });
  }
  // In one order everywhere, so that two processes cannot wait for each other's rows.
  return [...purses.values()].sort((a, b) => (a.client < b.client ? -1 : 1));
}

/** Where input and output are, if not in the database. */
type Placed = Given & { readonly place?: Place };

async function write(database: Database, batch: readonly Placed[]): Promise<ReadonlySet<string>> {
  const purses = charges(batch).map(
    ({ client, owedWei, voucher: { totalWei, order, signature } }) =>
      sql`(${client}, ${owedWei}::numeric, ${totalWei}::numeric, ${order}, ${signature})`,
  );
  const rows = batch.map(({ requestHash, client, receipt, signature, input, output, place }) => {
    const evidence = place === undefined ? Buffer.concat([input, output]).toString("base64") : null;
    const where = place === undefined ? null : JSON.stringify(place);
    return sql`(${requestHash}, ${client}, ${toJson(receipt)}, ${signature}, ${evidence}, ${input.length}::integer, ${where}, ${receipt.issuedAt}::bigint)`;
  });
  const { rows: kept } = await sql<{ request_hash: string }>`
    with charged as (
      insert into purses (client, owed_wei, voucher_wei, voucher_order, voucher_signature)
      select * from (values ${sql.join(purses)}) as g(client, owed, total, digest, signature)
      where total >= owed or exists (select from purses p where p.client = g.client)
      on conflict (client) do update set
        owed_wei = purses.owed_wei + excluded.owed_wei,
        voucher_wei = greatest(purses.voucher_wei, excluded.voucher_wei),
        voucher_order = case when excluded.voucher_wei > purses.voucher_wei
          then excluded.voucher_order else purses.voucher_order end,
        voucher_signature = case when excluded.voucher_wei > purses.voucher_wei
          then excluded.voucher_signature else purses.voucher_signature end
      where greatest(purses.voucher_wei, excluded.voucher_wei) >= purses.owed_wei + excluded.owed_wei
      returning client
    )
    insert into receipts (request_hash, receipt, signature, evidence, input_bytes, place, issued_at)
    select request_hash, receipt, signature, decode(evidence, 'base64'), input_bytes, place, issued_at
    from (values ${sql.join(rows)})
      as r(request_hash, client, receipt, signature, evidence, input_bytes, place, issued_at)
    where client in (select client from charged)
    returning request_hash`.execute(database);
  return new Set(kept.map(({ request_hash: hash }) => hash));
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION;
}

function purseOf(row: PurseRow): PurseState {
  return {
    client: hex.parse(row.client),
    owedWei: row.owed_wei,
    voucher: {
      totalWei: row.voucher_wei,
      order: hex.parse(row.voucher_order),
      signature: hex.parse(row.voucher_signature),
    },
  };
}

function receiptOf(json: string): Receipt {
  return wireReceiptSchema.parse(JSON.parse(json));
}

const spooledSchema = z.object({
  requestHash: bytes32,
  receipt: wireReceiptSchema,
  signature: hex,
  input: z.base64(),
  output: z.base64(),
  client: hex,
  priceWei: decimal,
  voucher: z.object({ totalWei: decimal, order: bytes32, signature: hex }),
});
const placeSchema = z.object({ file: z.number(), offset: z.number(), length: z.number() });

function lineOf({ input, output, priceWei, voucher, ...given }: Given): string {
  const base64 = (bytes: Uint8Array): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  return JSON.stringify({
    ...given,
    ...{ priceWei: priceWei.toString(), voucher: { ...voucher, totalWei: voucher.totalWei.toString() } },
    ...{ input: base64(input), output: base64(output) },
  });
}

/** @throws Error if the line is none of ours. */
function givenOf(line: string): Given {
  const { input, output, ...given } = spooledSchema.parse(JSON.parse(line));
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
  return { ...given, input: bytes(input), output: bytes(output) };
}

/**
 * Receipts in the database alone, which several processes may share. Hashes and addresses are given in lower case.
 * @param read What is not in the database.
 */
export function openReceipts(
  database: Database,
  read?: (place: Place) => Promise<Given>,
): ReceiptStore & { keep(given: Placed): Promise<Outcome> } {
  const waiting: Writing[] = [];
  let writing = false;

  async function isKept(requestHash: Hex): Promise<boolean> {
    const row = await database
      .selectFrom("receipts")
      .select("request_hash")
      .where("request_hash", "=", requestHash)
      .executeTakeFirst();
    return row !== undefined;
  }

  async function writeAll(batch: readonly Writing[]): Promise<void> {
    try {
      const kept = await write(
        database,
        batch.map(({ given }) => given),
      );
      const left = batch.filter(({ given, done }) => {
        if (kept.has(given.requestHash)) done("kept");
        return !kept.has(given.requestHash);
      });
      if (batch.length > 1) return await writeEach(left);
      // A voucher that is used up stands in the way before the order that was answered does.
      for (const { given, done } of left) done((await isKept(given.requestHash)) ? "known" : "unpaid");
    } catch (error) {
      if (!isConflict(error)) for (const { failed } of batch) failed(error);
      else if (batch.length === 1) batch.forEach(({ done }) => done("known"));
      else await writeEach(batch);
    }
  }

  /** One at a time once they cannot be written together: who is in the way is told. */
  async function writeEach(batch: readonly Writing[]): Promise<void> {
    for (const one of batch) await writeAll([one]);
  }

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) await writeAll(waiting.splice(0, MOST_ROWS));
    writing = false;
  }

  return {
    keep: (given) =>
      new Promise((done, failed) => {
        waiting.push({ given, done, failed });
        void drain();
      }),
    async find(requestHash) {
      const row = await database
        .selectFrom("receipts")
        .select(["receipt", "signature", "evidence", "input_bytes", "place"])
        .where("request_hash", "=", requestHash)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      if (row.evidence === null) return read?.(placeSchema.parse(JSON.parse(row.place ?? "null")));
      const evidence = new Uint8Array(row.evidence);
      return {
        requestHash,
        receipt: receiptOf(row.receipt),
        signature: hex.parse(row.signature),
        input: evidence.slice(0, row.input_bytes),
        output: evidence.slice(row.input_bytes),
      };
    },
    async signed(requestHash) {
      const row = await database
        .selectFrom("receipts")
        .select(["receipt", "signature"])
        .where("request_hash", "=", requestHash)
        .executeTakeFirst();
      return row && { receipt: receiptOf(row.receipt), signature: hex.parse(row.signature) };
    },
    async purse(client) {
      const row = await database
        .selectFrom("purses")
        .selectAll()
        .where("client", "=", client)
        .executeTakeFirst();
      return row && purseOf(row);
    },
    async purses() {
      return (await database.selectFrom("purses").selectAll().execute()).map(purseOf);
    },
    async known(requestHashes) {
      if (requestHashes.length === 0) return new Set();
      const rows = await database
        .selectFrom("receipts")
        .select("request_hash")
        .where("request_hash", "in", requestHashes)
        .execute();
      return new Set(rows.map(({ request_hash: hash }) => hash));
    },
    async *issued(from, until) {
      // In pages, since a period may have millions.
      for (let after: readonly [number, string] = [from, ""]; ;) {
        const rows = await database
          .selectFrom("receipts")
          .select(["receipt", "issued_at", "request_hash"])
          .where((is) => is(is.refTuple("issued_at", "request_hash"), ">", is.tuple(...after)))
          .where("issued_at", "<", until)
          .orderBy("issued_at")
          .orderBy("request_hash")
          .limit(MOST_ROWS)
          .execute();
        for (const { receipt } of rows) yield receiptOf(receipt);
        const last = rows.at(-1);
        if (last === undefined || rows.length < MOST_ROWS) return;
        after = [last.issued_at, last.request_hash];
      }
    },
    async purge(before) {
      await database.deleteFrom("receipts").where("issued_at", "<", before).execute();
    },
    close: () => Promise.resolve(),
  };
}

function* chunks<T>(items: Iterable<T>, size: number): Generator<T[], void> {
  let chunk: T[] = [];
  for (const item of items) {
    if (chunk.push(item) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** After which what was spooled goes to the database, milliseconds. */
const FLUSH_MS = 1000;
/** Longer than systems hold back what is to be written, milliseconds. */
const SETTLE_MS = 120_000;

/**
 * Receipts of the only process that uses a database: in a file before they are given, with input and output, and some time later in
 * the database, many at once, which the embedded one needs.
 * @param directory Of the files.
 * @param orderSeconds No order is answered that is older.
 * @throws Error if what an earlier process left cannot be brought to the database.
 */
export async function openSpooledReceipts(
  database: Database,
  directory: string,
  orderSeconds: number,
  log: Logger,
): Promise<ReceiptStore> {
  // With a new database the files give back what the old one knew.
  const empty =
    (await database.selectFrom("purses").select("client").limit(1).executeTakeFirst()) === undefined;
  const spool = openSpool(directory, empty);
  const store = openReceipts(database, async (place) => givenOf(await spool.read(place)));
  /** In the file and not in the database. */
  const fresh = new Map<Hex, Placed>();
  let flushing: Promise<void> | undefined;
  const settling: { readonly at: number; readonly settle: () => void }[] = [];
  /** When the orders were answered that can still be answered, unix seconds: asking the database for each would take longer than the rest. */
  const recent = new Map<Hex, number>();

  function forgetOld(): void {
    const oldest = Date.now() / 1000 - orderSeconds;
    for (const [hash, at] of recent)
      if (at < oldest) recent.delete(hash);
      else break;
  }

  async function flush(): Promise<void> {
    settleOld();
    if (fresh.size === 0) return;
    const settle = await spool.turn();
    // By then everything in the files before is in `fresh`.
    await setImmediate();
    const moving = [...fresh];
    const outcomes = await Promise.all(moving.map(([, one]) => store.keep(one)));
    const unpaid = outcomes.filter((outcome) => outcome === "unpaid").length;
    if (unpaid > 0) log.error({ receipts: unpaid }, "receipts were given that no voucher pays for");
    for (const [hash] of moving) fresh.delete(hash);
    settling.push({ at: performance.now(), settle });
  }

  /** The database leaves it to the system when its bytes reach the disk: until they have, the files stay what counts. */
  function settleOld(): void {
    while (performance.now() - (settling[0]?.at ?? Infinity) >= SETTLE_MS) settling.shift()?.settle();
  }

  function flushNow(): Promise<void> {
    flushing ??= flush().finally(() => (flushing = undefined));
    return flushing;
  }

  for (const some of chunks(spool.left(), MOST_ROWS)) {
    const placed = some.map(({ line, place }) => ({ ...givenOf(line), place }));
    const known = await store.known(placed.map(({ requestHash }) => requestHash));
    for (const given of placed) if (!known.has(given.requestHash)) fresh.set(given.requestHash, given);
    if (fresh.size >= MOST_FRESH) await flushNow();
  }
  await flushNow();
  const since = Math.floor(Date.now() / 1000) - orderSeconds;
  for await (const { requestHash, issuedAt } of store.issued(since, Number.MAX_SAFE_INTEGER))
    recent.set(requestHash, issuedAt);
  const timer = setInterval(() => {
    forgetOld();
    flushNow().catch((error: unknown) => logError(log, error, "receipts wait on disk for the database"));
  }, FLUSH_MS);
  timer.unref();

  return {
    ...store,
    async keep(given) {
      const { requestHash, receipt } = given;
      if (recent.has(requestHash)) return "known";
      recent.set(requestHash, receipt.issuedAt);
      try {
        const place = await spool.append(lineOf(given));
        fresh.set(requestHash, { ...given, place });
        return "kept";
      } catch (error) {
        recent.delete(requestHash);
        throw error;
      }
    },
    find: async (requestHash) => fresh.get(requestHash) ?? store.find(requestHash),
    signed: async (requestHash) => fresh.get(requestHash) ?? store.signed(requestHash),
    async purse(client) {
      await flushNow();
      return store.purse(client);
    },
    async *issued(from, until) {
      await flushNow();
      yield* store.issued(from, until);
    },
    async purge(before) {
      await store.purge(before);
      await spool.purge(before);
    },
    async close() {
      clearInterval(timer);
      await flushNow();
      await spool.close();
    },
  };
}
