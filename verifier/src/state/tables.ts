/** Rows of the node's database. Column types in SQL: migrations/. Times are unix milliseconds of the database's clock unless they say otherwise. */
import type { Generated } from "kysely";

/** A running process. It is taken for dead when its heartbeat is old. */
export interface InstanceRow {
  readonly id: string;
  heartbeat_ms: number;
}

/** What an instance works on: a request or a result, by its id. */
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

export interface Tables {
  instances: InstanceRow;
  claims: ClaimRow;
  cursor: CursorRow;
  anchors: AnchorRow;
  logs: LogRow;
  answers: AnswerRow;
  judgements: JudgementRow;
}
