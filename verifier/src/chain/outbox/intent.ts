/** What the outbox is asked to do. */
import { randomUUID } from "node:crypto";
import type { TransactionReceipt } from "ethers";
import type { ErrorCode } from "../../../../sdk/src/error.ts";
import type { Hex } from "../../../../sdk/src/structs.ts";

/** Dispute moves come before answers, and both before work that can wait. */
export type Priority = "move" | "answer" | "routine";

const PRIORITIES: readonly Priority[] = ["move", "answer", "routine"];

export interface Intent {
  /** Names the move for good: one that was mined and stands is never sent again, one in flight is joined. */
  readonly key: string;
  /** For logs and accounts: what it does. */
  readonly label: string;
  readonly to: Hex;
  /** 0x hex. */
  readonly data: string;
  /** Wei. Default 0. */
  readonly value?: bigint;
  /** Default "routine". */
  readonly priority?: Priority;
  /** Unix seconds by which it must be mined. */
  readonly deadline?: number;
  /** Wei that are lost if it is not mined in time: bounds what is paid for gas. */
  readonly stakeWei?: bigint;
  /** The request or result that it is about. */
  readonly subject?: string;
}

export interface Sender {
  readonly address: Hex;
  /**
   * Resolves once mined successfully; it may still be undone by a reorganisation, which the outbox repairs by itself.
   * @throws {AssayError} REVERTED (in simulation or on chain; details.error names the contract's error), RPC_FAILED,
   * INSUFFICIENT_FUNDS, BUDGET_EXHAUSTED, TRANSACTION_REPLACED, TRANSACTION_STUCK, SIGNER_FAILED, STATE_FAILED, CLOSED.
   */
  readonly send: (intent: Intent) => Promise<TransactionReceipt>;
  readonly stats: () => OutboxStats;
  /** No new transactions; resolves when those in flight are mined, or after `closeMs`: the journal keeps them. */
  readonly close: () => Promise<void>;
}

export interface OutboxStats {
  /** Asked of this process and not yet sent. */
  readonly queued: number;
  /** Of this identity, sent and not yet mined. */
  readonly inFlight: number;
  /** By this identity for gas of routine work in the last 24 hours, wei. */
  readonly routineSpentWei: bigint;
  /** What an owner can mend: the last time that each kept this process from sending. */
  readonly troubles: ReadonlyMap<Trouble, { readonly message: string; readonly atMs: number }>;
}

/** SIGNER_FAILED is forgotten once the signer works again. */
export type Trouble = Extract<ErrorCode, "INSUFFICIENT_FUNDS" | "BUDGET_EXHAUSTED" | "SIGNER_FAILED">;

/** Key of something that is done as often as it is asked for. */
export function freshKey(label: string): string {
  return `${label}:${randomUUID()}`;
}

interface Urgency {
  readonly priority?: Priority;
  readonly deadline?: number | undefined;
}

/** Order of urgency: priority, then deadline. */
export function compareUrgency(a: Urgency, b: Urgency): number {
  const rank = ({ priority = "routine" }: Urgency): number => PRIORITIES.indexOf(priority);
  const [first, second] = [a.deadline ?? Infinity, b.deadline ?? Infinity];
  return rank(a) - rank(b) || (first === second ? 0 : first - second);
}
