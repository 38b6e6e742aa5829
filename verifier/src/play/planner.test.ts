import { expect } from "chai";
import { wholeClaim, type ClaimedTrace } from "../../../program/src/claim.ts";
import { commitProgram } from "../../../program/src/commit.ts";
import { depthOf, treeNode, tensorTree } from "../../../program/src/merkle.ts";
import { computeTrace } from "../../../program/src/trace.ts";
import type { Hex, Node } from "../../../sdk/src/structs.ts";
import { addOnes } from "../../test/addOnes.ts";
import { CLOCK_SECONDS, OPERATOR, climb, simulate, type Simulation } from "../../test/simulation.ts";
import { findEvidence, type Evidence, type HonestRun } from "./evidence.ts";
import { moveKey } from "./calls.ts";
import { factsOf } from "./facts.ts";
import { needsEvidence, planChallenger, planOperator, planSettlement, type OperatorPlan } from "./planner.ts";
import { gatherReveals, withKnown } from "./reveals.ts";
import { revealOf, topOf } from "./trace.ts";
import type { Move } from "./trial.ts";

const ALICE: Hex = `0x${"a1".repeat(20)}`;
const BOB: Hex = `0x${"b0".repeat(20)}`;

/** 157 leaves: three levels of reveals down to an element. */
const ELEMENTS = 40_000;
/** 8 levels of the trace tree: two levels of reveals. */
const INSTRUCTIONS = 150;

const program = addOnes(INSTRUCTIONS, ELEMENTS);
const input = Uint8Array.from({ length: ELEMENTS }, (_, i) => i % 253);
const depth = depthOf(INSTRUCTIONS);

