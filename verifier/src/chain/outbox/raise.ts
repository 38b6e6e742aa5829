/** Keeps what waits to be mined in the pools, at a price that gets it mined. */
import { AssayError } from "../../../../sdk/src/error.ts";
import { simulate } from "./chain.ts";
import { fieldsOf, type OutboxContext } from "./context.ts";
import { isOverdue, planBumps, type BumpContext } from "./fees.ts";
import { isSigned, type Entry } from "./journal.ts";
import type { Publisher } from "./publish.ts";
import type { View } from "./view.ts";

/** A process that was to sign is taken for dead after this. */
const TAKEOVER_MS = 3000;

/** Signs what its process did not, and broadcasts again. @param all At the start: also what was broadcast just now. */
export function rebroadcast(
  { rebroadcastMs }: OutboxContext,
  publisher: Publisher,
  pending: readonly Entry[],
  { head }: View,
  nowMs: number,
  all: boolean,
): void {
  for (const entry of pending) {
    const sentMs = entry.signed.at(-1)?.sentMs ?? 0;
    const due = isSigned(entry) ? nowMs - sentMs >= rebroadcastMs : nowMs - entry.changedMs >= TAKEOVER_MS;
    if (all || due) publisher.publish(entry, head.number, all ? 0 : rebroadcastMs);
  }
}

/** Offers more where it is time. */
export async function raise(
  { journal, provider, signer, fees: policy, log, probe }: OutboxContext,
  publisher: Publisher,
  pending: readonly Entry[],
  view: View,
  nowMs: number,
): Promise<void> {
  if (pending.length === 0) return;
  const [market, balance] = await Promise.all([view.market(), view.balance()]);
  const { chainNow, head } = view;
  const { refused } = publisher;
  const facts = { market, policy, balance, nowMs, chainNow, head: head.number, refused };
  const none: ReadonlySet<number> = new Set();

  async function isPointless(entry: Entry): Promise<boolean> {
    const { label, to, value } = entry;
    const call = { from: signer.address, to, data: await journal.dataOf(entry), value };
    return simulate(provider, label, call).then(
      () => false,
      (error: unknown) => error instanceof AssayError && error.code === "REVERTED",
    );
  }

  async function pointlessOnes(context: BumpContext): Promise<ReadonlySet<number>> {
    // An endpoint's word is not enough to give up a move.
    const doubtful = pending.filter((entry) => entry.priority !== "move" && isOverdue(entry, context));
    const found = await Promise.all(
      doubtful.map(async (entry) => ((await isPointless(entry)) ? [entry.id] : [])),
    );
    return new Set(found.flat());
  }

  const pointless = await pointlessOnes({ ...facts, pointless: none });
  for (const [id, fees] of planBumps(pending, { ...facts, pointless })) {
    const entry = pending.find((candidate) => candidate.id === id);
    const changed = entry && (await journal.change(entry, { state: "pending", fees }));
    if (changed === undefined) continue;
    probe?.bumped(changed.label);
    refused.delete(id);
    log.warn({ ...fieldsOf(changed), ...printable(changed) }, "not mined yet: sent again with higher fees");
    publisher.publish(changed, head.number, 0);
  }
}

function printable({ fees }: Entry): Record<string, string> {
  return { maxFeePerGas: String(fees.maxFeePerGas), maxPriorityFeePerGas: String(fees.maxPriorityFeePerGas) };
}
