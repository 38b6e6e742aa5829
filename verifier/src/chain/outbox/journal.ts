/**
 * The record of everything that was sent under one key. Nothing is broadcast before the journal holds it, and every change says
 * what it found, so that of two processes only one makes it.
 */
import type { AssayError, ErrorCode } from "../../../../sdk/src/error.ts";
import type { Hex } from "../../../../sdk/src/structs.ts";
import type { Intent, Priority } from "./intent.ts";

/** Wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/**
 * pending: has a nonce, waits to be mined. mined: succeeded. reverted: mined without success. failed: was not and will not be
 * mined. The first is watched until it becomes another, mined and reverted until they are final.
 */
export type EntryState = "pending" | "mined" | "reverted" | "failed";

export interface Inclusion {
  readonly hash: Hex;
  readonly block: number;
  readonly blockHash: Hex;
  readonly gasUsed: number;
  /** Wei per gas. */
  readonly gasPriceWei: bigint;
  /** Of the block, unix seconds. */
  readonly minedAt: number;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

/** One signed version of an attempt: same nonce, same call, other fees, seldom another gas limit. */
export interface Signed {
  /** From 0. */
  readonly version: number;
  readonly hash: Hex;
  /** Number of the chain's head when it was signed. */
  readonly head: number;
  readonly signedMs: number;
  /** When it was last given to the endpoints; undefined: never. */
  readonly sentMs: number | undefined;
}

/** One attempt at a move. */
export interface Entry {
  readonly id: number;
  readonly key: string;
  /** From 1. */
  readonly attempt: number;
  readonly label: string;
  readonly subject: string | undefined;
  readonly to: Hex;
  readonly value: bigint;
  readonly priority: Priority;
  readonly deadline: number | undefined;
  readonly stakeWei: bigint | undefined;
  readonly nonce: number;
  /** Of the newest version, which need not be signed yet. */
  readonly gasLimit: number;
  readonly fees: Fees;
  readonly version: number;
  readonly signed: readonly Signed[];
  readonly state: EntryState;
  /** Grows with every change: a change is made only by who has seen the last. */
  readonly revision: number;
  readonly changedMs: number;
  readonly inclusion: Inclusion | undefined;
  readonly failure: Failure | undefined;
}

/** What a version offers. */
export type Offer = Pick<Entry, "gasLimit" | "fees">;

/** What is known where a nonce is chosen, exact because others wait meanwhile. */
export interface Ledger {
  /** Nonces from the chain's next one on that are in use. */
  readonly held: ReadonlySet<number>;
  /** Entries that wait to be mined. */
  readonly pending: number;
  /** The most that these can cost, value and gas, wei. */
  readonly committedWei: bigint;
  /** Of these, gas of routine work. */
  readonly routineCommittedWei: bigint;
  /** Gas of routine work that was mined in the last 24 hours, wei. */
  readonly routineSpentWei: bigint;
}

export interface Preparation {
  readonly intent: Intent;
  readonly gasLimit: number;
  /** The chain's next nonce, as far as an endpoint knows. */
  readonly chainNonce: number;
  /** Pure. */
  readonly decide: (ledger: Ledger) => Decision;
}

/** "wait": too much is in flight. */
export type Decision =
  { readonly nonce: number; readonly fees: Fees } | { readonly refused: "wait" | AssayError };

export type Reservation =
  | { readonly kind: "reserved" | "joined"; readonly entry: Entry }
  | { readonly kind: "refused"; readonly refused: "wait" | AssayError };

export type Change =
  | { readonly state: "mined" | "reverted"; readonly inclusion: Inclusion; readonly failure?: Failure }
  /** The receipt has disappeared, or there is to be another version. */
  | { readonly state: "pending"; readonly offer?: Offer }
  | { readonly state: "failed"; readonly failure: Failure };

export interface Journal {
  /** Entries that are not final, by nonce. @returns also the time on the journal's clock, unix milliseconds. */
  open(): Promise<{ readonly nowMs: number; readonly entries: readonly Entry[] }>;
  /** The newest attempt of each key that has one. */
  newest(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>>;
  /** Gives the move a nonce, unless it is in flight or mined. */
  reserve(preparation: Preparation): Promise<Reservation>;
  /** Keeps the entry's newest version, signed. @returns false if the entry has changed: then it must not be broadcast. */
  store(
    entry: Entry,
    signed: { readonly hash: Hex; readonly raw: Hex; readonly head: number },
  ): Promise<boolean>;
  /** @returns true for one caller only, if nobody has broadcast this version within `restMs`. */
  claimBroadcast(entry: Entry, restMs: number): Promise<boolean>;
  /** @returns undefined if the entry has changed meanwhile. */
  change(entry: Entry, change: Change): Promise<Entry | undefined>;
  /** Fails an entry that nobody has signed, so that its nonce is free again. @returns whether that was so. */
  release(entry: Entry, failure: Failure): Promise<boolean>;
  /** The entry is buried: it is kept for the accounts, without its bytes. */
  finish(entry: Entry): Promise<void>;
  /** Calldata of an entry that is not final. */
  dataOf(entry: Entry): Promise<Hex>;
  /** Bytes of its newest signed version. */
  rawOf(entry: Entry): Promise<Hex | undefined>;
  /** For gas of routine work in the last 24 hours, wei. */
  routineSpent(): Promise<bigint>;
}

export const DAY_MS = 86_400_000;

export function isSigned(entry: Entry): boolean {
  return entry.signed.length > entry.version;
}

/** The most that an entry can cost. */
export function worstWei(entry: Pick<Entry, "value" | "gasLimit" | "fees">): bigint {
  return entry.value + BigInt(entry.gasLimit) * entry.fees.maxFeePerGas;
}
