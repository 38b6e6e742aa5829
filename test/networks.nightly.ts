/**
 * Networks of real sizes: each is lowered, committed, run and compared with onnxruntime; lies about it are overturned on a chain,
 * and an element of every instruction is judged.
 */
import { expect } from "chai";
import { InferenceSession } from "../program/src/onnx/onnxruntime.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";
import { NETWORKS } from "../scripts/networks/index.ts";
import type { HonestRun } from "../verifier/src/play/evidence.ts";
import { openArena, type Arena } from "./support/arena.ts";
import { openCourt } from "./support/court.ts";
import { byDisputeGas, measureDispute } from "./support/disputes.ts";
import { expectSnapshot } from "./support/snapshot.ts";
import { measureSteps } from "./support/steps.ts";
import { isOfImages, QUICK, runNetwork } from "./support/subject.ts";

const MOST_MEMORY = 8 * 2 ** 30;
const CEILINGS = { median: 2_000_000, worst: 15_000_000 } as const;
/** Block times are the clock's, and so is the number of zero bytes in calldata. */
const SNAPSHOT_SHARE = 0.01;

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
    let file: Uint8Array | undefined;
    let arena: Arena | undefined;
    let run: HonestRun | undefined;
    const rng = seededRng(name.length);

    after(() => {
      // Gigabytes.
      file = arena = run = undefined;
    });

    it("is lowered and agrees with onnxruntime", async () => {
      file = make({ pixels: 64 });
      arena = await openArena({ file });
      const { signature } = arena.model;
      const { tensors, data } = randomFeeds(signature.inputs, seededRng(name.length));
      run = arena.runOf(new Uint8Array(Buffer.concat(data)));
      const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
      const results = await session.run(tensors);
      await session.release();
      const theirs = results[signature.outputs[0]?.name ?? ""]?.data;
      const ours = run.trace.outputs[0] ?? new Uint8Array();
      if (!(theirs instanceof Float32Array)) return;
      const values = new Float32Array(ours.slice().buffer);
      const scale = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const most = deviationOf(name);
      theirs.forEach((value, i) => {
        const difference = Math.abs((values[i] ?? NaN) - value) / scale;
        expect(difference, `output ${i}`).to.be.at.most(most);
      });
    });

    it("lies about it are overturned, at the committed gas", async () => {
      if (arena === undefined || run === undefined) throw new Error("it has not been run");
      const order = byDisputeGas(run.program);
      const median = await measureDispute(arena, run, order[Math.floor(order.length / 2)] ?? 0, rng);
      const worst = await measureDispute(arena, run, order.at(-1) ?? 0, rng);
      const random = await measureDispute(arena, run, rng.int(0, order.length - 1), rng);
      expect(median.gas).to.be.at.most(CEILINGS.median);
      for (const { gas } of [median, worst, random]) expect(gas).to.be.at.most(CEILINGS.worst);
      const figures = { median: median.figures, worst: worst.figures };
      expectSnapshot(`networks/${name}.disputes`, figures, SNAPSHOT_SHARE);
    });

    if (!QUICK.includes(name))
      it("every instruction is judged right, at the committed gas", async () => {
        const court = await openCourt();
        if (isOfImages(name) || run === undefined) run = runNetwork(name);
        expectSnapshot(`networks/${name}.steps`, await measureSteps(run, court));
        await court.close();
      });

    it("takes no more memory than there may be", () => {
      const { maxRSS } = process.resourceUsage();
      expect(maxRSS * 1024, "memory, bytes").to.be.at.most(MOST_MEMORY);
      console.log(`      ${Math.round(maxRSS / 1024)} MiB`);
    });
  });
