/** From the queue into flight: simulated first, then given a nonce, the most urgent before the others. */
import { setTimeout as sleep } from "node:timers/promises";
import { AssayError } from "../../../../sdk/src/error.ts";
import { failureOf, simulate } from "./chain.ts";
import type { OutboxContext } from "./context.ts";
import { capOf, quote, type Market } from "./fees.ts";
import type { Entry } from "./journal.ts";
import { gasLimitFor } from "./gasLimit.ts";
import { decide, SLOTS, type ChainView } from "./nonce.ts";
import { ownAttempt, type Item } from "./queue.ts";

const MAX_SIMULATIONS = 8;
/** One that takes longer does not hold up the others. */
const SIMULATION_PATIENCE_MS = 1000;
/** What a simulation says of an older state says little. */
const SIMULATION_VALID_MS = 10_000;

export interface Starter {
  /** @param candidates Queued, most urgent first. @returns what got a nonce. */
  start(candidates: readonly Item[], pending: number, view: () => Promise<StartView>): Promise<Entry[]>;
}

export interface StartView {
  readonly chain: ChainView;
  readonly market: Market;
  /** What a block holds. */
  readonly blockGas: number;
}

/** @param fail Ends an item with an error. */
export function createStarter(
  context: OutboxContext,
  fail: (item: Item, error: AssayError) => void,
): Starter {
  const { journal, provider, signer, fees: policy } = context;

  function simulateItem(item: Item): Promise<void> {
    const { intent } = item;
    const simulation: NonNullable<Item["simulation"]> = {};
    item.simulation = simulation;
    const call = { from: signer.address, to: intent.to, data: intent.data, value: intent.value ?? 0n };
    return simulate(provider, intent.label, call).then(
      (gas) => void (simulation.result = { gas, atMs: Date.now() }),
      (error: unknown) => void (simulation.result = { error, atMs: Date.now() }),
    );
  }

  /** One that is on its way is waited for: endpoints have their limits, and a new one would be no faster. */
  function isOutdated({ simulation }: Item): boolean {
    if (simulation === undefined) return true;
    return simulation.result !== undefined && Date.now() - simulation.result.atMs > SIMULATION_VALID_MS;
  }

  async function simulateAll(items: readonly Item[]): Promise<void> {
    await Promise.race([
      Promise.all(items.filter(isOutdated).map(simulateItem)),
      sleep(SIMULATION_PATIENCE_MS, undefined, { ref: false }),
    ]);
  }

  /** Another process may have done the same move: then it is no failure. */
  async function refuse(item: Item, error: unknown): Promise<void> {
    const newest = (await journal.newest([item.intent.key])).get(item.intent.key);
    const own = ownAttempt(item, newest);
    item.simulation = undefined;
    if (own?.state === "pending" || own?.state === "mined") return;
    fail(item, failureOf(item.intent.label, error));
  }

  /** @returns "wait" if nothing of this priority may be sent now. */
  async function reserve(
    item: Item,
    estimate: number,
    { chain, market, blockGas }: StartView,
  ): Promise<Entry | "wait" | undefined> {
    const { intent } = item;
    const gasLimit = gasLimitFor({ estimate, data: intent.data, blockGas });
    const priority = intent.priority ?? "routine";
    const fees = quote(priority, market, policy, capOf(intent, gasLimit, policy));
    if (fees === undefined) {
      const text = `${intent.label}: the base fee is ${market.baseFee} wei, more than this may pay`;
      const details = { baseFeeWei: String(market.baseFee) };
      fail(item, new AssayError("BUDGET_EXHAUSTED", text, { retryable: true, details }));
      return undefined;
    }
    const move = { label: intent.label, priority, value: intent.value ?? 0n, gasLimit, fees };
    const reservation = await journal.reserve({
      intent,
      gasLimit,
      chainNonce: chain.nonce,
      decide: (ledger) => decide(move, chain, ledger, context.routineBudgetWei),
    });
    if (reservation.kind === "reserved") return reservation.entry;
    if (!("refused" in reservation)) return undefined;
    if (reservation.refused === "wait") return "wait";
    fail(item, reservation.refused);
    return undefined;
  }

  return {
    async start(candidates, pending, view) {
      const room = candidates
        .filter(({ intent }, i) => pending + i < SLOTS[intent.priority ?? "routine"])
        .slice(0, MAX_SIMULATIONS);
      if (room.length === 0) return [];
      const [seen] = await Promise.all([view(), simulateAll(room)]);
      const started: Entry[] = [];
      for (const item of room) {
        const result = item.simulation?.result;
        if (result === undefined) continue;
        if ("error" in result) {
          await refuse(item, result.error);
          continue;
        }
        const entry = await reserve(item, result.gas, seen);
        if (entry === "wait") break;
        item.simulation = undefined;
        if (entry !== undefined) started.push(entry);
      }
      return started;
    },
  };
}
