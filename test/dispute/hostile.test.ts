/**
 * An honest operator against hostile challengers, on the real referee: whatever they try, the answer stands, and each wei ends
 * where the rules say. (Rules that need no referee are tested in contracts/dispute/DisputeGame.t.sol.)
 */
import { expect } from "chai";
import { proveStep, proveOutput, type StepProof } from "../../program/src/prove.ts";
import { hashTree, treeRoot } from "../../program/src/merkle.ts";
import { asRevert } from "../../sdk/src/revert.ts";
import { toHex, type Hex } from "../../sdk/src/structs.ts";
import { access, claimOfTrace, type HonestRun } from "../../verifier/src/play/evidence.ts";
import { planOperator } from "../../verifier/src/play/planner.ts";
import type { Move } from "../../verifier/src/play/trial.ts";
import { answerWith, handleOf } from "../../verifier/src/play/trace.ts";
import { openArena, outputOf, testInputs, type Arena, type Player } from "../support/arena.ts";

/** The name of the custom error with which a call is refused; undefined if it is not. */
async function refusal(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    const refused = asRevert("move", error)?.details["error"];
    return typeof refused === "string" ? refused : String(error);
  }
}

async function operatorMoves(arena: Arena, resultId: Hex, run: HonestRun): Promise<void> {
  const trial = await arena.trialOf(resultId);
  for (const { move } of planOperator(trial))
    await arena.make(arena.operator, trial, await answerWith(handleOf(run), move));
}

/** An honest answer, challenged by each of `challengers`, with its honest trace committed and its input opened. */
async function stand(arena: Arena, challengers: readonly Player[]) {
  const input = testInputs("digits")[0] ?? new Uint8Array();
  const run = arena.runOf(input);
  const resultId = await arena.answer(input, outputOf(run));
  const trial = await arena.trialOf(resultId);
  await arena.atOnce(challengers.map((by) => () => arena.make(by, trial, { kind: "challenge" })));
  await operatorMoves(arena, resultId, run);
  await arena.make(challengers[0] ?? arena.operator, trial, { kind: "openInput" });
  return { run, resultId, trial: await arena.trialOf(resultId) };
}

/** Clocks run out, the answer becomes final, all is paid out. */
async function end(arena: Arena, run: HonestRun, resultId: Hex, players: readonly Player[]): Promise<void> {
  await arena.networkHelpers.time.increase(600);
  await operatorMoves(arena, resultId, run);
  expect((await arena.trialOf(resultId)).result.verdict).to.equal("none");
  await arena.finalize(resultId);
  await arena.settle(resultId, [arena.operator, ...players]);
}

