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
const RUSHES = { from: 300, to: 600 };
/** When the first ones come, as a share of the play, or of its first five minutes. */
const [FIRST_FLOOD, FIRST_RUSH] = [0.35, 0.7];
/** More than Receipts.MAX_LIVE: two wait in line at least. */
export const RUSHED = 10;

/** Mean pause between orders: busy at first, as with requests. */
function pauseAfter(index: number): number {
  return index < 50 ? 5 : 12;
}

type Wish = Omit<PlannedOrder, "index">;

function wishesOf(rng: Rng, seconds: number): Wish[] {
  const wishes: Wish[] = [];
  let lies = 0;
  for (let [at, index] = [2, 0]; at < seconds; index++) {
    const lie = rng.chance(0.3);
    const operator = lie ? (LIARS[lies++ % LIARS.length] ?? LIARS[0]) : rng.pick(OPERATORS);
    const model = lie ? rng.pick(["digits", "digits", "breast-cancer"] as const) : rng.pick(MODELS);
    const challengers = rng.chance(0.5) ? challengersOf(rng) : [];
    wishes.push({ at, model, input: inputOf(model, rng), operator, challengers });
    // Some come together with the one before.
    if (!rng.chance(0.3)) at += between(rng, 0.3, 1.7) * pauseAfter(index);
  }
  return wishes;
}

/** Many lies of the one that says nothing when it is challenged: whoever challenges them waits in line. */
function floodAt(at: number, rng: Rng): Wish[] {
  const lie = { at, model: "digits", operator: "silent", challengers: [] } as const;
  return Array.from({ length: RUSHED }, () => ({ ...lie, input: inputOf("digits", rng) }));
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
  const flooding = stream(seed, "floods");
  const beginning = Math.min(seconds, RUSHES.from);
  const floods = timesIn(flooding, FIRST_FLOOD * beginning, RUSHES, seconds);
  const wishes = [
    ...wishesOf(stream(seed, "orders"), seconds),
    ...floods.flatMap((at) => floodAt(at, flooding)),
  ];
  return {
    orders: wishes.sort((a, b) => a.at - b.at).map((wish, index) => ({ ...wish, index })),
    closing: SELLERS.map(closingOrder),
    rushes: timesIn(rushing, FIRST_RUSH * beginning, RUSHES, seconds).map((at) => ({
      at,
      operator: rushing.pick(OPERATORS),
    })),
    restarts: timesIn(rng, between(rng, 15, RESTARTS.from), RESTARTS, seconds),
    weather: weatherOf(stream(seed, "weather client"), seconds),
  };
}
