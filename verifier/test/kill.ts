/** Where a node is killed in a dispute, and what must hold after it, whichever point that was. */
import { expect } from "chai";
import type { MinedMove } from "../../scripts/simulate/moves.ts";
import { SEND, type Interposer, type KillPoint } from "./interpose.ts";
import type { Outcome } from "./killDispute.ts";

/**
 * A transaction of a node: lost with it (before), mined while the node is dead (after), or pending until it is back.
 * @param sends Transactions before it.
 */
export function sendPoint(sends: number, phase: KillPoint["phase"]): KillPoint {
  return { sends, method: SEND, phase };
}

/**
 * A point for each call that came in a play: first transactions and calls to the node, in every phase, then polling calls, which are
 * hit before and after by turns.
 */
export function pointsOf(seen: Interposer["seen"]): KillPoint[] {
  const rank = ({ method }: KillPoint): number => (method === SEND || method.startsWith("POST ") ? 0 : 1);
  const points = seen.flatMap(({ sends, method }, i): KillPoint[] => {
    if (method === SEND)
      return [sendPoint(sends, "before"), sendPoint(sends, "after"), sendPoint(sends, "pending")];
    if (method.startsWith("POST "))
      return [
        { sends, method, phase: "before" },
        { sends, method, phase: "after" },
      ];
    return [{ sends, method, phase: i % 2 === 0 ? "before" : "after" }];
  });
  return points.toSorted((a, b) => rank(a) - rank(b));
}

/** Each move was mined once and did what it should, and there are no others than these. @param kinds In any order. */
export function expectMoves(moves: readonly MinedMove[], kinds: readonly string[]): void {
  const keys = moves.map(({ key }) => key);
  expect(
    keys.filter((key, i) => keys.indexOf(key) !== i),
    "moves mined twice",
  ).to.deep.equal([]);
  expect(
    moves.filter(({ success }) => !success).map(({ key }) => key),
    "moves that reverted",
  ).to.deep.equal([]);
  const found = new Set(keys.map((key) => key.split(":")[0]));
  expect([...found].toSorted()).to.deep.equal(kinds.toSorted());
}

/** The dispute ended right, with each move mined once. */
export async function expectRight(outcome: Outcome): Promise<void> {
  const { stage, dispute, moves, exit } = outcome;
  expectMoves(moves, stage.moves);
  await dispute.expectEnd(outcome);
  expect(exit, "exit code").to.equal(0);
}