function proofAt(run: HonestRun, instruction: number, element: number): StepProof {
  const { program, commitment, trace } = run;
  const claim = access(run, claimOfTrace(trace));
  return proveStep({ commitment, program, trace: claim, instruction, element });
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

describe("an honest operator", () => {
  it("wins against a challenger that says nothing more, and gets half of its stake", async () => {
    const arena = await openArena("digits");
    const silent = await arena.player();
    const { run, resultId, trial } = await stand(arena, [silent]);
    const [operatorBefore, silentBefore] = [
      await arena.accountOf(arena.operator),
      await arena.accountOf(silent),
    ];
    await end(arena, run, resultId, [silent]);
    const { fee, bond } = trial.request.request;
    const stake = silentBefore.locked;
    const protocolFee = fee / 100n;
    const royalty = fee / 20n;
    expect(await arena.accountOf(silent)).to.deep.equal({ free: silentBefore.free, locked: 0n });
    expect(await arena.accountOf(arena.operator)).to.deep.equal({
      free: operatorBefore.free + bond + stake / 2n + fee - royalty - protocolFee,
      locked: operatorBefore.locked - bond,
    });
    expect(stake > 0n).to.equal(true);
  });

  it("cannot be judged wrong at any place of its trace, padding included", async () => {
    const arena = await openArena("digits");
    const frivolous = await arena.player();
    const { run, resultId, trial } = await stand(arena, [frivolous]);
    const { program, trace } = run;
    for (const [k, instruction] of program.instructions.entries()) {
      const elements = instruction.outDims.reduce((a, b) => a * b, 1);
      const perLeaf = 256 / ((trace.tensors[k]?.length ?? 0) / elements);
      const padded = perLeaf * 2 ** trace.tensorTree(k).depth;
      for (const element of new Set([0, elements - 1, Math.floor(elements / 2), elements, padded - 1])) {
        if (element >= padded) continue;
        const move: Move = { kind: "prove", instruction: k, element, proof: proofAt(run, k, element) };
        expect(await refusal(arena.make(frivolous, trial, move)), `${k}:${element}`).to.equal(
          "ElementIsRight",
        );
      }
    }
    const past = program.instructions.length;
    if (past < 2 ** trace.traceTree().depth) {
      const move: Move = { kind: "prove", instruction: past, element: 0, proof: proofAt(run, past, 0) };
      expect(await refusal(arena.make(frivolous, trial, move))).to.equal("ElementIsRight");
    }
    for (let element = 0; element < outputOf(run).length; element++) {
      const claimed = claimOfTrace(trace);
      const proof = proveOutput({ commitment: run.commitment, program, claimed }, 0, element);
      const move: Move = { kind: "proveOutput", output: 0, element, proof };
      expect(await refusal(arena.make(frivolous, trial, move))).to.equal("ElementIsRight");
    }
    await end(arena, run, resultId, [frivolous]);
  });

  it("is not hurt by forged proofs: every part of a proof is authenticated", async () => {
    const arena = await openArena("digits");
    const forger = await arena.player();
    const { run, resultId, trial } = await stand(arena, [forger]);
    for (const k of run.program.instructions.keys()) {
      const good = proofAt(run, k, 0);
      const forged: readonly (readonly [string, StepProof])[] = [
        ["header", { ...good, header: flipped(good.header) }],
        ["instruction", { ...good, instruction: flipped(good.instruction) }],
        ["output leaf", { ...good, output: { ...good.output, data: flipped(good.output.data) } }],
        ["output index", { ...good, output: { ...good.output, indices: flipped(good.output.indices) } }],
        ...good.operands.map((_, i): readonly [string, StepProof] => [
          `operand ${i}`,
          {
            ...good,
            operands: good.operands.map((operand, j) =>
              i !== j
                ? operand
                : { ...operand, leaves: { ...operand.leaves, data: flipped(operand.leaves.data) } },
            ),
          },
        ]),
        ["missing operands", { ...good, operands: good.operands.slice(1) }],
        ["swapped operands", { ...good, operands: [...good.operands].reverse() }],
      ];
      for (const [what, proof] of forged) {
        const move: Move = { kind: "prove", instruction: k, element: 0, proof };
        // Operands of one load stay the same when reversed, and an operand that is not opened has no leaf to forge.
        const unchanged = JSON.stringify(proof) === JSON.stringify(good);
        const refused = await refusal(arena.make(forger, trial, move));
        expect(refused, `${what} of instruction ${k}`).to.not.equal(undefined);
        if (!unchanged) expect(refused, `${what} of instruction ${k}`).to.not.equal("ElementIsRight");
      }
      const beyond: Move = { kind: "prove", instruction: k, element: 2 ** 40, proof: good };
      expect(await refusal(arena.make(forger, trial, beyond))).to.not.equal(undefined);
    }
    await end(arena, run, resultId, [forger]);
  });

  it("stands against a hundred challengers at once, and each loses its own stake", async () => {
    const arena = await openArena("digits");
    const crowd = await Promise.all(Array.from({ length: 100 }, () => arena.player()));
    const { run, resultId, trial } = await stand(arena, crowd);
    expect(trial.result.games.size).to.equal(100);
    const before = await arena.accountOf(arena.operator);
    const stakes = await Promise.all(crowd.map(async (who) => (await arena.accountOf(who)).locked));
    await end(arena, run, resultId, []);
    for (const who of crowd) expect((await arena.accountOf(who)).locked).to.equal(0n);
    const after = await arena.accountOf(arena.operator);
    const won = stakes.reduce((sum, stake) => sum + stake / 2n, 0n);
    expect(after.free > before.free + won, "bond and fee come on top").to.equal(true);
    expect(after.locked).to.equal(0n);
  });

  it("is not bound by moves that answered a chain that is no more", async () => {
    const arena = await openArena("digits");
    const challenger = await arena.player();
    const input = testInputs("digits")[0] ?? new Uint8Array();
    const run = arena.runOf(input);
    const resultId = await arena.answer(input, outputOf(run));
    await arena.make(challenger, await arena.trialOf(resultId), { kind: "challenge" });
    // On the branch that will be dropped the operator commits another root.
    const fork = await arena.networkHelpers.takeSnapshot();
    const root = run.trace.root();
    const wrong = run.program.instructions.map(() => new Uint8Array(32).fill(7));
    const commit = {
      kind: "commitTrace",
      root: treeRoot(hashTree(wrong)),
      top: Buffer.concat(wrong),
    } as const;
    await arena.make(arena.operator, await arena.trialOf(resultId), commit);
    const onBranch = await arena.trialOf(resultId);
    const proof = proofAt(run, 0, 0);
    const move: Move = { kind: "prove", instruction: 0, element: 0, proof };
    await fork.restore();
    await arena.rewind();
    await operatorMoves(arena, resultId, run);
    const replayed = refusal(arena.make(challenger, onBranch, move));
    expect(await replayed).to.equal("TraceRootIs");
    expect((await arena.trialOf(resultId)).result.commit?.traceRoot).to.equal(toHex(root));
    await end(arena, run, resultId, [challenger]);
  });
});