describe("planner", () => {
  const commitment = commitProgram(program);
  const trace = computeTrace(program, [input]);
  const run: HonestRun = { program, commitment, inputs: [input], trace };
  const honest = wholeClaim(trace.tensors);
  const right = trace.outputs[0] ?? new Uint8Array();

  function altered(bytes: Uint8Array, at: number): Uint8Array {
    return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
  }

  /** The honest trace with one byte changed from `instruction` on. */
  function lie(instruction: number, byte: number): Uint8Array[] {
    return trace.tensors.map((tensor, k) => (k < instruction ? tensor : altered(tensor, byte)));
  }

  function evidence(game: Simulation, me: Hex): Evidence | undefined {
    const facts = factsOf(game.trial(), me);
    // A trace process is asked, and the answer is plain data.
    return facts && structuredClone(findEvidence(run, structuredClone(facts)));
  }

  function answer(claimed: ClaimedTrace, move: OperatorPlan["move"]): Move {
    if (move.kind === "commitTrace") return { ...move, ...topOf(depth, claimed) };
    return move.kind === "reveal" ? { ...move, children: revealOf(claimed, move.node) } : move;
  }

  /** One move of a challenger, if it has any. */
  function challengerMoves(game: Simulation, me: Hex): Move | undefined {
    const found = needsEvidence(game.trial(), me) ? evidence(game, me) : undefined;
    const next = planChallenger(game.trial(), me, found);
    if (next !== undefined) game.perform(next.move, me);
    return next?.move;
  }

  function operatorMoves(game: Simulation, claimed: ClaimedTrace): void {
    for (const { move } of planOperator(game.trial())) game.perform(answer(claimed, move), OPERATOR);
  }

  /** Both sides move in turn, each a second after the other, until the challenger has proved its case. */
  function play(game: Simulation, claimed: ClaimedTrace): Move {
    for (let round = 0; round < 20; round++) {
      const move = challengerMoves(game, ALICE);
      if (move?.kind === "prove" || move?.kind === "proveOutput") return move;
      game.wait(1);
      operatorMoves(game, claimed);
      game.wait(1);
    }
    throw new Error(`no end: ${game.moves.join(" ")}`);
  }

  function proofOf(move: Move): Extract<Move, { kind: "prove" }> {
    if (move.kind !== "prove") throw new Error(`a ${move.kind} is no proof`);
    return move;
  }

  it("descends through both trees to the first wrong element", () => {
    const published = altered(right, 31_000);
    const game = simulate(commitment.header, input, published, depth);
    const tensors = lie(97, 31_000);
    const { instruction, element, proof } = proofOf(play(game, wholeClaim(tensors)));
    expect(game.moves.join(" ")).to.equal(
      "challenge commitTrace select reveal select reveal select reveal select reveal prove",
    );
    expect([instruction, element]).to.deep.equal([97, 31_000]);
    // The leaf on trial is the operator's, under the root that it committed.
    const leaf = climb(treeNode(tensorTree(proof.output.data), 0, 0), 121, proof.output.path);
    expect(climb(leaf, 97, proof.outputPath)).to.deep.equal(wholeClaim(tensors).node(depth, 0));
    // The operand is what both agree on, under the same root.
    const operand = proof.operands[0];
    expect(operand?.leaves.data).to.deep.equal(trace.tensors[96]?.slice(121 * 256, 122 * 256));
    const operandRoot = treeNode(trace.tensorTree(96), 8, 0);
    expect(climb(operandRoot, 96, operand?.path ?? new Uint8Array())).to.deep.equal(
      wholeClaim(tensors).node(depth, 0),
    );
  });

  it("opens the input before it proves an instruction that reads it", () => {
    const game = simulate(commitment.header, input, altered(right, 5), depth);
    expect(proofOf(play(game, wholeClaim(lie(0, 5)))).instruction).to.equal(0);
    expect(game.moves.slice(-2)).to.deep.equal(["openInput", "prove"]);
  });

  it("proves the last instruction at once if the published output is its claimed tensor", () => {
    const game = simulate(commitment.header, input, altered(right, 39_999), depth);
    const move = proofOf(play(game, wholeClaim(lie(INSTRUCTIONS - 1, 39_999))));
    expect([move.instruction, move.element]).to.deep.equal([INSTRUCTIONS - 1, 39_999]);
    expect(game.moves.join(" ")).to.equal("challenge commitTrace select reveal prove");
  });

  it("needs three moves if the trace is right and the output is not", () => {
    const game = simulate(commitment.header, input, altered(right, 777), depth);
    const move = play(game, honest);
    expect(game.moves.join(" ")).to.equal("challenge commitTrace proveOutput");
    expect(move.kind === "proveOutput" && [move.output, move.element]).to.deep.equal([0, 777]);
  });

  it("finds garbage in the padding of the trace tree", () => {
    const tensors = [...trace.tensors, Uint8Array.of(1)];
    const game = simulate(commitment.header, input, altered(right, 0), depth);
    const move = proofOf(play(game, wholeClaim(tensors)));
    expect(move.instruction).to.equal(INSTRUCTIONS);
    expect(climb(move.proof.output.data, INSTRUCTIONS, move.proof.outputPath)).to.deep.equal(
      wholeClaim(tensors).node(depth, 0),
    );
  });

  it("finds garbage past the end of a tensor", () => {
    const padded = new Uint8Array(ELEMENTS + 1);
    padded.set(trace.tensors[3] ?? []);
    padded[ELEMENTS] = 9;
    const tensors = trace.tensors.map((tensor, k) => (k === 3 ? padded : tensor));
    const game = simulate(commitment.header, input, altered(right, 0), depth);
    const move = proofOf(play(game, wholeClaim(tensors)));
    expect([move.instruction, move.element]).to.deep.equal([3, ELEMENTS]);
  });

  it("lets a second challenger use what the first one had revealed", () => {
    const game = simulate(commitment.header, input, altered(right, 31_000), depth);
    const claimed = wholeClaim(lie(97, 31_000));
    challengerMoves(game, ALICE);
    challengerMoves(game, BOB);
    for (let round = 0; round < 5; round++) {
      operatorMoves(game, claimed);
      if (round < 4) challengerMoves(game, ALICE);
    }
    expect(challengerMoves(game, BOB)?.kind).to.equal("prove");
  });

  it("answers several games with one reveal", () => {
    const game = simulate(commitment.header, input, altered(right, 31_000), depth);
    const claimed = wholeClaim(lie(97, 31_000));
    for (const me of [ALICE, BOB]) challengerMoves(game, me);
    operatorMoves(game, claimed);
    for (const me of [ALICE, BOB]) expect(challengerMoves(game, me)?.kind).to.equal("select");
    expect(planOperator(game.trial()).map(({ move }) => move.kind)).to.deep.equal(["reveal"]);
  });

  it("takes the win when the operator's clock runs out, and not before", () => {
    const game = simulate(commitment.header, input, altered(right, 0), depth);
    challengerMoves(game, ALICE);
    game.wait(CLOCK_SECONDS);
    expect(challengerMoves(game, ALICE)).to.equal(undefined);
    game.wait(1);
    expect(challengerMoves(game, ALICE)?.kind).to.equal("timeout");
    const due = planSettlement(game.trial(), ALICE).map((move) => move.kind);
    expect(due).to.deep.equal(["settleGame", "settleBond"]);
  });

  it("counts each side's own time only", () => {
    const game = simulate(commitment.header, input, altered(right, 31_000), depth);
    const claimed = wholeClaim(lie(97, 31_000));
    challengerMoves(game, ALICE);
    // Each takes 40 s a move: the operator's third answer would come after 120 s.
    for (const [side, seconds] of [
      ["op", 40],
      ["ch", 40],
      ["op", 40],
      ["ch", 40],
    ] as const) {
      game.wait(seconds);
      if (side === "op") operatorMoves(game, claimed);
      else expect(challengerMoves(game, ALICE)?.kind).to.equal("select");
    }
    game.wait(20);
    expect(planChallenger(game.trial(), ALICE, evidence(game, ALICE))).to.equal(undefined);
    game.wait(1);
    expect(challengerMoves(game, ALICE)?.kind).to.equal("timeout");
  });

  it("ends the games of challengers that do nothing, and collects", () => {
    const game = simulate(commitment.header, input, right, depth);
    game.perform({ kind: "challenge" }, BOB);
    expect(planOperator(game.trial()).map(({ move }) => move.kind)).to.deep.equal(["commitTrace"]);
    operatorMoves(game, honest);
    expect(planOperator(game.trial())).to.deep.equal([]);
    game.wait(CLOCK_SECONDS);
    expect(planOperator(game.trial())).to.deep.equal([]);
    game.wait(1);
    operatorMoves(game, honest);
    expect(game.moves.join(" ")).to.equal("challenge commitTrace timeout");
  });

  it("leaves a game that it has lost, but proves what others had revealed", () => {
    const game = simulate(commitment.header, input, altered(right, 31_000), depth);
    const claimed = wholeClaim(lie(97, 31_000));
    for (const me of [ALICE, BOB]) challengerMoves(game, me);
    operatorMoves(game, claimed);
    game.wait(CLOCK_SECONDS);
    expect(challengerMoves(game, ALICE)?.kind).to.equal("select");
    game.wait(1);
    // Bob has not moved in time: the operator ends his game, and answers Alice's.
    operatorMoves(game, claimed);
    expect(game.moves.slice(-2)).to.deep.equal(["reveal", "timeout"]);
    expect(challengerMoves(game, BOB)).to.equal(undefined);
    for (let round = 0; round < 3; round++) {
      challengerMoves(game, ALICE);
      operatorMoves(game, claimed);
    }
    expect(challengerMoves(game, BOB)?.kind).to.equal("prove");
  });

  it("calls a proof urgent while the operator is on the move: it may end its time at once", async () => {
    const game = simulate(commitment.header, input, altered(right, 31_000), depth);
    const claimed = wholeClaim(lie(97, 31_000));
    challengerMoves(game, ALICE);
    operatorMoves(game, claimed);
    game.wait(30);
    challengerMoves(game, ALICE);
    game.wait(5);
    const trial = game.trial();
    const facts = factsOf(trial, ALICE);
    if (facts === undefined) throw new Error("no facts");
    const { finding } = await gatherReveals(
      (known) => findEvidence(run, withKnown(facts, known)),
      (node) => Promise.resolve(revealOf(claimed, node)),
    );
    const next = planChallenger(trial, ALICE, finding);
    expect(planOperator(trial).map(({ move }) => move.kind)).to.deep.equal(["reveal"]);
    expect(next?.move.kind).to.equal("prove");
    expect(next?.deadline).to.equal(trial.now + CLOCK_SECONDS - 30);
  });

  it("has a key for each node, though nodes of both kinds of tree may have the same hash", () => {
    const game = simulate(commitment.header, input, right, depth);
    const { resultId } = game.trial().result;
    const at = (tensor: boolean, height: number): Node => ({
      ...{ hash: ALICE, tensor, height, instruction: 0, index: 0 },
    });
    const nodes = [at(true, 1), at(false, 1), at(true, 2)];
    const moves = nodes.flatMap((node): Parameters<typeof moveKey>[1][] => [
      { kind: "reveal", node },
      {
        kind: "select",
        from: node,
        selection: { node, path: input, header: input, encoding: input, encodingPath: input },
      },
    ]);
    expect(new Set(moves.map((move) => moveKey(resultId, move))).size).to.equal(6);
  });

  it("says nothing against a right answer", () => {
    const game = simulate(commitment.header, input, right, depth);
    game.perform({ kind: "challenge" }, ALICE);
    operatorMoves(game, honest);
    expect(evidence(game, ALICE)?.kind).to.equal("none");
  });
});
