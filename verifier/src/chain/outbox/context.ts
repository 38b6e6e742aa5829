/** What the parts of an outbox share. */
import type { JsonRpcApiProvider } from "ethers";
import type { AssayError } from "../../../../sdk/src/error.ts";
import type { Hex } from "../../../../sdk/src/structs.ts";
import type { Logger } from "../../log.ts";
import type { Signer } from "../signer.ts";
import type { FeePolicy } from "./fees.ts";
import type { Entry, Failure, Journal } from "./journal.ts";
import type { OutboxProbe } from "./probe.ts";
import type { Readings } from "./readings.ts";

/** Where a second opinion about a receipt comes from: another endpoint, if there is one. */
export type Witness = Pick<JsonRpcApiProvider, "getTransactionReceipt">;

export interface OutboxContext {
  readonly journal: Journal;
  readonly signer: Signer;
  readonly chainId: number;
  readonly provider: JsonRpcApiProvider;
  readonly witness: Witness;
  readonly readings: Readings;
  /** Gives signed bytes to every endpoint; rejects if none takes them. */
  readonly broadcast: (raw: Hex) => Promise<void>;
  readonly log: Logger;
  readonly fees: FeePolicy;
  /** Blocks until a mined transaction is final. */
  readonly finality: number;
  /** What is not mined is broadcast again after this. */
  readonly rebroadcastMs: number;
  /** A nonce that is used up without a receipt of ours for so long, and at several looks, went to something else. */
  readonly replacedMs: number;
  readonly routineBudgetWei: bigint | undefined;
  readonly probe: OutboxProbe | undefined;
}

export function fieldsOf(entry: Entry): Record<string, unknown> {
  const { label, key, nonce, attempt, version } = entry;
  return { label, key, nonce, attempt, version };
}

const MAX_TEXT = 500;
const MAX_ITEMS = 16;

function bounded(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, MAX_TEXT);
  return Array.isArray(value) ? value.slice(0, MAX_ITEMS).map(bounded) : value;
}

/** What the journal keeps of an error: bounded, for a contract's arguments can be long. */
export function failureFrom(error: AssayError): Failure {
  const { code, message, retryable } = error;
  const details = Object.fromEntries(
    Object.entries(error.details).map(([name, value]) => [name, bounded(value)]),
  );
  return { code, message: message.slice(0, MAX_TEXT), details, retryable };
}
