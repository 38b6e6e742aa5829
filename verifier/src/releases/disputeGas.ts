/** What disputes take. Pure. */
import type { Release } from "../../../sdk/src/structs.ts";

/** Measured on the contracts, rounded up (gas); each includes its transaction. */
const GAS = {
  challenge: 200_000,
  /** Of the game, of the rest of the bond, and the refund. */
  settle: 250_000,
  select: 200_000,
  openInput: 100_000,
  openInputByte: 60,
} as const;

function gasBesides(stepGas: number, inputBytes: number): number {
  return GAS.challenge + GAS.settle + GAS.openInput + GAS.openInputByte * inputBytes + stepGas;
}

/** Of the longest dispute: `rounds` selects, and the proof of a step. */
export function disputeGas(rounds: number, stepGas: number, inputBytes: number): number {
  return gasBesides(stepGas, inputBytes) + rounds * GAS.select;
}

/** The rounds that a release's `disputeGas` was made of, for those who have not prepared it; its publisher may have lied. */
export function roundsIn(release: Pick<Release, "disputeGas" | "stepGas" | "inputBytes">): number {
  const gas = release.disputeGas - gasBesides(release.stepGas, release.inputBytes);
  return Math.max(0, Math.ceil(gas / GAS.select));
}
