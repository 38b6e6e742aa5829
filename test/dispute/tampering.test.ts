/**
 * For each model and each instruction: one tampered element of the trace loses the operator its dispute (invariants of
 * docs/invariants.md about evidence), and an altered output with an honest trace does too.
 */
import { expect } from "chai";
import { dtype } from "../../program/src/dtype.ts";
import { depthOf } from "../../program/src/merkle.ts";
import { wholeClaim } from "../../program/src/claim.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { defend, handleOf, type DefendedTrace } from "../../verifier/src/play/trace.ts";
import { expectSnapshot } from "../support/snapshot.ts";
import { MODELS, openArena, outputOf, tampered, testInputs } from "../support/arena.ts";

const PROVE_CEILING = 1_500_000;
const DISPUTE_CEILING = 1_000_000;

function defendTensors(tensors: readonly Uint8Array[]): DefendedTrace {
  return defend(depthOf(tensors.length), wholeClaim(tensors));
}

/** Addresses are random, and so is the number of zero bytes in calldata. */
const SNAPSHOT_SHARE = 0.01;

for (const name of MODELS) {
  /** Dearest call of each move, gas. */
  const dearest: Record<string, number> = {};
  let threeTransactions = 0;

  function count(moves: readonly { readonly kind: string; readonly gas: number }[]): void {
    for (const { kind, gas } of moves) dearest[kind] = Math.max(dearest[kind] ?? 0, gas);
  }

  describe(`disputes over ${name}`, () => {
    it("are lost by a trace with one wrong element, whichever instruction it is in", async () => {
      const arena = await openArena(name);
      const verifier = await arena.player();
      const rng = seededRng(name.length);
      const inputs = testInputs(name);
      for (const [k, instruction] of arena.model.program.instructions.entries()) {
        const input = inputs[k % inputs.length] ?? new Uint8Array();
        const run = arena.runOf(input);
        const tensors = tampered(run.trace, (all) => {
          const tensor = all[k] ?? new Uint8Array();
          const byte = rng.int(0, tensor.length - 1);
          tensor[byte] = (tensor[byte] ?? 0) ^ (1 << rng.int(0, 7));
        });
        const resultId = await arena.answer(input, outputOf(run));
        const moves = await arena.play(resultId, verifier, run, defendTensors(tensors));
        count(moves);
        const { result } = await arena.trialOf(resultId);
        expect(result.verdict, `instruction ${k} (${instruction.body})`).to.equal("step");
        const prove = moves.at(-1);
        expect(prove?.kind).to.equal("prove");
        expect(prove?.gas).to.be.at.most(PROVE_CEILING);
        await arena.settle(resultId, [verifier]);
      }
    });

    it("are lost in three transactions by an altered output, whichever element it is in", async () => {
      const arena = await openArena(name);
      const verifier = await arena.player();
      const { program } = arena.model;
      const width = dtype(program.outputs[0]?.dtype ?? "u8").bytes;
      const input = testInputs(name)[3] ?? new Uint8Array();
      const run = arena.runOf(input);
      for (let element = 0; element * width < arena.model.outputBytes; element++) {
        const output = outputOf(run);
        // The highest byte, so that a tolerance does not cover it.
        const byte = element * width + width - 1;
        output[byte] = (output[byte] ?? 0) ^ 0x40;
        const resultId = await arena.answer(input, output);
        const moves = await arena.play(resultId, verifier, run, handleOf(run));
        expect(moves.map((move) => move.kind)).to.deep.equal(["challenge", "commitTrace", "proveOutput"]);
        count(moves);
        threeTransactions = Math.max(
          threeTransactions,
          moves.reduce((sum, move) => sum + move.gas, 0),
        );
        expect(threeTransactions).to.be.at.most(DISPUTE_CEILING);
        expect((await arena.trialOf(resultId)).result.verdict).to.equal("output");
      }
    });

    it("cost what is committed", () => {
      const figures = { dearest: Object.fromEntries(Object.entries(dearest).sort()), threeTransactions };
      expectSnapshot(`disputes.${name}`, figures, SNAPSHOT_SHARE);
    });
  });
}
