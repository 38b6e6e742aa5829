/**
 * How fast answers are screened against bare onnxruntime: a model of about five milliseconds, two workers, side by side. Screening
 * takes input bytes to a child process, runs the model, and compares the output with the published bytes by the referee's
 * predicate. Bare: two processes that run the same model in a loop and do nothing else. They take turns of seconds, so that
 * whatever else the machine does meets both alike.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { seededRng } from "../program/src/testing/rng.ts";
import { Writer } from "../scripts/networks/writer.ts";
import { ZERO_HASH } from "../sdk/src/structs.ts";
import { createCompute } from "../verifier/src/compute/compute.ts";
import { NODE_SETTINGS } from "../verifier/src/compute/protocol.ts";
import { fastOutput } from "../verifier/src/compute/screen.ts";
import { firstWrongOutput } from "../verifier/src/judge/judge.ts";
import type { ModelSummary } from "../verifier/src/releases/summary.ts";
import type { Figure } from "./figure.ts";
import { gapFigures, startGapMeter, type Gap } from "./gaps.ts";

const TARGET_MS = 5;
const WORKERS = 2;
const TURN_MS = 3000;
const TURNS = 5;
/** Screenings that are asked for at a time: a node has as many answers to check as there are. */
const AT_A_TIME = 32;
/** Of what the model reads and gives: 4 KiB of features, 1000 numbers. */
const [FEATURES, NUMBERS] = [1024, 1000];
const [ROWS, WIDTH] = [8, 512];

/** Products and rectifiers in turn, mostly of the same weights. */
function model(layers: number): Uint8Array {
  const w = new Writer(1);
  const product = (
    x: string,
    from: number,
    to: number,
    matrix = w.weights([from, to], Math.sqrt(2 / from)),
  ) => w.op("MatMul", [x, matrix]);
  const middle = w.weights([WIDTH, WIDTH], Math.sqrt(2 / WIDTH));
  let x = w.op("Reshape", ["x", w.list("i64", [ROWS, FEATURES / ROWS])]);
  x = w.op("Relu", [product(x, FEATURES / ROWS, WIDTH)]);
  for (let layer = 0; layer < layers; layer++) x = w.op("Relu", [product(x, WIDTH, WIDTH, middle)]);
  const out = product(x, WIDTH, NUMBERS / ROWS);
  w.show(w.op("Reshape", [out, w.list("i64", [1, NUMBERS])]), "y");
  return w.file(
    [{ name: "x", dtype: "f32", shape: [1, FEATURES] }],
    [{ name: "y", dtype: "f32", shape: [1, NUMBERS] }],
  );
}

function input(): Float32Array {
  const rng = seededRng(1);
  return Float32Array.from({ length: FEATURES }, () => rng.int(-1000, 1000) / 1000);
}

/** Least milliseconds of a run in this process: what it takes if nothing else runs. */
async function timeOf(file: Uint8Array): Promise<number> {
  const session = await InferenceSession.create(file, {
    ...{ graphOptimizationLevel: NODE_SETTINGS.optimisation, intraOpNumThreads: NODE_SETTINGS.threads },
    ...{ interOpNumThreads: 1, logSeverityLevel: 4 },
  });
  const feeds = { x: new Tensor("float32", input(), [1, FEATURES]) };
  const times: number[] = [];
  for (let run = 0; run < 40; run++) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  await session.release();
  return Math.min(...times);
}

async function calibrated(): Promise<{ readonly file: Uint8Array; readonly ms: number }> {
  const sample = 20;
  const layers = Math.max(1, Math.round((sample * TARGET_MS) / (await timeOf(model(sample)))));
  const file = model(layers);
  return { file, ms: await timeOf(file) };
}

/** Processes that do nothing but run the model. */
async function bareProcesses(path: string): Promise<{
  /** @returns runs in that time. */
  runFor(ms: number): Promise<number>;
  close(): void;
}> {
  const children = await Promise.all(
    Array.from({ length: WORKERS }, async (): Promise<ChildProcess> => {
      const child = fork(new URL("./screening.worker.ts", import.meta.url), [path], { execArgv: [] });
      await once(child, "message");
      return child;
    }),
  );
  return {
    async runFor(ms) {
      const counts = children.map(async (child) => {
        child.send(ms);
        const [count] = (await once(child, "message")) as [number];
        return count;
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    close() {
      for (const child of children) child.kill();
    },
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Throughput of both, the share of bare onnxruntime's that screening reaches, and the longest gap in the event loop meanwhile. */
export async function measureScreening({ turns = TURNS, turnMs = TURN_MS } = {}): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "assay-screening-"));
  const path = join(folder, "model.onnx");
  const { file, ms } = await calibrated();
  writeFileSync(path, file);
  const compute = createCompute({ workers: WORKERS });
  const bare = await bareProcesses(path);
  const blob = new Uint8Array(input().buffer);
  const tolerance = { atol: 0, rtol: 0 };
  const release = { model: await compute.exact.describe(path, {}), path, releaseId: ZERO_HASH };

  async function screen(model: ModelSummary, published: Uint8Array): Promise<void> {
    const fast = await fastOutput(compute.pool, release, blob);
    if (firstWrongOutput(model, fast, published, tolerance) !== undefined)
      throw new Error("onnxruntime contradicts itself");
  }

  try {
    const published = await fastOutput(compute.pool, release, blob);
    const screenFor = async (duration: number): Promise<number> => {
      const end = performance.now() + duration;
      let count = 0;
      const lane = async (): Promise<void> => {
        while (performance.now() < end) {
          await screen(release.model, published);
          if (performance.now() <= end) count++;
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, lane));
      return count;
    };
    await screenFor(turnMs);
    await bare.runFor(turnMs);
    const rounds: { ours: number; theirs: number }[] = [];
    const gaps: Gap[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const meter = startGapMeter();
      const ours = (await screenFor(turnMs)) / (turnMs / 1000);
      gaps.push(meter.stop());
      rounds.push({ ours, theirs: (await bare.runFor(turnMs)) / (turnMs / 1000) });
    }
    const share = median(rounds.map(({ ours, theirs }) => ours / theirs));
    const name = (what: string): string => `screening.${what}`;
    return [
      { name: name("inference"), value: ms, unit: "ms" },
      { name: name("bare"), value: median(rounds.map(({ theirs }) => theirs)), unit: "inferences/s" },
      { name: name("screened"), value: median(rounds.map(({ ours }) => ours)), unit: "answers/s" },
      { name: name("share"), value: share, unit: "of bare onnxruntime" },
      ...gapFigures(name("eventLoop"), gaps),
    ];
  } finally {
    bare.close();
    await compute.close();
    rmSync(folder, { recursive: true });
  }
}
