/**
 * How fast answers are screened against bare onnxruntime: a model of about five milliseconds, two workers, side by side. Screening
 * takes input bytes to a child process, runs the model, and compares the output with the published bytes by the referee's
 * predicate. Bare: two processes that run the same model in a loop and do nothing else. They take turns of seconds, so that
 * whatever else the machine does meets both alike.
 */
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatcher, RUNS, type Batcher } from "../verifier/src/compute/batcher.ts";
import { createBatches } from "../verifier/src/compute/batches.ts";
import { createCompute } from "../verifier/src/compute/compute.ts";
import { fastOutput } from "../verifier/src/compute/screen.ts";
import { PLACES_PER_WORKER } from "../verifier/src/duties.ts";
import { firstWrongOutput } from "../verifier/src/judge/judge.ts";
import { JUDGE_PLACES } from "../verifier/src/roles/judgement.ts";
import { testLog } from "../verifier/test/world.ts";
import { said } from "./child.ts";
import type { Figure } from "./figure.ts";
import { gapFigures, startGapMeter, type Gap } from "./gaps.ts";
import { BINDINGS, calibrated, input, median, preparedFrom } from "./model.ts";

const WORKERS = 2;
const TURN_MS = 3000;
const TURNS = 10;

/** Processes that do nothing but run the model. */
async function bareProcesses(path: string): Promise<{
  /** @returns runs a second, of all together. */
  runFor(ms: number): Promise<number>;
  close(): void;
}> {
  const children = await Promise.all(
    Array.from({ length: WORKERS }, async (): Promise<ChildProcess> => {
      const child = fork(new URL("./screening.worker.ts", import.meta.url), [path], { execArgv: [] });
      await said(child);
      return child;
    }),
  );
  return {
    async runFor(ms) {
      const counts = children.map(async (child) => {
        child.send(ms);
        return said<number>(child);
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    close() {
      for (const child of children) child.kill();
    },
  };
}

/**
 * Throughput of both, the share of bare onnxruntime's that screening reaches (with runs that answers share, as a node screens, and
 * without), and the longest gap in the event loop meanwhile.
 */
export async function measureScreening({ turns = TURNS, turnMs = TURN_MS } = {}): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "assay-screening-"));
  const path = join(folder, "model.onnx");
  const { file, ms } = await calibrated();
  writeFileSync(path, file);
  const compute = createCompute({ workers: WORKERS });
  const { pool } = compute;
  const bare = await bareProcesses(path);
  const blob = new Uint8Array(input().buffer);
  const release = preparedFrom(await compute.exact.describe(path, BINDINGS), path);
  const sizes = await createBatches(compute, testLog).check(release);
  const alone = createBatcher({ pool, runs: RUNS * WORKERS, sizesOf: () => [] });
  const shared = createBatcher({ pool, runs: RUNS * WORKERS, sizesOf: () => sizes });

  try {
    const published = await fastOutput(pool, release, blob);
    /** Answers a second, until nothing is on its way any more. */
    const screenFor = async (duration: number, batcher: Batcher): Promise<number> => {
      const start = performance.now();
      let count = 0;
      const lane = async (): Promise<void> => {
        for (; performance.now() < start + duration; count++) {
          const fast = await batcher.output(release, blob);
          if (firstWrongOutput(release.model, fast, published, release.release) !== undefined)
            throw new Error("onnxruntime contradicts itself");
        }
      };
      await Promise.all(Array.from({ length: (PLACES_PER_WORKER / JUDGE_PLACES) * WORKERS }, lane));
      return (1000 * count) / (performance.now() - start);
    };
    await screenFor(turnMs, shared);
    await bare.runFor(turnMs);
    const rounds: { shared: number; alone: number; theirs: number }[] = [];
    const gaps: Gap[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const theirs = await bare.runFor(turnMs);
      rounds.push({ theirs, shared: await screenFor(turnMs, shared), alone: await screenFor(turnMs, alone) });
    }
    // The meter's own timers take their share, so it has turns of its own.
    for (let turn = 0; turn < turns / 2; turn++) {
      const meter = startGapMeter();
      await screenFor(turnMs, shared);
      gaps.push(meter.stop());
    }
    const middle = (of: (round: (typeof rounds)[number]) => number): number => median(rounds.map(of));
    const name = (what: string): string => `screening.${what}`;
    const unit = "of bare onnxruntime";
    return [
      { name: name("inference"), value: ms, unit: "ms" },
      { name: name("bare"), value: middle((round) => round.theirs), unit: "inferences/s" },
      { name: name("screened"), value: middle((round) => round.shared), unit: "answers/s" },
      { name: name("share"), value: middle((round) => round.shared / round.theirs), unit },
      { name: name("alone.share"), value: middle((round) => round.alone / round.theirs), unit },
      ...gapFigures(name("eventLoop"), gaps),
    ];
  } finally {
    bare.close();
    await compute.close();
    rmSync(folder, { recursive: true });
  }
}
