/** Answers those who wait, with what the journal says. */
import { AssayError } from "../../../../sdk/src/error.ts";
import type { Entry, Journal } from "./journal.ts";
import { ownAttempt, type Item, type Queue } from "./queue.ts";
import type { Tracker } from "./track.ts";

/** A move that was done anew so often is left to who asked for it. */
const MAX_REPEATED = 3;

/** Something else took the nonce, or the call would succeed now: it ran out of gas, or the chain has changed. */
function mayRepeat({ state, failure }: Entry): boolean {
  return failure?.code === "TRANSACTION_REPLACED" || (state === "reverted" && failure?.retryable === true);
}

export interface Settler {
  /** @returns those that nothing is in flight for, in the same order. */
  settle(items: readonly Item[]): Promise<Item[]>;
  /** Items that something is in flight for, as of the last time. */
  inFlight(): number;
}

export interface SettlerParts {
  readonly journal: Journal;
  readonly queue: Queue;
  readonly tracker: Tracker;
  /** Broadcasts what was thought to be mined. */
  readonly publish: (entry: Entry) => void;
  /** Ends an item with an error. */
  readonly fail: (item: Item, error: AssayError) => void;
  /** Logs a failure and goes on. */
  readonly attempt: <T>(what: string, work: () => Promise<T>, otherwise: T) => Promise<T>;
  /** For one item. */
  readonly waitMs: number;
}

export function createSettler(parts: SettlerParts): Settler {
  const { journal, queue, tracker, publish, fail, attempt, waitMs } = parts;
  let inFlight = 0;

  async function deliver(item: Item, entry: Entry): Promise<void> {
    if (item.doubted) {
      const found = await tracker.recheck(entry);
      item.doubted = false;
      if ("receipt" in found) queue.resolve(item, found.receipt);
      else if (found.undone !== undefined) publish(found.undone);
      return;
    }
    const receipt = await tracker.receiptOf(entry);
    if (receipt !== undefined) queue.resolve(item, receipt);
  }

  /** @returns whether the move is to be tried again. */
  function failed(item: Item, entry: Entry): boolean {
    const { label, attempt, failure } = entry;
    if (mayRepeat(entry) && item.repeated < MAX_REPEATED) {
      item.repeated++;
      item.ignored = attempt;
      return true;
    }
    const { code, message, ...rest } = failure ?? { code: "REVERTED", message: `${label} reverted` };
    fail(item, new AssayError(code, message, rest));
    return false;
  }

  function stuck(item: Item, entry: Entry | undefined): void {
    const hashes = entry?.signed.map(({ hash }) => hash) ?? [];
    const text = `${item.intent.label} is not mined yet`;
    fail(item, new AssayError("TRANSACTION_STUCK", text, { retryable: true, details: { hashes } }));
  }

  /** @returns whether the item is to be sent. */
  async function settleItem(item: Item, entry: Entry | undefined): Promise<boolean> {
    if (item.ignored === undefined) {
      item.doubted = entry?.state === "mined";
      item.ignored = entry?.state === "failed" || entry?.state === "reverted" ? entry.attempt : 0;
    }
    const own = ownAttempt(item, entry);
    if (own?.state === "mined") await deliver(item, own);
    else if (own?.state === "failed" || own?.state === "reverted") return failed(item, own);
    else if (Date.now() - item.askedMs > waitMs) stuck(item, own);
    else return own === undefined;
    return false;
  }

  return {
    inFlight: () => inFlight,
    async settle(items) {
      const newest = await journal.newest(items.map(({ intent }) => intent.key));
      const waits = await Promise.all(
        items.map((item) => attempt("receipts", () => settleItem(item, newest.get(item.intent.key)), false)),
      );
      const waiting = items.filter((_, i) => waits[i]);
      inFlight = items.length - waiting.length;
      return waiting;
    },
  };
}
