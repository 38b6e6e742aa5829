/**
 * Receipts that we gave, and what clients promised and owe for them: a receipt is kept and charged for in one statement, or neither.
 * Those that come together are written together.
 */
import { sql } from "kysely";
import { wireReceiptSchema, toJson } from "../../../sdk/src/infer/wire.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";
import type { Database } from "./database.ts";

/** What a client has promised, and owes; wei. */
export interface PurseState {
  readonly client: Hex;
  readonly owedWei: bigint;
  readonly voucherWei: bigint;
  readonly voucherSignature: Hex;
}

export interface Kept {
  readonly requestHash: Hex;
  readonly digest: Hex;
  readonly receipt: Receipt;
  readonly signature: Hex;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

export interface Given extends Kept {
  readonly client: Hex;
  readonly nonce: bigint;
  readonly priceWei: bigint;
  /** The best that we know. */
  readonly voucher: { readonly totalWei: bigint; readonly signature: Hex };
}

export interface ReceiptStore {
  /**
   * @returns "unpaid": another process has spent what the voucher promised; "known": the order was answered before, or its nonce used.
   * Neither changes anything.
   */
  keep(given: Given): Promise<"kept" | "unpaid" | "known">;
  byRequest(requestHash: Hex): Promise<Kept | undefined>;
  byDigest(digest: Hex): Promise<Kept | undefined>;
  purse(client: Hex): Promise<PurseState | undefined>;
  /** All that have promised something. */
  purses(): Promise<readonly PurseState[]>;
  /** Digests of what was issued in a period, in the order in which they were given. */
  issued(from: number, until: number): Promise<readonly Hex[]>;
  /** Forgets what was issued before, unix seconds. */
  purge(before: number): Promise<void>;
}

const MOST_ROWS = 64;
const UNIQUE_VIOLATION = "23505";

interface Writing {
  readonly given: Given;
  readonly done: (outcome: "kept" | "unpaid" | "known") => void;
  readonly failed: (error: unknown) => void;
}

/** What all of a client's receipts of one write add to its purse. */
function charges(batch: readonly Given[]): readonly PurseState[] {
  const purses = new Map<string, PurseState>();
  for (const { client, priceWei, voucher } of batch) {
    const before = purses.get(client);
    const better = before === undefined || voucher.totalWei > before.voucherWei;
    purses.set(client, {
      client,
      owedWei: (before?.owedWei ?? 0n) + priceWei,
      voucherWei: better ? voucher.totalWei : before.voucherWei,
      voucherSignature: better ? voucher.signature : before.voucherSignature,
    });
  }
  // In one order everywhere, so that two processes cannot wait for each other's rows.
  return [...purses.values()].sort((a, b) => (a.client < b.client ? -1 : 1));
}

async function write(database: Database, batch: readonly Given[]): Promise<ReadonlySet<string>> {
  const purses = charges(batch).map(
    ({ client, owedWei, voucherWei, voucherSignature }) =>
      sql`(${client}, ${owedWei}::numeric, ${voucherWei}::numeric, ${voucherSignature})`,
  );
  const rows = batch.map(
    ({ requestHash, digest, client, nonce, receipt, signature, input, output }) =>
      sql`(${requestHash}, ${digest}, ${client}, ${nonce}::numeric, ${toJson(receipt)}, ${signature}, ${input}::bytea, ${output}::bytea, ${receipt.issuedAt}::bigint)`,
  );
  const { rows: kept } = await sql<{ request_hash: string }>`
    with paid as (
      insert into purses (client, owed_wei, voucher_wei, voucher_signature)
      select * from (values ${sql.join(purses)}) as g(client, owed, voucher, signature) where voucher >= owed
        or exists (select from purses p where p.client = g.client)
      on conflict (client) do update set
        owed_wei = purses.owed_wei + excluded.owed_wei,
        voucher_wei = greatest(purses.voucher_wei, excluded.voucher_wei),
        voucher_signature = case when excluded.voucher_wei > purses.voucher_wei
          then excluded.voucher_signature else purses.voucher_signature end
      where greatest(purses.voucher_wei, excluded.voucher_wei) >= purses.owed_wei + excluded.owed_wei
      returning client
    )
    insert into receipts (request_hash, digest, client, nonce, receipt, signature, input, output, issued_at)
    select r.* from (values ${sql.join(rows)}) as r(request_hash, digest, client, nonce, receipt, signature, input, output, issued_at)
    where r.client in (select client from paid)
    returning request_hash`.execute(database);
  return new Set(kept.map(({ request_hash: hash }) => hash));
}

function isConflict(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION;
}

interface Row {
  readonly request_hash: string;
  readonly digest: string;
  readonly receipt: string;
  readonly signature: string;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

function keptOf(row: Row): Kept {
  return {
    requestHash: hex.parse(row.request_hash),
    digest: hex.parse(row.digest),
    receipt: wireReceiptSchema.parse(JSON.parse(row.receipt)),
    signature: hex.parse(row.signature),
    input: new Uint8Array(row.input),
    output: new Uint8Array(row.output),
  };
}

/** Hashes and addresses are given in lower case. */
export function openReceipts(database: Database): ReceiptStore {
  const waiting: Writing[] = [];
  let writing = false;

  /** One at a time once they cannot be written together: who is in the way is told. */
  async function writeEach(batch: readonly Writing[]): Promise<void> {
    for (const { given, done, failed } of batch)
      try {
        done((await write(database, [given])).has(given.requestHash) ? "kept" : "unpaid");
      } catch (error) {
        if (isConflict(error)) done("known");
        else failed(error);
      }
  }

  async function writeAll(batch: readonly Writing[]): Promise<void> {
    try {
      const kept = await write(
        database,
        batch.map(({ given }) => given),
      );
      if (kept.size < batch.length && batch.length > 1)
        await writeEach(batch.filter(({ given }) => !kept.has(given.requestHash)));
      for (const { given, done } of batch)
        if (kept.has(given.requestHash)) done("kept");
        else if (batch.length === 1) done("unpaid");
    } catch (error) {
      if (isConflict(error)) await writeEach(batch);
      else for (const { failed } of batch) failed(error);
    }
  }

  async function drain(): Promise<void> {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) await writeAll(waiting.splice(0, MOST_ROWS));
    writing = false;
  }

  async function find(column: "request_hash" | "digest", value: Hex): Promise<Kept | undefined> {
    const row = await database
      .selectFrom("receipts")
      .select(["request_hash", "digest", "receipt", "signature", "input", "output"])
      .where(column, "=", value)
      .executeTakeFirst();
    return row && keptOf(row);
  }

  return {
    keep: (given) =>
      new Promise((done, failed) => {
        waiting.push({ given, done, failed });
        void drain();
      }),
    byRequest: (requestHash) => find("request_hash", requestHash),
    byDigest: (digest) => find("digest", digest),
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
    async issued(from, until) {
      const rows = await database
        .selectFrom("receipts")
        .select("digest")
        .where("issued_at", ">=", from)
        .where("issued_at", "<", until)
        .orderBy("issued_at")
        .orderBy("digest")
        .execute();
      return rows.map(({ digest }) => hex.parse(digest));
    },
    async purge(before) {
      await database.deleteFrom("receipts").where("issued_at", "<", before).execute();
    },
  };
}

function purseOf(row: {
  readonly client: string;
  readonly owed_wei: bigint;
  readonly voucher_wei: bigint;
  readonly voucher_signature: string;
}): PurseState {
  return {
    client: hex.parse(row.client),
    owedWei: row.owed_wei,
    voucherWei: row.voucher_wei,
    voucherSignature: hex.parse(row.voucher_signature),
  };
}
