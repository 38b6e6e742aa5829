/** Keeps what waits to be mined in the pools, at a price and with a gas limit that get it mined. */
import { setTimeout as sleep } from "node:timers/promises";
import { AssayError } from "../../../../sdk/src/error.ts";
import { simulate } from "./chain.ts";
import { fieldsOf, type OutboxContext } from "./context.ts";
import { isOverdue, planBumps } from "./fees.ts";
import { betterGasLimit } from "./gasLimit.ts";
import { isSigned, type Entry } from "./journal.ts";
import type { Publisher } from "./publish.ts";
import type { View } from "./view.ts";

/** A process that was to sign is taken for dead after this. */
const TAKEOVER_MS = 3000;
/** Higher fees do not wait for longer for a simulation; what no pool takes does, for it has no use for them. */
const LOOK_MS = 3000;

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

/** Offers more where it is time, and another gas limit where it was a mistake. */
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
  const { refused, unfit } = publisher;
  const pointless = new Set<number>();
  const gasLimits = new Map<number, number>();
  const facts = { market, policy, balance, nowMs, chainNow, head: head.number };
  const context = { ...facts, refused, pointless, gasLimits };

  /** Simulates it once more. */
  async function look(entry: Entry): Promise<void> {
    const { id, label, to, value, priority, gasLimit } = entry;
    const data = await journal.dataOf(entry);
    const refit = (estimate: number): void => {
      const better = betterGasLimit(gasLimit, { estimate, data, blockGas: head.gasLimit });
      if (better !== undefined) gasLimits.set(id, better);
    };
    try {
      refit(await simulate(provider, label, { from: signer.address, to, data, value }));
    } catch (error) {
      if (!(error instanceof AssayError) || error.code !== "REVERTED") return;
      // An endpoint's word is not enough to give up a move.
      if (priority !== "move") pointless.add(id);
      // It may revert, but pools must take it: the next nonces wait for it.
      refit(gasLimit);
    }
  }

  const rejected = pending.filter(({ id }) => unfit.delete(id));
  const overdue = pending.filter((entry) => !rejected.includes(entry) && isOverdue(entry, context));
  const looks = Promise.all(overdue.map(look));
  await Promise.all(rejected.map(look));
  if (overdue.length > 0) await Promise.race([looks, sleep(LOOK_MS, undefined, { ref: false })]);
  for (const [id, offer] of planBumps(pending, context)) {
    const entry = pending.find((candidate) => candidate.id === id);
    const changed = entry && (await journal.change(entry, { state: "pending", offer }));
    if (changed === undefined) continue;
    probe?.bumped(changed.label);
    refused.delete(id);
    log.warn({ ...fieldsOf(changed), ...printable(changed) }, "not mined yet: sent again with another offer");
    publisher.publish(changed, head.number, 0);
  }
}

function printable({ gasLimit, fees }: Entry): Record<string, string | number> {
  return {
    gasLimit,
    maxFeePerGas: String(fees.maxFeePerGas),
    maxPriorityFeePerGas: String(fees.maxPriorityFeePerGas),
  };
}
