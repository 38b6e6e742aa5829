/** What is asked, of whom, and who challenges the answer for no reason: drawn from the seed. */
import { readFileSync } from "node:fs";
import type { Rng } from "../../program/src/testing/rng.ts";
import { between, stream } from "./random.ts";
import { CRANKS, LIARS, MODELS, OPERATORS, type CrankName, type LiarName, type ModelName } from "./rules.ts";

/** What is wrong with a request, if anything. */
const FLAWS = {
  /** The market refuses these. */
  refused: [
    "inputTooShort",
    "inputTooLong",
    "unknownRelease",
    "windowTooShort",
    "noTimeToAnswer",
    "callbackTooDear",
  ],
  /** An honest operator leaves these alone, and the fee goes back. */
  unanswerable: ["underpaid", "bondTooHigh"],
  /** Odd, but to be answered. */
  odd: ["callbackToNobody"],
} as const;
export type Flaw = (typeof FLAWS)[keyof typeof FLAWS][number];

export type Tactic =
  /** Challenges and says nothing more. */
  | "stalls"
  /** Points at random nodes of the trace as long as it can. */
  | "selects"
  /** Sends proofs about elements that are right. */
  | "proves";

/** Somebody who challenges an answer, or a receipt, for no reason. */
export interface Challenger {
  readonly name: CrankName;
  readonly tactic: Tactic;
}

export interface PlannedRequest {
  /** Also the request's nonce. */
  readonly index: number;
  /** Seconds since the play began. */
  readonly at: number;
  readonly model: ModelName;
  readonly input: Uint8Array;
  /** The only one that may answer; undefined: anybody. */
  readonly operator: (typeof OPERATORS)[number] | LiarName | undefined;
  readonly flaw: Flaw | undefined;
  /** Who challenges the answer if it is right, and how. */
  readonly challengers: readonly Challenger[];
}

export function isRefused({ flaw }: PlannedRequest): boolean {
  return FLAWS.refused.some((refused) => refused === flaw);
}

export function isUnanswerable({ flaw }: PlannedRequest): boolean {
  return FLAWS.unanswerable.some((left) => left === flaw);
}

const F32_EXTREMES = [NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1e-45, -1e-45, 0, -0, 1];
const I32_EXTREMES = [-(2 ** 31), 2 ** 31 - 1, 0, -1, 1, 7];

function testInputs(model: ModelName): readonly Uint8Array[] {
  if (model === "quotient") return [new Uint8Array(Int32Array.of(7, -9, 100, 5, 2, 3, -7, 1).buffer)];
  const file = new URL(`../../examples/models/${model}/test.json`, import.meta.url);
  const { inputs } = JSON.parse(readFileSync(file, "utf8")) as { inputs: string[] };
  return inputs.map((input) => new Uint8Array(Buffer.from(input, "base64")));
}

/** Numbers that processors, conversions and onnxruntime itself stumble over. */
function hostileInput(model: ModelName, length: number, rng: Rng): Uint8Array {
  const extreme = (): number => rng.pick(model === "quotient" ? I32_EXTREMES : F32_EXTREMES);
  if (model === "digits")
    return Uint8Array.from({ length }, () => rng.pick([0, 255, 128, 127, rng.int(0, 255)]));
  const numbers = Array.from({ length: length / 4 }, extreme);
  return new Uint8Array((model === "quotient" ? Int32Array : Float32Array).from(numbers).buffer);
}

export function inputOf(model: ModelName, rng: Rng): Uint8Array {
  const example = rng.pick(testInputs(model));
  if (rng.chance(0.6)) return example;
  return hostileInput(model, example.length, rng);
}

function flawOf(rng: Rng): Flaw | undefined {
  if (rng.chance(0.78)) return undefined;
  return rng.pick<Flaw>(rng.pick([FLAWS.refused, FLAWS.refused, FLAWS.unanswerable, FLAWS.odd]));
}

export function challengersOf(rng: Rng): readonly Challenger[] {
  const tactic = (): Tactic => rng.pick(["stalls", "selects", "proves"] as const);
  const [first, second] = CRANKS;
  if (rng.chance(0.6)) return [];
  const one = { name: first, tactic: tactic() };
  return rng.chance(0.7) ? [one] : [one, { name: second, tactic: tactic() }];
}

/** Mean pause between requests: busy at first, so that short plays see everything; a long one goes on for hours. */
function pauseAfter(index: number): number {
  return index < 60 ? 2.2 : 6;
}

/** @param seconds No request is made after it. */
export function requestsOf(seed: number, seconds: number): PlannedRequest[] {
  const rng = stream(seed, "requests");
  const requests: PlannedRequest[] = [];
  let lies = 0;
  for (let [at, index] = [1, 0]; at < seconds; index++) {
    const flaw = flawOf(rng);
    const lie = flaw === undefined && rng.chance(0.4);
    // Liars take turns, so that a short play has lies of each kind; the third model is too small to lie about in every way.
    const operator = lie ? LIARS[lies++ % LIARS.length] : rng.chance(0.2) ? undefined : rng.pick(OPERATORS);
    const model = lie ? rng.pick(["digits", "digits", "breast-cancer"] as const) : rng.pick(MODELS);
    requests.push({
      index,
      at,
      model,
      input: inputOf(model, rng),
      // A liar would answer anything.
      operator: isLeftAlone(flaw) ? rng.pick(OPERATORS) : operator,
      flaw,
      challengers: challengersOf(rng),
    });
    at += between(rng, 0.3, 1.7) * pauseAfter(index);
  }
  return requests;
}

function isLeftAlone(flaw: Flaw | undefined): boolean {
  return FLAWS.unanswerable.some((left) => left === flaw);
}
