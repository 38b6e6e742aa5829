/** Rows of the node's database. Column types in SQL: migrations/. Times are unix milliseconds of the database's clock unless they say otherwise. */
import type { Generated, GeneratedAlways } from "kysely";

/** A running process. It is taken for dead when its heartbeat is old. */
export interface InstanceRow {
  readonly id: string;
  heartbeat_ms: number;
}

/** What an instance works on: a request or a result, by its id, or what else a duty names. */
export interface ClaimRow {
  readonly subject: string;
  instance: string;
}

/** How far the chain has been read; one row. */
export interface CursorRow {
  readonly id: Generated<number>;
  /** Chain and market that this database is about. */
  readonly deployment: string;
  number: number;
  hash: Uint8Array;
  /** One more for each reorganisation: what was derived from logs before is void. */
  epoch: number;
}

/** Recent blocks that were read, for finding where a reorganisation begins. */
export interface AnchorRow {
  readonly number: number;
  readonly hash: Uint8Array;
}

export interface LogRow {
  readonly block: number;
  readonly log_index: number;
  readonly block_hash: Uint8Array;
  readonly address: Uint8Array;
  /** 32 bytes each. */
  readonly topics: Uint8Array;
  readonly data: Uint8Array;
  readonly transaction: Uint8Array;
  /** Of the block, unix seconds. */
  readonly timestamp: number;
  /** The request, release or operator that it is about, hex; null: none that is ever over. */
  readonly subject: string | null;
  /** False once its subject is over for good: kept as history, read by nothing that decides. */
  live: Generated<boolean>;
}

/** Outputs that an operator has computed and will answer with. */
export interface AnswerRow {
  readonly request: string;
  readonly output: Uint8Array;
}

/** What a verifier found of an answer. */
export interface JudgementRow {
  readonly result: string;
  readonly request: string;
  readonly verdict: "right" | "wrong";
  readonly by: string;
  readonly at_ms: Generated<number>;
}

/** What a client has promised us, and owes for answers over HTTP; wei. By its address, lower case. */
export interface PurseRow {
  readonly client: string;
  owed_wei: bigint;
  /** Of its best voucher. */
  voucher_wei: bigint;
  /** Digest of the order that it was signed for. */
  voucher_order: string;
  voucher_signature: string;
}

/** A receipt that we gave, with what it is about. Hashes and addresses lower case. */
export interface ReceiptRow {
  /** Of the order. */
  readonly request_hash: string;
  /** JSON. */
  readonly receipt: string;
  readonly signature: string;
  /** Input, then output; null: at `place`. */
  readonly evidence: Uint8Array | null;
  readonly input_bytes: number;
  /** JSON: where the spool has it. */
  readonly place: string | null;
  /** Unix seconds. */
  readonly issued_at: number;
}

/** Another's receipt that somebody handed to us, and what we found. */
export interface AuditRow {
  readonly digest: string;
  readonly receipt: string;
  readonly signature: string;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly issued_at: number;
  /** Null: not judged yet. */
  verdict: "right" | "wrong" | null;
  readonly at_ms: Generated<number>;
}

/** An account that sends: its row is locked while a nonce is chosen. */
export interface SenderRow {
  /** Chain id and address. */
  readonly account: string;
}

/** One attempt at a move; what it means: chain/outbox/journal.ts. Amounts in wei. */
export interface TransactionRow {
  readonly id: GeneratedAlways<number>;
  readonly account: string;
  readonly key: string;
  readonly attempt: number;
  readonly label: string;
  readonly subject: string | null;
  readonly priority: "move" | "answer" | "routine";
  readonly deadline: number | null;
  readonly stake_wei: bigint | null;
  readonly recipient: Uint8Array;
  data: Uint8Array;
  readonly value_wei: bigint;
  readonly gas_limit: number;
  readonly nonce: number;
  max_fee_wei: bigint;
  tip_wei: bigint;
  version: Generated<number>;
  /** How many versions are signed: as many as the version says, or one more. */
  signatures: Generated<number>;
  state: "pending" | "mined" | "reverted" | "failed";
  /** Nothing about it will change any more. */
  final: Generated<boolean>;
  revision: Generated<number>;
  readonly created_ms: Generated<number>;
  changed_ms: Generated<number>;
  hash: Uint8Array | null;
  block: number | null;
  block_hash: Uint8Array | null;
  gas_used: number | null;
  gas_price_wei: bigint | null;
  /** Of the block, unix seconds. */
  mined_at: number | null;
  /** JSON. */
  failure: string | null;
}

export interface SignedTransactionRow {
  /** Of the transaction's row. */
  readonly id: number;
  readonly version: number;
  readonly hash: Uint8Array;
  readonly raw: Uint8Array;
  /** Number of the chain's head when it was signed. */
  readonly head: number;
  readonly signed_ms: Generated<number>;
  sent_ms: number | null;
}

export interface Tables {
  instances: InstanceRow;
  claims: ClaimRow;
  cursor: CursorRow;
  anchors: AnchorRow;
  logs: LogRow;
  answers: AnswerRow;
  judgements: JudgementRow;
  purses: PurseRow;
  receipts: ReceiptRow;
  audits: AuditRow;
  senders: SenderRow;
  transactions: TransactionRow;
  signed_transactions: SignedTransactionRow;
}
