/** What must hold after a dispute in which the node was killed, whichever point that was. */
import { expect } from "chai";
import type { KillPoint } from "./interpose.ts";
import { FEE, STAKE, type Outcome, type Side } from "./killing.ts";

const SEND = "eth_sendRawTransaction";

/**
 * A transaction of a node: lost with it (before), mined while the node is dead (after), or pending until it is back.
 * @param sends Transactions before it.
 */
export function sendPoint(sends: number, phase: KillPoint["phase"]): KillPoint {
  return { sends, method: SEND, phase };
}

/** A point for each call that came in a dispute: polling calls are hit before and after by turns, transactions in every phase. */
export function pointsOf(seen: Outcome["seen"]): KillPoint[] {
  return seen.flatMap(({ sends, method }, i): KillPoint[] =>
    method === SEND
      ? [sendPoint(sends, "before"), sendPoint(sends, "after"), sendPoint(sends, "pending")]
      : [{ sends, method, phase: i % 2 === 0 ? "before" : "after" }],
  );
}

/** The moves that each side of the dispute has to make, whatever happens to it. */
const MOVES: Readonly<Record<Side, readonly string[]>> = {
  challenger: ["challenge", "openInput", "select", "prove", "settleGame", "settleBond", "refund"],
  operator: ["fulfill", "commitTrace", "reveal", "timeout", "finalize", "settleGame"],
};

/** The dispute ended right, with each move mined once. */
export function expectRight(side: Side, { trial, moves, free, locked, exit }: Outcome): void {
  const { request, result } = trial;
  const { bond } = request.request;
  const keys = moves.map(({ key }) => key);
  expect(
    keys.filter((key, i) => keys.indexOf(key) !== i),
    "moves mined twice",
  ).to.deep.equal([]);
  expect(
    moves.filter(({ success }) => !success).map(({ key }) => key),
    "moves that reverted",
  ).to.deep.equal([]);
  const kinds = new Set(keys.map((key) => key.split(":")[0]));
  expect([...kinds].toSorted()).to.deep.equal(MOVES[side].toSorted());
  expect(locked).to.equal(0n);
  if (side === "challenger") {
    expect(result.verdict).to.equal("step");
    expect(free).to.equal(STAKE + bond / 4n);
  } else {
    expect(result.verdict).to.equal("none");
    const earned = FEE - FEE / 20n - FEE / 100n;
    const staked = [...result.games.values()].reduce((sum, { bondWei }) => sum + bondWei, 0n);
    // Half of the challenger's bond, and half of each deposit.
    expect(free >= STAKE + earned + staked / 2n).to.equal(true);
  }
  expect(exit, "exit code").to.equal(0);
}
