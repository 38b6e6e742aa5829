import { expect } from "chai";
import { commitProgram } from "../../program/src/commit.ts";
import { depthOf } from "../../program/src/merkle.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { addOnes } from "../../verifier/test/addOnes.ts";
import { CLOCK_SECONDS, simulate } from "../../verifier/test/simulation.ts";
import { takingOf } from "./tactics.ts";

const ALICE: Hex = `0x${"a1".repeat(20)}`;

describe("challengers of right answers", () => {
  it("take the game of an operator that is late, and what it pays", () => {
    const [instructions, elements] = [3, 10];
    const { header } = commitProgram(addOnes(instructions, elements));
    const game = simulate(header, new Uint8Array(elements), new Uint8Array(elements), depthOf(instructions));
    const taking = () => {
      const mine = game.trial().result.games.get(ALICE);
      return mine && takingOf(game.trial(), mine);
    };
    game.perform({ kind: "challenge" }, ALICE);
    game.wait(CLOCK_SECONDS);
    expect(taking()).to.equal(undefined);
    game.wait(1);
    const taken: string[] = [];
    for (let move = taking(); move !== undefined && taken.length < 9; move = taking()) {
      taken.push(move.kind);
      game.perform(move, ALICE);
    }
    expect(taken).to.deep.equal(["timeout", "settleGame", "settleBond"]);
  });
});
