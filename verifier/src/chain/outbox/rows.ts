/** Rows of the journal's tables as entries, and back. */
import type { Selectable, Updateable } from "kysely";
import { z } from "zod/v4";
import type { ErrorCode } from "../../../../sdk/src/error.ts";
import { fromHex, toHex } from "../../../../sdk/src/structs.ts";
import type { SignedTransactionRow, TransactionRow } from "../../state/tables.ts";
import type { Change, Entry, Failure, Inclusion } from "./journal.ts";

/** All but the calldata. */
export const COLUMNS = [
  "id",
  "key",
  "attempt",
  "label",
  "subject",
  "priority",
  "deadline",
  "stake_wei",
  "recipient",
  "value_wei",
  "gas_limit",
  "nonce",
  "max_fee_wei",
  "tip_wei",
  "version",
  "state",
  "revision",
  "changed_ms",
  "hash",
  "block",
  "block_hash",
  "gas_used",
  "gas_price_wei",
  "mined_at",
  "failure",
] as const satisfies readonly (keyof TransactionRow)[];

export type Row = Pick<Selectable<TransactionRow>, (typeof COLUMNS)[number]>;

export type SignedRow = Omit<Selectable<SignedTransactionRow>, "raw">;

const failureSchema = z.object({
  code: z.custom<ErrorCode>((value) => typeof value === "string"),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
  retryable: z.boolean(),
});

function inclusionOf(row: Row): Inclusion | undefined {
  const { hash, block, block_hash: blockHash, gas_used: gasUsed } = row;
  const { gas_price_wei: gasPriceWei, mined_at: minedAt } = row;
  if (hash === null || block === null || blockHash === null) return undefined;
  if (gasUsed === null || gasPriceWei === null || minedAt === null) return undefined;
  return { hash: toHex(hash), block, blockHash: toHex(blockHash), gasUsed, gasPriceWei, minedAt };
}

/** @param signed Of this row, by version. */
export function entryOf(row: Row, signed: readonly SignedRow[]): Entry {
  return {
    id: row.id,
    key: row.key,
    attempt: row.attempt,
    label: row.label,
    subject: row.subject ?? undefined,
    to: toHex(row.recipient),
    value: row.value_wei,
    priority: row.priority,
    deadline: row.deadline ?? undefined,
    stakeWei: row.stake_wei ?? undefined,
    gasLimit: row.gas_limit,
    nonce: row.nonce,
    fees: { maxFeePerGas: row.max_fee_wei, maxPriorityFeePerGas: row.tip_wei },
    version: row.version,
    signed: signed.map(({ version, hash, head, signed_ms, sent_ms }) => ({
      version,
      hash: toHex(hash),
      head,
      signedMs: signed_ms,
      sentMs: sent_ms ?? undefined,
    })),
    state: row.state,
    revision: row.revision,
    changedMs: row.changed_ms,
    inclusion: inclusionOf(row),
    failure: row.failure === null ? undefined : failureSchema.parse(JSON.parse(row.failure)),
  };
}

function columnsOf(
  inclusion: Inclusion | undefined,
  failure: Failure | undefined,
): Updateable<TransactionRow> {
  return {
    hash: inclusion === undefined ? null : fromHex(inclusion.hash),
    block: inclusion?.block ?? null,
    block_hash: inclusion === undefined ? null : fromHex(inclusion.blockHash),
    gas_used: inclusion?.gasUsed ?? null,
    gas_price_wei: inclusion?.gasPriceWei ?? null,
    mined_at: inclusion?.minedAt ?? null,
    failure: failure === undefined ? null : JSON.stringify(failure),
  };
}

export function changesOf(change: Change): Updateable<TransactionRow> {
  const { state } = change;
  if (state === "failed") return { state, final: true, failure: JSON.stringify(change.failure) };
  if (state === "pending") return { state, final: false, ...columnsOf(undefined, undefined) };
  return { state, ...columnsOf(change.inclusion, change.failure) };
}
