/** How long a node's event loop is blocked while child processes work on a network of a real size. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "../program/src/testing/rng.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";
import { NETWORKS } from "../scripts/networks/index.ts";
import { createLogger } from "../verifier/src/log.ts";
import { createCompute } from "../verifier/src/compute/compute.ts";
import { fastOutput } from "../verifier/src/compute/screen.ts";
import { createFastPaths } from "../verifier/src/compute/selfCheck.ts";
import { firstWrongOutput } from "../verifier/src/judge/judge.ts";
import { releaseOf } from "../verifier/src/releases/release.ts";
import type { Figure } from "./figure.ts";
import { gapFigures, startGapMeter } from "./gaps.ts";

/** A request on chain carries at most 80000 bytes of input. */
const NETWORK = "mobilenetv2";
const PIXELS = 64;
const INFERENCES = 20;
const LIMITS = { runMs: 600_000 };
const EXACT = { contentUri: "", atol: 0, rtol: 0, royaltyBps: 0 };

/** Longest gaps in the event loop while a release is prepared, checked, screened, judged, and tried. */
export async function measureEventLoop({ pixels = PIXELS, inferences = INFERENCES } = {}): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "assay-loop-"));
  const path = join(folder, "network.onnx");
  writeFileSync(path, NETWORKS[NETWORK]?.({ pixels }) ?? "");
  const compute = createCompute();
  const figures: Figure[] = [];

  async function during<T>(what: string, run: () => Promise<T>): Promise<T> {
    const meter = startGapMeter();
    const result = await run();
    figures.push(...gapFigures(`eventLoop.${what}`, [meter.stop()]));
    return result;
  }

  try {
    const model = await during("prepare", () => compute.exact.describe(path, {}));
    const release = { releaseId: model.programRoot, release: releaseOf(model, 1n, EXACT), model, path };
    const input = new Uint8Array(Buffer.concat(randomFeeds(model.signature.inputs, seededRng(1)).data));
    const fastPaths = createFastPaths(compute, createLogger("silent", 2, false));
    await during("selfCheck", () => fastPaths.check(release));
    const fast = await during("infer", async () => {
      const runs = Array.from({ length: inferences }, () => fastOutput(compute.pool, release, input));
      return (await Promise.all(runs))[0] ?? new Uint8Array();
    });
    await during("judge", async () => {
      const right = await compute.exact.output(release, input, LIMITS);
      return firstWrongOutput(model, right, fast, release.release);
    });
    await during("trace", async () => {
      const trace = await compute.exact.openTrace(release, input, LIMITS);
      const root = { hash: model.programRoot, tensor: false, height: trace.depth, instruction: 0, index: 0 };
      await trace.reveal(root);
      trace.close();
    });
    return figures;
  } finally {
    await compute.close();
    rmSync(folder, { recursive: true });
  }
}
