/** What hostile models and inputs do to the processes that run onnxruntime, and what the others notice of it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import {
  graphProto,
  info,
  modelFile,
  node,
  scalar,
  tensor,
  type Graph,
} from "../../../program/src/testing/onnx.ts";
import { codeOf } from "../../test/failure.ts";
import { killIfThere, workersOf } from "../../test/processes.ts";
import { createBudget } from "./budget.ts";
import { createPool, type InferenceJob, type InferencePool } from "./pool.ts";

const MIB = 2 ** 20;
const f32 = (name: string) => ({ name, dtype: "f32", shape: [1] }) as const;
const i32 = (name: string) => ({ name, dtype: "i32", shape: [1] }) as const;
const x = info("x", "f32", [1]);
const y = info("y", "f32", [1]);

/** Adds 1 a billion times. */
const LOOP: Graph = {
  nodes: [
    node("Loop", ["n", "", "x"], ["y"], {
      body: graphProto({
        nodes: [node("Add", ["in", "in"], ["out"]), node("Identity", ["go"], ["on"])],
        inputs: [info("i", "i64", []), info("go", "bool", []), info("in", "f32", [1])],
        outputs: [info("on", "bool", []), info("out", "f32", [1])],
      }),
    }),
  ],
  inputs: [x],
  outputs: [y],
  constants: { n: scalar("i64", 2 ** 40) },
};

/** Gigabytes, again and again. */
const BOMB: Graph = {
  nodes: [
    node("Expand", ["x", "shape"], ["wide"]),
    ...Array.from({ length: 20 }, (_, i) => node("Exp", [i === 0 ? "wide" : `e${i}`], [`e${i + 1}`])),
    node("ReduceMax", ["e20"], ["y"], { keepdims: 0 }),
  ],
  inputs: [x],
  outputs: [info("y", "f32", [])],
  constants: { shape: tensor("i64", [1], [2 ** 28]) },
};

const DIVISION: Graph = {
  nodes: [node("Div", ["a", "b"], ["q"])],
  inputs: [info("a", "i32", [1]), info("b", "i32", [1])],
  outputs: [info("q", "i32", [1])],
};

describe("hostile models", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-hostile-"));
  const pools: InferencePool[] = [];

  function open(options: Partial<Parameters<typeof createPool>[0]>): InferencePool {
    const pool = createPool({ size: 2, timeLimitMs: 60_000, ...options });
    pools.push(pool);
    return pool;
  }

  function stored(name: string, graph: Graph): string {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, modelFile(graph));
    return path;
  }

  const floats = (model: string, value: number): InferenceJob => ({
    model,
    inputs: [f32("x")],
    outputs: [f32("y")],
    data: [new Uint8Array(Float32Array.of(value).buffer)],
  });

  /** x + k. */
  function adder(k: number): string {
    const nodes = [node("Add", ["x", "k"], ["y"])];
    return stored(`add${k}`, { nodes, inputs: [x], outputs: [y], constants: { k: tensor("f32", [1], [k]) } });
  }

  function number(outputs: readonly Uint8Array[]): number | undefined {
    return new Float32Array((outputs[0] ?? new Uint8Array(4)).slice().buffer)[0];
  }

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close()));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("that never end are ended, and hold nobody up", async () => {
    const pool = open({ timeLimitMs: 3000 });
    const add = adder(1);
    await pool.run(floats(add, 0));
    const endless = pool.run(floats(stored("loop", LOOP), 0));
    const others = Array.from({ length: 50 }, async (_, i) => number(await pool.run(floats(add, i))));
    expect(await Promise.all(others)).to.deep.equal(others.map((_, i) => i + 1));
    expect(await codeOf(endless)).to.equal("INFERENCE_TIMED_OUT");
  });

  it("that take all memory are ended, and hold nobody up", async () => {
    const pool = open({ memoryBytes: 400 * MIB });
    const add = adder(1);
    const bomb = pool.run({ ...floats(stored("bomb", BOMB), 0), outputs: [{ ...f32("y"), shape: [] }] });
    const others = Array.from({ length: 50 }, async (_, i) => number(await pool.run(floats(add, i))));
    expect(await Promise.all(others)).to.deep.equal(others.map((_, i) => i + 1));
    expect(await codeOf(bomb)).to.equal("INFERENCE_OUT_OF_MEMORY");
  });

  it("take none of the short jobs along that travel with them", async () => {
    const pool = open({});
    const model = stored("division", DIVISION);
    const [inputs, outputs] = [[i32("a"), i32("b")], [i32("q")]];
    const divide = async (a: number, b: number): Promise<number | string | undefined> => {
      const data = [a, b].map((value) => new Uint8Array(Int32Array.of(value).buffer));
      const job = pool.run({ model, inputs, outputs, data });
      const code = await codeOf(job);
      return code === "none" ? (await job)[0]?.[0] : code;
    };
    // How short they are must be known before they travel together.
    for (let i = 0; i < 4; i++) await Promise.all([divide(6, 3), divide(6, 3)]);
    const jobs = Array.from({ length: 120 }, (_, i) =>
      i % 40 === 17 ? divide(-(2 ** 31), -1) : divide(i, 1),
    );
    const expected = jobs.map((_, i) => (i % 40 === 17 ? "INFERENCE_FAILED" : i));
    expect(await Promise.all(jobs)).to.deep.equal(expected);
  });

  it("in numbers, under a small budget, are all answered", async () => {
    const budget = createBudget(1);
    const pool = open({ budget });
    const adders = Array.from({ length: 12 }, (_, k) => adder(k));
    const jobs = Array.from({ length: 120 }, async (_, i) =>
      number(await pool.run(floats(adders[i % 12] ?? "", i))),
    );
    expect(await Promise.all(jobs)).to.deep.equal(jobs.map((_, i) => i + (i % 12)));
    expect(budget.held()).to.be.at.most(1);
  });

  it("are answered although their processes are killed again and again", async () => {
    const pool = open({ retries: 100 });
    const add = adder(1);
    let done = 0;
    const jobs = Array.from({ length: 300 }, async (_, i) => {
      const sum = number(await pool.run(floats(add, i)));
      done++;
      return sum;
    });
    let kills = 0;
    for (let next = 0; done < 300; await sleep(1)) {
      if (done < next) continue;
      // However slow the machine is, something is done between two kills.
      next = done + 20;
      for (const pid of (await workersOf(process.pid)).slice(0, 1)) killIfThere(pid);
      kills++;
    }
    expect(await Promise.all(jobs)).to.deep.equal(jobs.map((_, i) => i + 1));
    expect(kills).to.be.at.least(2);
  });
});
