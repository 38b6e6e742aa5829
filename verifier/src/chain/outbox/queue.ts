/** What this process was asked to send and has not answered for yet. */
import type { TransactionReceipt } from "ethers";
import { compareUrgency, type Intent } from "./intent.ts";
import type { Entry } from "./journal.ts";

interface Waiter {
  readonly resolve: (receipt: TransactionReceipt) => void;
  readonly reject: (error: unknown) => void;
}

export type Simulation = { readonly gas: number } | { readonly error: unknown };

export interface Item {
  intent: Intent;
  readonly waiters: Waiter[];
  readonly askedMs: number;
  /** Attempts up to this one had failed before and are none of this item's business; undefined: not looked up yet. */
  ignored: number | undefined;
  /** Found mined when it was asked for: looked up a second time before that is believed. */
  doubted: boolean;
  /** How often it was done anew: something else took its nonce, or it failed in its block and does not any more. */
  repeated: number;
  /** Without a result it is on its way. */
  simulation: { result?: Simulation & { readonly atMs: number } } | undefined;
}

export interface Queue {
  readonly size: number;
  has(key: string): boolean;
  add(intent: Intent): Promise<TransactionReceipt>;
  /** Most urgent first. */
  items(): Item[];
  resolve(item: Item, receipt: TransactionReceipt): void;
  reject(item: Item, error: unknown): void;
  /** Resolves once nobody waits. */
  drained(): Promise<void>;
}

/** The attempt that an item waits for, once there is one. */
export function ownAttempt(item: Item, newest: Entry | undefined): Entry | undefined {
  return newest !== undefined && newest.attempt > (item.ignored ?? 0) ? newest : undefined;
}

export function createQueue(): Queue {
  const items = new Map<string, Item>();
  const onDrained: (() => void)[] = [];

  function take(item: Item): readonly Waiter[] {
    if (items.get(item.intent.key) === item) items.delete(item.intent.key);
    if (items.size === 0) for (const resolve of onDrained.splice(0)) resolve();
    return item.waiters.splice(0);
  }

  return {
    get size() {
      return items.size;
    },
    has: (key) => items.has(key),
    add: (intent) =>
      new Promise((resolve, reject) => {
        const waiter = { resolve, reject };
        const found = items.get(intent.key);
        if (found === undefined) {
          const fresh = { ignored: undefined, doubted: false, repeated: 0, simulation: undefined };
          items.set(intent.key, { intent, waiters: [waiter], askedMs: Date.now(), ...fresh });
          return;
        }
        found.waiters.push(waiter);
        if (compareUrgency(intent, found.intent) < 0) found.intent = intent;
      }),
    items: () => [...items.values()].sort((a, b) => compareUrgency(a.intent, b.intent)),
    resolve: (item, receipt) => take(item).forEach(({ resolve }) => resolve(receipt)),
    reject: (item, error) => take(item).forEach(({ reject }) => reject(error)),
    drained: () =>
      new Promise((resolve) => {
        if (items.size === 0) resolve();
        else onDrained.push(resolve);
      }),
  };
}
