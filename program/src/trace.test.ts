import { expect } from "chai";
import { commitProgram } from "./commit.ts";
import { Threads } from "./fast/threads.ts";
import { HashingWorker } from "./hashing.ts";
import { hashTree, tensorRoot, treeRoot } from "./merkle.ts";
import { runNaive } from "./naive/interpret.ts";
import { generateCase, KINDS } from "./testing/generate.ts";
import { seededRng } from "./testing/rng.ts";
import { computeTrace, traceRoot, traceRootInParallel } from "./trace.ts";

describe("trace", () => {
  const kind = KINDS.find(({ body, fold, dtype }) => body === "mul" && fold === "sum" && dtype === "f32");
  if (kind === undefined) throw new Error("no sum of products");
  const { program, inputs } = generateCase(seededRng(5), kind);

  it("commits to the tensors of the naive interpreter", () => {
    const tensors = runNaive(program, inputs);
    const expected = treeRoot(hashTree(tensors.map(tensorRoot)));
    const trace = computeTrace(program, inputs);
    expect(trace.tensors).to.deep.equal(tensors);
    expect(trace.root()).to.deep.equal(expected);
    expect(traceRoot(program, inputs).root).to.deep.equal(expected);
    for (const [k, data] of tensors.entries())
      expect(treeRoot(trace.tensorTree(k))).to.deep.equal(tensorRoot(data));
  });

  it("has the same roots and outputs when a worker hashes, run after run, whether or not runs fail between", async () => {
    const hashing = new HashingWorker();
    try {
      for (const threads of [undefined, new Threads(2)]) {
        const { root, outputs } = await traceRootInParallel(program, inputs, hashing, threads);
        expect(root).to.deep.equal(traceRoot(program, inputs).root);
        expect(outputs.map((o) => Buffer.from(o))).to.deep.equal(
          traceRoot(program, inputs).outputs.map((o) => Buffer.from(o)),
        );
        let failure: unknown;
        await traceRootInParallel(program, [], hashing).catch((error: unknown) => (failure = error));
        expect(failure).to.be.instanceOf(RangeError);
      }
    } finally {
      await hashing.close();
    }
  });

  it("has the depth of the instructions tree", () => {
    expect(computeTrace(program, inputs).traceTree().depth).to.equal(
      commitProgram(program).instructions.depth,
    );
  });

  it("knows no tensors past the last instruction", () => {
    const trace = computeTrace(program, inputs);
    expect(() => trace.tensorTree(program.instructions.length)).to.throw(RangeError);
  });
});
