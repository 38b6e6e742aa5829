/** What an outbox tells of its transactions, for metrics: each once, by the process whose change the journal took. */
import type { ErrorCode } from "../../../../sdk/src/error.ts";
import type { Inclusion } from "./journal.ts";

/** `label` is the intent's. */
export interface OutboxProbe {
  /** Signed for the first time; it is given to the endpoints now. */
  sent(label: string): void;
  /** It is in a block; one that a reorganisation moves to another is not told of again. @param seconds Since it was signed first. */
  included(label: string, state: "mined" | "reverted", inclusion: Inclusion, seconds: number): void;
  /** Not sent at all. */
  refused(label: string, code: ErrorCode): void;
  /** Signed again with another offer, usually higher fees. */
  bumped(label: string): void;
  /** Another transaction took its nonce. */
  replaced(label: string): void;
}
