/** Whole disputes over chosen instructions, and what each move of them takes. */
import { expect } from "chai";
import { dtype } from "../../program/src/dtype.ts";
import { outElements, type Program } from "../../program/src/instruction.ts";
import { estimateStep } from "../../program/src/limits.ts";
import { tensorDepth } from "../../program/src/merkle.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { tensorLoads } from "../../program/src/validate.ts";
import type { HonestRun } from "../../verifier/src/play/evidence.ts";
import { defend } from "../../verifier/src/play/trace.ts";
import { outputOf, type Arena } from "./arena.ts";
import { lieAt } from "./lie.ts";
import type { Figures } from "./snapshot.ts";

/** Of a select and its reveal, about. */
const ROUND_GAS = 250_000;
const INPUT_BYTE_GAS = 45;
/** Of a reveal in a tree. */
const MOVE_LEVELS = 6;

/** The instructions of a program from the cheapest to the dearest dispute, as far as the program tells. */
export function byDisputeGas(program: Program): number[] {
  const inputBytes = program.inputs.reduce(
    (sum, input) => sum + input.elements * dtype(input.dtype).bytes,
    0,
  );
  const gas = program.instructions.map((made, k) => {
    const rounds = Math.ceil(tensorDepth(outElements(made) * dtype(made.dtype).bytes) / MOVE_LEVELS);
    const opens = tensorLoads(made).some((load) => load.source === "input");
    return estimateStep(program, k).gas + rounds * ROUND_GAS + (opens ? inputBytes * INPUT_BYTE_GAS : 0);
  });
  return gas.map((_, k) => k).toSorted((a, b) => (gas[a] ?? 0) - (gas[b] ?? 0));
}

/** Moves that the challenger pays for. */
const CHALLENGERS = ["challenge", "openInput", "select", "prove", "settleGame", "settleBond"];

/**
 * The operator answers as `run` says, but its trace has one bit flipped in a random element of an instruction. It loses.
 * @returns the gas of all moves of each kind, payouts included, and of all of them.
 */
export async function measureDispute(
  arena: Arena,
  run: HonestRun,
  instruction: number,
  rng: Rng,
): Promise<{ readonly figures: Figures; readonly gas: number }> {
  const { program } = run;
  const made = program.instructions[instruction];
  if (made === undefined) throw new RangeError(`there is no instruction ${instruction}`);
  const claimed = lieAt(run, instruction, rng.int(0, outElements(made) - 1), rng);
  const verifier = await arena.player();
  const resultId = await arena.answer(new Uint8Array(Buffer.concat(run.inputs)), outputOf(run));
  const moves = await arena.play(resultId, verifier, run, defend(run.trace.traceTree().depth, claimed));
  const { result } = await arena.trialOf(resultId);
  expect(result.verdict, `instruction ${instruction}`).to.equal("step");
  const prove = moves.at(-1);
  const bound = estimateStep(program, instruction);
  expect(prove?.gas, "prove").to.be.at.most(bound.gas);
  expect(prove?.calldataBytes, "calldata of prove").to.be.at.most(bound.calldataBytes);
  moves.push(...(await arena.settle(resultId, [verifier])));
  const byKind: Record<string, { moves: number; gas: number }> = {};
  for (const { kind, gas } of moves) {
    const all = (byKind[kind] ??= { moves: 0, gas: 0 });
    all.moves++;
    all.gas += gas;
  }
  const total = (kinds: readonly string[]): number =>
    moves.filter(({ kind }) => kinds.includes(kind)).reduce((sum, move) => sum + move.gas, 0);
  const gas = total(Object.keys(byKind));
  expect(total(CHALLENGERS), "the release's bound").to.be.at.most(arena.model.disputeGas);
  return { figures: { instruction, proveBound: bound.gas, ...byKind, moves: moves.length, gas }, gas };
}
