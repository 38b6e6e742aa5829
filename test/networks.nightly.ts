/**
 * Networks of real sizes: each is lowered, committed, run, compared with onnxruntime, and a lie at a random element of a random
 * instruction is overturned on a chain.
 */
import { expect } from "chai";
import { InferenceSession } from "onnxruntime-node";
import { wholeClaim } from "../program/src/claim.ts";
import { depthOf } from "../program/src/merkle.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";
import { NETWORKS } from "../scripts/networks/index.ts";
import { openArena, outputOf, tampered } from "./support/arena.ts";

const MOST_MEMORY = 8 * 2 ** 30;
const DISPUTE_CEILING = 15_000_000;
const PROVE_CEILING = 12_000_000;

/**
 * Largest difference from onnxruntime, relative to the largest output. Static quantisation leaves no room for one; dynamic quantisation
 * rounds anew after every product, so that a float sum's last bit can move a whole step.
 */
function deviationOf(name: string): number {
  if (/^(mobilenetv2|resnet50)-int8$/.test(name)) return 0;
  return name.endsWith("-int8") ? 0.02 : 1e-3;
}

for (const [name, make] of Object.entries(NETWORKS))
  describe(`network ${name}`, () => {
    it("is lowered, agrees with onnxruntime, and a lie about it is overturned", async () => {
      const rng = seededRng(name.length);
      const file = make({ pixels: 64 });
      const arena = await openArena({ file });
      const { model } = arena;
      const { tensors, data } = randomFeeds(model.signature.inputs, rng);
      const input = new Uint8Array(Buffer.concat(data));
      const run = arena.runOf(input);

      const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
      const results = await session.run(tensors);
      await session.release();
      const [output] = model.signature.outputs;
      const theirs = results[output?.name ?? ""]?.data;
      const ours = run.trace.outputs[0] ?? new Uint8Array();
      if (theirs instanceof Float32Array) {
        const values = new Float32Array(ours.slice().buffer);
        const scale = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        const most = deviationOf(name);
        theirs.forEach((value, i) => {
          const difference = Math.abs((values[i] ?? NaN) - value) / scale;
          expect(difference, `output ${i}`).to.be.at.most(most);
        });
      }

      const k = rng.int(0, model.program.instructions.length - 1);
      const claimed = tampered(run.trace, (all) => {
        const tensor = all[k] ?? new Uint8Array();
        const byte = rng.int(0, tensor.length - 1);
        tensor[byte] = (tensor[byte] ?? 0) ^ (1 << rng.int(0, 7));
      });
      const verifier = await arena.player();
      const resultId = await arena.answer(input, outputOf(run));
      const defended = { depth: depthOf(claimed.length), claimed: wholeClaim(claimed) };
      const moves = await arena.play(resultId, verifier, run, defended);
      const { result } = await arena.trialOf(resultId);
      expect(result.verdict, `instruction ${k}`).to.equal("step");
      const gas = moves.reduce((sum, move) => sum + move.gas, 0);
      const dearest = moves.at(-1)?.gas ?? 0;
      expect(dearest).to.be.at.most(PROVE_CEILING);
      expect(gas).to.be.at.most(DISPUTE_CEILING);
      const { maxRSS } = process.resourceUsage();
      expect(maxRSS * 1024, "memory, bytes").to.be.at.most(MOST_MEMORY);
      const where = `instruction ${k} of ${model.program.instructions.length}`;
      console.log(
        `      ${where}: ${moves.length} moves, ${gas} gas, prove ${dearest}; ${Math.round(maxRSS / 1024)} MiB`,
      );
    });
  });
