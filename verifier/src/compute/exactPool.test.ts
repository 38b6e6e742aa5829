import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { splitBlob } from "../../../program/src/claim.ts";
import { runProgram } from "../../../program/src/fast/run.ts";
import { info, modelFile, node, tensor } from "../../../program/src/testing/onnx.ts";
import { toHex } from "../../../sdk/src/structs.ts";
import { codeOf } from "../../test/failure.ts";
import { productModel } from "../../test/models.ts";
import { killIfThere, workersOf } from "../../test/processes.ts";
import { exampleModel } from "../../test/world.ts";
import type { HonestRun } from "../play/evidence.ts";
import type { Facts } from "../play/facts.ts";
import { handleOf, type TraceHandle } from "../play/trace.ts";
import { describeModel, type ModelDescription } from "../releases/describe.ts";
import { summaryOf } from "../releases/summary.ts";
import { createBudget } from "./budget.ts";
import { exactOutput, exactTrace } from "./exact.ts";
import { createExactPool, type ExactPool } from "./exactPool.ts";

describe("exact pool", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-exact-"));
  const limits = { runMs: 20_000 };

  function stored(name: string, file: Uint8Array): { model: ModelDescription; path: string } {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, file);
    return { path, model: describeModel(file, {}) };
  }

  const digits = stored("digits", exampleModel("digits"));
  const cancer = stored("cancer", exampleModel("breast-cancer"));
  const digitsInput = Uint8Array.from({ length: 64 }, (_, i) => i % 17);
  const cancerInput = new Uint8Array(Float32Array.from({ length: 30 }, (_, i) => i).buffer);
  let pool: ExactPool;

  before(() => {
    pool = createExactPool({ size: 1 });
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  function honestRun({ model }: { model: ModelDescription }, input: Uint8Array): HonestRun {
    const { program, commitment } = model;
    return {
      program,
      commitment,
      inputs: splitBlob(program.inputs, input),
      trace: exactTrace(model, input),
    };
  }

  /** What the chain would say of a claim to the honest trace with another output. */
  function factsOf({ depth, root, top }: TraceHandle, output: Uint8Array): Facts {
    const from = { hash: toHex(root), tensor: false, height: depth, instruction: 0, index: 0 };
    const commit = { traceRoot: toHex(root), traceDepth: depth, top: toHex(top), at: 0 };
    return { output: toHex(output), tolerance: { atol: 0, rtol: 0 }, commit, reveals: [], from };
  }

  /** Both say the same of everything that a dispute may ask. */
  async function expectAlike(far: TraceHandle, near: TraceHandle, right: Uint8Array): Promise<void> {
    const { depth, root, top } = near;
    expect({ depth: far.depth, root: toHex(far.root), top: toHex(far.top) }).to.deep.equal({
      depth,
      root: toHex(root),
      top: toHex(top),
    });
    const node = { hash: toHex(root), instruction: 1, index: 0 };
    for (const at of [
      { ...node, tensor: false, height: depth },
      { ...node, tensor: true, height: 0 },
    ])
      expect(toHex(await far.reveal(at))).to.equal(toHex(await near.reveal(at)));
    for (const output of [right, right.map((byte, i) => (i === 3 ? byte ^ 1 : byte))]) {
      const [ours, theirs] = [
        await far.evidence(factsOf(far, output)),
        await near.evidence(factsOf(near, output)),
      ];
      expect(ours.kind).to.equal(output === right ? "none" : "proof");
      expect(structuredClone(ours)).to.deep.equal(structuredClone(theirs));
    }
  }

  it("answers as the interpreter does, whichever model comes next", async () => {
    const runs = [
      { of: digits, input: digitsInput },
      { of: cancer, input: cancerInput },
      { of: digits, input: digitsInput },
    ];
    const answers = await Promise.all(runs.map(({ of, input }) => pool.output(of, input, limits)));
    expect(answers).to.deep.equal(runs.map(({ of, input }) => exactOutput(of.model, input)));
  });

  it("answers as one thread does where several work", async () => {
    const { file, input } = productModel(48, 400, 301);
    const product = stored("product", file);
    const { program } = product.model;
    const [alone] = runProgram(program, [input]).outputs;
    for (let run = 0; run < 5; run++) expect(await pool.output(product, input, limits)).to.deep.equal(alone);
  });

  it("keeps traces where they are computed, and asks them", async () => {
    const far = await pool.openTrace(cancer, cancerInput, limits);
    await expectAlike(far, handleOf(honestRun(cancer, cancerInput)), exactOutput(cancer.model, cancerInput));
    far.close();
  });

  it("computes a trace anew that was evicted, or whose process was killed", async () => {
    const small = createExactPool({ size: 1, budget: createBudget(1) });
    const near = {
      digits: handleOf(honestRun(digits, digitsInput)),
      cancer: handleOf(honestRun(cancer, cancerInput)),
    };
    const far = await small.openTrace(digits, digitsInput, limits);
    const other = await small.openTrace(cancer, cancerInput, limits);
    const before = await workersOf(process.pid);
    await expectAlike(far, near.digits, exactOutput(digits.model, digitsInput));
    for (const pid of before) killIfThere(pid);
    await expectAlike(other, near.cancer, exactOutput(cancer.model, cancerInput));
    await expectAlike(far, near.digits, exactOutput(digits.model, digitsInput));
    await small.close();
  });

  it("summarises a file as this process does, and says why it refuses one", async () => {
    const path = join(folder, "described.onnx");
    writeFileSync(path, exampleModel("digits"));
    expect(await pool.describe(path, {})).to.deep.equal(summaryOf(digits.model));
    writeFileSync(path, exampleModel("digits").subarray(0, 5000));
    expect(await codeOf(pool.describe(path, {}))).to.equal("MODEL_REFUSED");
  });

  it("refuses a file that has become another one", async () => {
    const moved = stored("moved", exampleModel("digits"));
    writeFileSync(moved.path, exampleModel("breast-cancer"));
    const fresh = createExactPool({ size: 1 });
    expect(await codeOf(fresh.output(moved, digitsInput, limits))).to.equal("CONTENT_MISMATCH");
    await fresh.close();
  });

  it("lets what may take long hold up nothing but its like", async () => {
    // Sums that lie exactly between two floats, but for a digit far out.
    const [rows, depth] = [64, 4096];
    const column = [1, 2 ** -24, 2 ** -100];
    const weights = Array.from({ length: depth * rows }, (_, i) => column[Math.floor(i / rows)] ?? 0);
    const file = modelFile({
      nodes: [node("Expand", ["x", "shape"], ["wide"]), node("MatMul", ["wide", "w"], ["y"])],
      inputs: [info("x", "f32", [1, depth])],
      outputs: [info("y", "f32", [rows, rows])],
      constants: { w: tensor("f32", [depth, rows], weights), shape: tensor("i64", [2], [rows, depth]) },
    });
    const ties = stored("ties", file);
    const input = new Uint8Array(new Float32Array(depth).fill(1).buffer);
    const ended: string[] = [];
    const note = async (name: string, run: Promise<unknown>): Promise<void> => {
      await run;
      ended.push(name);
    };
    const patient = { ...limits, runMs: 120_000, patient: true };
    const long = [
      note("long", pool.output(ties, input, patient)),
      note("long", pool.openTrace(ties, input, patient)),
    ];
    const short = pool.openTrace(digits, digitsInput, limits).then((trace) => trace.close());
    await Promise.all([
      note("short", pool.output(digits, digitsInput, { ...limits, deadline: 9e9 })),
      note("short", short),
    ]);
    expect(ended).to.deep.equal(["short", "short"]);
    await Promise.all(long);
  });

  it("ends what takes too long and goes on", async () => {
    const { file, input } = productModel(512, 2048, 512);
    const slow = { path: join(folder, "slow.onnx"), model: digits.model };
    writeFileSync(slow.path, file);
    expect(await codeOf(pool.output(slow, input, { runMs: 1 }))).to.equal("INFERENCE_TIMED_OUT");
    expect(await pool.output(digits, digitsInput, limits)).to.deep.equal(
      exactOutput(digits.model, digitsInput),
    );
    const hasty = createExactPool({ size: 1, describeLimitMs: 1 });
    expect(await codeOf(hasty.describe(digits.path, {}))).to.equal("MODEL_REFUSED");
    await hasty.close();
  });
});
