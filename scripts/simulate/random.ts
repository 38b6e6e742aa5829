/** A stream of random numbers for each purpose: what one of them draws changes nothing for the others. */
import { createHash } from "node:crypto";
import { seededRng, type Rng } from "../../program/src/testing/rng.ts";

export function stream(seed: number, purpose: string): Rng {
  return seededRng(createHash("sha256").update(`${seed}:${purpose}`).digest().readUInt32LE());
}

/** A number in [from, to), in steps of a thousandth. */
export function between(rng: Rng, from: number, to: number): number {
  return from + ((to - from) * rng.int(0, 999)) / 1000;
}
