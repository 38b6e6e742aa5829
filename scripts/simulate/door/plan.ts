/** What is bought over HTTP, of whom, and what goes wrong on the client's side: drawn from the seed, by streams of its own. */
import type { Rng } from "../../../program/src/testing/rng.ts";
import { weatherOf, type Spell } from "../faults.ts";
import { between, stream } from "../random.ts";
import { challengersOf, inputOf, type Challenger } from "../requests.ts";
import { LIARS, MODELS, OPERATORS, SELLERS, type ModelName, type SellerName } from "../rules.ts";

export interface PlannedOrder {
  readonly index: number;
  /** Seconds since the play began. */
  readonly at: number;
  readonly model: ModelName;
  readonly input: Uint8Array;
  readonly operator: SellerName;
  /** Who challenges the receipt if it is right, and how. */
  readonly challengers: readonly Challenger[];
}

/** More right receipts of one operator are challenged at once than can be on trial: the others wait in line. */
export interface Rush {
  readonly at: number;
  readonly operator: (typeof OPERATORS)[number];
}

export interface DoorPlan {
  readonly orders: readonly PlannedOrder[];
  /** One of each seller, when nothing goes wrong any more: its voucher is then the best that was signed. */
  readonly closing: readonly PlannedOrder[];
  readonly rushes: readonly Rush[];
  /** When the client is ended in the middle of what it does, and begins again with what is on its disk. */
  readonly restarts: readonly number[];
  /** At the client's endpoint of the chain. */
  readonly weather: readonly Spell[];
}

/** Seconds between two of them. */
const RESTARTS = { from: 30, to: 60 };
const RUSHES = { first: 0.7, from: 300, to: 600 };

/** Mean pause between orders: busy at first, as with requests. */
function pauseAfter(index: number): number {
  return index < 50 ? 3.5 : 10;
}

function ordersOf(rng: Rng, seconds: number): PlannedOrder[] {
  const orders: PlannedOrder[] = [];
  let lies = 0;
  for (let [at, index] = [2, 0]; at < seconds; index++) {
    const lie = rng.chance(0.3);
    const operator = lie ? (LIARS[lies++ % LIARS.length] ?? LIARS[0]) : rng.pick(OPERATORS);
    const model = lie ? rng.pick(["digits", "digits", "breast-cancer"] as const) : rng.pick(MODELS);
    const challengers = rng.chance(0.5) ? challengersOf(rng) : [];
    orders.push({ index, at, model, input: inputOf(model, rng), operator, challengers });
    at += between(rng, 0.3, 1.7) * pauseAfter(index);
  }
  return orders;
}

function timesIn(rng: Rng, first: number, { from, to }: typeof RESTARTS, seconds: number): number[] {
  const times: number[] = [];
  for (let at = first; at < seconds; at += between(rng, from, to)) times.push(at);
  return times;
}

/** An input that no order before had: its answer is no other's. */
function closingOrder(operator: SellerName, index: number): PlannedOrder {
  const input = new Uint8Array(64).fill(100 + index);
  return { index, at: Infinity, model: "digits", input, operator, challengers: [] };
}

/** @param seconds Nothing begins after it but the closing orders. */
export function doorPlanOf(seed: number, seconds: number): DoorPlan {
  const rng = stream(seed, "restarts of the client");
  const rushing = stream(seed, "rushes");
  return {
    orders: ordersOf(stream(seed, "orders"), seconds),
    closing: SELLERS.map(closingOrder),
    rushes: timesIn(rushing, RUSHES.first * Math.min(seconds, RUSHES.from), RUSHES, seconds).map((at) => ({
      at,
      operator: rushing.pick(OPERATORS),
    })),
    restarts: timesIn(rng, between(rng, 15, RESTARTS.from), RESTARTS, seconds),
    weather: weatherOf(stream(seed, "weather client"), seconds),
  };
}
