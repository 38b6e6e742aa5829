import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { info, modelFile, node, tensor } from "../../../program/src/testing/onnx.ts";
import { codeOf } from "../../test/failure.ts";
import { tinyModel } from "../../test/models.ts";
import { createPool, type InferenceJob, type InferencePool } from "./pool.ts";

function int32(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

function float32Bits(...bits: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(bits).buffer);
}

describe("inference pool", () => {
  const folder = mkdtempSync(join(tmpdir(), "assay-pool-"));
  const i32 = (name: string) => ({ name, dtype: "i32", shape: [1] }) as const;
  const f32 = (name: string) => ({ name, dtype: "f32", shape: [3] }) as const;
  const divide = join(folder, "divide.onnx");
  const negate = join(folder, "negate.onnx");
  let pool: InferencePool;

  before(() => {
    const div = { op: "Div", inputs: ["a", "b"], output: "q" };
    writeFileSync(divide, tinyModel([div], [i32("a"), i32("b")], [i32("q")]));
    writeFileSync(negate, tinyModel([{ op: "Neg", inputs: ["a"], output: "b" }], [f32("a")], [f32("b")]));
    pool = createPool({ size: 2, timeLimitMs: 10_000 });
  });

  after(async () => {
    await pool.close();
    rmSync(folder, { recursive: true });
  });

  const division = (a: number, b: number): InferenceJob => ({
    model: divide,
    inputs: [i32("a"), i32("b")],
    outputs: [i32("q")],
    data: [int32(a), int32(b)],
  });

  it("answers many jobs in the order of their callers", async () => {
    const jobs = Array.from({ length: 20 }, (_, i) => pool.run(division(i * 7, 7)));
    const answers = await Promise.all(jobs);
    expect(answers.map(([q]) => q?.[0])).to.deep.equal(Array.from({ length: 20 }, (_, i) => i));
  });

  it("outlives an input that kills onnxruntime, and reports it", async () => {
    const killer = pool.run(division(-(2 ** 31), -1));
    const innocent = pool.run(division(12, 4));
    expect(await codeOf(killer)).to.equal("INFERENCE_FAILED");
    expect(await innocent).to.deep.equal([int32(3)]);
    expect(await pool.run(division(9, 3))).to.deep.equal([int32(3)]);
  });

  it("canonicalises what it feeds and what it returns", async () => {
    const job = { model: negate, inputs: [f32("a")], outputs: [f32("b")] };
    const outputs = await pool.run({ ...job, data: [float32Bits(0x80000000, 0x7f800001, 0x00000000)] });
    expect(outputs).to.deep.equal([float32Bits(0, 0x7fc00000, 0)]);
  });

  it("feeds and reads float16, with any optimisations and threads", async () => {
    const spec = (name: string) => ({ name, dtype: "f16", shape: [2] }) as const;
    const half = join(folder, "half.onnx");
    const graph = { nodes: [node("Neg", ["a"], ["b"])], inputs: [info("a", "f16", [2])] };
    writeFileSync(half, modelFile({ ...graph, outputs: [info("b", "f16", [2])] }));
    const data = [tensor("f16", [2], [1.5, -3]).data];
    for (const settings of [undefined, { optimisation: "disabled", threads: 2 } as const]) {
      const job = { model: half, inputs: [spec("a")], outputs: [spec("b")], data };
      const outputs = await pool.run({ ...job, ...(settings === undefined ? {} : { settings }) });
      expect(outputs).to.deep.equal([tensor("f16", [2], [-1.5, 3]).data]);
    }
  });

  it("refuses a job whose bytes do not fit, and a file that is no model", async () => {
    expect(await codeOf(pool.run({ ...division(1, 1), data: [int32(1)] }))).to.equal("INFERENCE_FAILED");
    expect(await codeOf(pool.run({ ...division(1, 1), model: join(folder, "none.onnx") }))).to.equal(
      "INFERENCE_FAILED",
    );
  });

  it("ends a job that takes too long and goes on", async () => {
    const hasty = createPool({ size: 1, timeLimitMs: 10_000, loadLimitMs: 1 });
    expect(await codeOf(hasty.run(division(1, 1)))).to.equal("INFERENCE_TIMED_OUT");
    await hasty.close();
    expect(await codeOf(hasty.run(division(1, 1)))).to.equal("CLOSED");
  });
});
