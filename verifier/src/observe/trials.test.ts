import { expect } from "chai";
import type { Hex } from "../../../sdk/src/structs.ts";
import { CLOCK_SECONDS, OPERATOR, simulate, type Simulation } from "../../test/simulation.ts";
import { trialFacts, type TrialFacts } from "./trials.ts";

const ALICE: Hex = `0x${"a1".repeat(20)}`;
const BOB: Hex = `0x${"B0".repeat(20)}`;
const BOB_IN_LOWER_CASE: Hex = `0x${"b0".repeat(20)}`;
const ROOT = new Uint8Array(32).fill(7);

describe("facts of our trials", () => {
  function play(): Simulation {
    return simulate(new Uint8Array(8), new Uint8Array(4), new Uint8Array(4), 0);
  }

  function outcomes({ games }: TrialFacts): string[] {
    return games.map(({ side, outcome }) => `${side} ${outcome}`);
  }

  function factsOf(game: Simulation, me: Hex): TrialFacts {
    return trialFacts(game.state, me, game.trial().now);
  }

  it("are none before a challenge, and none of a stranger's", () => {
    const game = play();
    const nothing = { games: [], moves: [], losing: [], tightestSeconds: undefined };
    expect(factsOf(game, OPERATOR)).to.deep.equal(nothing);
    game.perform({ kind: "challenge" }, ALICE);
    expect(factsOf(game, BOB)).to.deep.equal(nothing);
  });

  it("say whose move it is and by when", () => {
    const game = play();
    game.perform({ kind: "challenge" }, ALICE);
    game.wait(30);
    game.perform({ kind: "challenge" }, BOB);
    game.wait(10);
    const operator = factsOf(game, OPERATOR);
    expect(outcomes(operator)).to.deep.equal(["operator open", "operator open"]);
    expect(operator.moves.map(({ kind }) => kind)).to.deep.equal(["commitTrace", "commitTrace"]);
    expect(operator.tightestSeconds).to.equal(CLOCK_SECONDS - 40);
    const deadline = game.trial().now + CLOCK_SECONDS - 40;
    expect(operator.moves[0]).to.include({ deadline, clockSeconds: CLOCK_SECONDS });
    expect(factsOf(game, ALICE).moves).to.deep.equal([]);

    game.perform({ kind: "commitTrace", root: ROOT, top: ROOT }, OPERATOR);
    game.wait(15);
    expect(factsOf(game, OPERATOR).moves).to.deep.equal([]);
    const bob = factsOf(game, BOB_IN_LOWER_CASE);
    expect(outcomes(bob)).to.deep.equal(["challenger open"]);
    expect(bob.tightestSeconds).to.equal(CLOCK_SECONDS - 15);
  });

  it("go below nothing when the clock has run out", () => {
    const game = play();
    game.perform({ kind: "challenge" }, ALICE);
    game.wait(CLOCK_SECONDS + 7);
    expect(factsOf(game, OPERATOR).tightestSeconds).to.equal(-7);
  });

  it("tell the winner from the loser", () => {
    const game = play();
    game.perform({ kind: "challenge" }, ALICE);
    game.perform({ kind: "challenge" }, BOB);
    game.perform({ kind: "commitTrace", root: ROOT, top: ROOT }, OPERATOR);
    const node = {
      hash: `0x${"07".repeat(32)}`,
      tensor: false,
      height: 0,
      instruction: 0,
      index: 0,
    } as const;
    game.perform({ kind: "timeout", challenger: BOB, node }, OPERATOR);
    expect(factsOf(game, BOB)).to.deep.include({ moves: [] });
    expect(factsOf(game, BOB).losing.map(({ resultId }) => resultId)).to.deep.equal([
      game.trial().result.resultId,
    ]);
    expect(outcomes(factsOf(game, OPERATOR))).to.deep.equal(["operator open", "operator won"]);

    game.perform({ kind: "timeout", challenger: ALICE, node }, ALICE);
    const operator = factsOf(game, OPERATOR);
    expect(outcomes(operator)).to.deep.equal(["operator lost", "operator won"]);
    expect(operator.losing.length).to.equal(1);
    expect(outcomes(factsOf(game, ALICE))).to.deep.equal(["challenger won"]);
    expect(outcomes(factsOf(game, BOB))).to.deep.equal(["challenger lost"]);
    game.perform({ kind: "settleBond" }, ALICE);
    expect(factsOf(game, OPERATOR).losing).to.deep.equal([]);
  });
});
