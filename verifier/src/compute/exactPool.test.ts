import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runProgram } from "../../../program/src/fast/run.ts";
import { productOf } from "../../../program/src/testing/product.ts";
import { codeOf } from "../../test/failure.ts";
import { exampleModel } from "../../test/world.ts";
import { describeModel } from "../releases/describe.ts";
import { exactOutput, exactTrace } from "./exact.ts";
import { createExactPool, type ExactPool } from "./exactPool.ts";

describe("exact pool", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-exact-"));
  const digits = describeModel(exampleModel("digits"), {});
  const cancer = describeModel(exampleModel("breast-cancer"), {});
  const digitsInput = Uint8Array.from({ length: 64 }, (_, i) => i % 17);
  const cancerInput = new Uint8Array(Float32Array.from({ length: 30 }, (_, i) => i).buffer);
  const limits = { runMs: 20_000 };
  let pool: ExactPool;

  before(() => {
    pool = createExactPool({ size: 1 });
  });
  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  it("answers as the interpreter does, whichever model comes next", async () => {
    const runs = [
      { model: digits, input: digitsInput },
      { model: cancer, input: cancerInput },
      { model: digits, input: digitsInput },
    ];
    const answers = await Promise.all(runs.map(({ model, input }) => pool.output(model, input, limits)));
    expect(answers).to.deep.equal(runs.map(({ model, input }) => exactOutput(model, input)));
  });

  it("answers as one thread does where several work", async () => {
    const { program, input } = productOf(64, 512, 301);
    const [alone] = runProgram(program, [input]).outputs;
    for (let run = 0; run < 5; run++)
      expect(await pool.output({ program }, input, limits)).to.deep.equal(alone);
    expect((await pool.trace({ program }, input, limits)).tensors).to.deep.equal([alone]);
  });

  it("gives the whole trace", async () => {
    const [far, near] = [await pool.trace(cancer, cancerInput, limits), exactTrace(cancer, cancerInput)];
    expect(far.root()).to.deep.equal(near.root());
    expect(far.outputs).to.deep.equal(near.outputs);
    const last = near.tensors.length - 1;
    expect(far.tensorTree(last)).to.deep.equal(near.tensorTree(last));
    expect(far.tensors[last]).to.deep.equal(near.tensors[last]);
  });

  it("describes a file as this process does, and says why it refuses one", async () => {
    const path = join(folder, "digits.onnx");
    writeFileSync(path, exampleModel("digits"));
    expect(await pool.describe(path, {})).to.deep.equal(digits);
    writeFileSync(path, exampleModel("digits").subarray(0, 5000));
    expect(await codeOf(pool.describe(path, {}))).to.equal("MODEL_REFUSED");
  });

  it("ends what takes too long and goes on", async () => {
    const { program, input } = productOf(512, 2048, 512);
    expect(await codeOf(pool.output({ program }, input, { runMs: 1 }))).to.equal("INFERENCE_TIMED_OUT");
    expect(await pool.output(digits, digitsInput, limits)).to.deep.equal(exactOutput(digits, digitsInput));
    const hasty = createExactPool({ size: 1, describeLimitMs: 1 });
    expect(await codeOf(hasty.describe(join(folder, "digits.onnx"), {}))).to.equal("MODEL_REFUSED");
    await hasty.close();
  });
});
