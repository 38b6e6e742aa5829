/** Answers those who wait, with what the journal says. */
import { AssayError } from "../../../../sdk/src/error.ts";
import type { OutboxContext } from "./context.ts";
import type { Entry } from "./journal.ts";
import { ownAttempt, type Item, type Queue } from "./queue.ts";
import type { Tracker } from "./track.ts";

/** A move that lost its nonce so often is left to who asked for it. */
const MAX_REPLACED = 3;

export interface Settler {
  /** @returns items that nothing is in flight for, most urgent first. */
  settle(): Promise<Item[]>;
  /** Items that something is in flight for, as of the last time. */
  inFlight(): number;
}

/** @param fail Ends an item with an error. @param waitMs For one item. */
export function createSettler(
  { journal }: OutboxContext,
  queue: Queue,
  tracker: Tracker,
  fail: (item: Item, error: AssayError) => void,
  waitMs: number,
): Settler {
  let inFlight = 0;

  async function deliver(item: Item, entry: Entry, repeated: boolean): Promise<void> {
    const receipt = await (repeated ? tracker.recheck(entry) : tracker.receiptOf(entry));
    if (receipt !== undefined) queue.resolve(item, receipt);
  }

  /** @returns whether the move is to be tried again. */
  function failed(item: Item, { label, attempt, failure }: Entry): boolean {
    if (failure?.code === "TRANSACTION_REPLACED" && item.replaced < MAX_REPLACED) {
      item.replaced++;
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
    const repeated = item.ignored === undefined;
    item.ignored ??= entry?.state === "failed" || entry?.state === "reverted" ? entry.attempt : 0;
    const own = ownAttempt(item, entry);
    if (own?.state === "mined") await deliver(item, own, repeated);
    else if (own?.state === "failed" || own?.state === "reverted") return failed(item, own);
    else if (Date.now() - item.askedMs > waitMs) stuck(item, own);
    else return own === undefined;
    return false;
  }

  return {
    inFlight: () => inFlight,
    async settle() {
      const items = queue.items();
      const newest = await journal.newest(items.map(({ intent }) => intent.key));
      const waiting: Item[] = [];
      for (const item of items) if (await settleItem(item, newest.get(item.intent.key))) waiting.push(item);
      inFlight = queue.size - waiting.length;
      return waiting;
    },
  };
}
