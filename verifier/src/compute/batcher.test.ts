import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  info,
  ints,
  modelFile,
  node,
  random,
  randomTensor,
  scalar,
  tensor,
} from "../../../program/src/testing/onnx.ts";
import { codeOf } from "../../test/failure.ts";
import { testLog } from "../../test/world.ts";
import { describeModel, type ModelDescription } from "../releases/describe.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { releaseOf } from "../releases/release.ts";
import { createBatcher } from "./batcher.ts";
import { createBatches } from "./batches.ts";
import { exactOutput } from "./exact.ts";
import { createExactPool, type ExactPool } from "./exactPool.ts";
import { createPool, type InferencePool } from "./pool.ts";
import { fastOutputs } from "./screen.ts";

type Prepared = PreparedRelease & { readonly model: ModelDescription };

const EXACT = { contentUri: "", atol: 0, rtol: 0, royaltyBps: 0 };
const next = random(3);

const CONVOLUTION = modelFile({
  nodes: [
    node("QLinearConv", ["x", "s", "z", "w", "s", "z", "t", "z"], ["c"], { pads: [1, 1, 1, 1] }),
    node("MaxPool", ["c"], ["p"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Flatten", ["p"], ["y"]),
  ],
  inputs: [info("x", "u8", ["N", 3, 8, 8])],
  outputs: [info("y", "u8", ["N", 64])],
  constants: {
    ...{ s: scalar("f32", 0.02), t: scalar("f32", 0.5), z: scalar("u8", 128) },
    w: randomTensor(next, "u8", [4, 3, 3, 3], 0, 255),
  },
});

/** Two inputs; an index of 4 or more is refused. */
const LOOKUP = modelFile({
  nodes: [node("Gather", ["table", "i"], ["e"]), node("Add", ["e", "b"], ["y"])],
  inputs: [info("i", "i64", ["N"]), info("b", "i32", ["N", 2])],
  outputs: [info("y", "i32")],
  constants: { table: tensor("i32", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]) },
});
const lookup = (index: number, ...b: number[]): Uint8Array =>
  new Uint8Array(Buffer.concat([ints(index).data, tensor("i32", [2], b).data]));

/** The least integer divided by -1 kills its process. (That of Div does so alone, but not beside others.) */
const REMAINDER = modelFile({
  nodes: [node("Mod", ["a", "b"], ["y"])],
  inputs: [info("a", "i32", ["N"]), info("b", "i32", ["N"])],
  outputs: [info("y", "i32")],
});
const remainder = (a: number, b: number): Uint8Array => tensor("i32", [2], [a, b]).data;

describe("shared runs", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-batches-"));
  let pool: InferencePool;
  let exact: ExactPool;
  /** Rows of each run that the pool was asked for. */
  let runs: number[];

  before(() => {
    const real = createPool({ size: 1, timeLimitMs: 10_000 });
    pool = {
      ...real,
      run(job) {
        runs.push(job.rows ?? 1);
        return real.run(job);
      },
    };
    exact = createExactPool({ size: 1 });
  });
  beforeEach(() => (runs = []));
  after(async () => {
    await Promise.all([pool.close(), exact.close()]);
    rmSync(folder, { recursive: true });
  });

  function prepared(name: string, file: Uint8Array): Prepared {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, file);
    const model = describeModel(file, { N: 1 });
    return { releaseId: model.programRoot, release: releaseOf(model, 1n, EXACT), model, path };
  }

  const convolution = prepared("convolution", CONVOLUTION);
  const lookups = prepared("lookups", LOOKUP);
  const remainders = prepared("remainders", REMAINDER);
  const images = Array.from({ length: 20 }, () => randomTensor(next, "u8", [192], 0, 255).data);

  const rights = ({ model }: Prepared, inputs: readonly Uint8Array[]): Uint8Array[] =>
    inputs.map((input) => exactOutput(model, input));
  const batcher = (sizes: readonly number[] = [2, 4, 8]) =>
    createBatcher({ pool, runs: 1, sizesOf: () => sizes });

  it("give the bytes of single runs, of several inputs and outputs", async () => {
    expect(await fastOutputs(pool, convolution, images.slice(0, 8))).to.deep.equal(
      rights(convolution, images.slice(0, 8)),
    );
    const inputs = [lookup(3, 10, 20), lookup(0, -1, -2), lookup(2, 5, 5), lookup(1, 0, 0)];
    expect(await fastOutputs(pool, lookups, inputs)).to.deep.equal(rights(lookups, inputs));
  });

  it("are proved of the program, compared on this machine, and only then used", async () => {
    const batches = createBatches({ pool, exact }, testLog);
    expect(batches.sizesOf(convolution)).to.deep.equal([]);
    expect(await batches.check(convolution)).to.deep.equal([2, 4, 8]);
    expect(batches.sizesOf(convolution)).to.deep.equal([2, 4, 8]);
    expect(new Set(runs)).to.deep.equal(new Set([1, 2, 4, 8]));
  });

  it("are not used if onnxruntime computes inputs otherwise together", async () => {
    const nodes = [node("ReduceMax", ["x"], ["m"], { axes: [0] }), node("Max", ["x", "m"], ["y"])];
    const file = modelFile({
      nodes,
      inputs: [info("x", "i32", ["N", 2])],
      outputs: [info("y", "i32")],
    });
    const mixing = prepared("mixing", file);
    expect(await exact.batches(mixing)).to.deep.equal([]);
    const wrong = { ...exact, batches: () => Promise.resolve([2]) };
    expect(await createBatches({ pool, exact: wrong }, testLog).check(mixing)).to.deep.equal([]);
    expect(runs).to.include(2);
  });

  it("are made of what comes while the processes are busy", async () => {
    const shared = batcher();
    const outputs = await Promise.all(images.map((image) => shared.output(convolution, image)));
    expect(outputs).to.deep.equal(rights(convolution, images));
    expect(runs).to.deep.equal([1, 8, 8, 2, 1]);
  });

  it("are not made where none are known, nor where nobody waits", async () => {
    let asked = 0;
    const sizesOf = (): readonly number[] => [2, 4, 8].slice(asked++);
    const shared = createBatcher({ pool, runs: 1, sizesOf });
    for (const image of images.slice(0, 3)) await shared.output(convolution, image);
    // Nor found out.
    expect({ runs, asked }).to.deep.equal({ runs: [1, 1, 1], asked: 0 });
    await Promise.all(images.map((image) => batcher([]).output(convolution, image)));
    expect(new Set(runs)).to.deep.equal(new Set([1]));
  });

  it("take the most urgent input first, and others of its release", async () => {
    const shared = batcher();
    const done: string[] = [];
    const ask = async (name: string, deadline: number): Promise<void> => {
      const [release, input = new Uint8Array()] =
        name === "image" ? [convolution, images[0]] : [lookups, lookup(1, 0, 0)];
      await shared.output(release, input, deadline);
      done.push(name);
    };
    await Promise.all([
      ask("image", 9),
      ask("image", 5),
      ask("lookup", 4),
      ask("image", 7),
      ask("lookup", 8),
    ]);
    expect(done).to.deep.equal(["image", "lookup", "lookup", "image", "image"]);
    expect(runs).to.deep.equal([1, 2, 2]);
  });

  it("fail nobody but the input that onnxruntime refuses", async () => {
    const shared = batcher();
    const inputs = [0, 1, 2, 4, 3].map((index) => lookup(index, 7, 8));
    const codes = inputs.map((input) => codeOf(shared.output(lookups, input)));
    expect(await Promise.all(codes)).to.deep.equal(["none", "none", "none", "INFERENCE_FAILED", "none"]);
    expect(runs).to.deep.equal([1, 4, 1, 1, 1, 1]);
    const good = [3, 2, 1].map((index) => lookup(index, 7, 8));
    const outputs = await Promise.all(good.map((input) => shared.output(lookups, input)));
    expect(outputs).to.deep.equal(rights(lookups, good));
    expect(runs.slice(6)).to.include(2);
  });

  it("fail nobody but the input that kills, and are not made of its release for a while", async () => {
    const shared = batcher();
    const inputs = [
      remainder(8, 2),
      remainder(9, 3),
      remainder(-(2 ** 31), -1),
      remainder(7, 7),
      remainder(6, 2),
    ];
    const codes = inputs.map((input) => codeOf(shared.output(remainders, input)));
    expect(await Promise.all(codes)).to.deep.equal(["none", "none", "INFERENCE_FAILED", "none", "none"]);
    expect(runs).to.deep.equal([1, 4, 1, 1, 1, 1]);
    // One process for the shared run, and two for the input by itself.
    expect(pool.stats().deaths.get("crash")).to.equal(3);
    const good = [remainder(8, 4), remainder(9, 9), remainder(4, 2)];
    const outputs = await Promise.all(good.map((input) => shared.output(remainders, input)));
    expect(outputs).to.deep.equal(rights(remainders, good));
    expect(runs.slice(6)).to.deep.equal([1, 1, 1]);
  });

  it("end with the pool", async () => {
    const closing = createPool({ size: 1, timeLimitMs: 10_000 });
    const shared = createBatcher({ pool: closing, runs: 1, sizesOf: () => [2] });
    const codes = images.slice(0, 3).map((image) => codeOf(shared.output(convolution, image)));
    await closing.close();
    expect(await Promise.all(codes)).to.deep.equal(["CLOSED", "CLOSED", "CLOSED"]);
  });
});
