/** A model that takes onnxruntime about five milliseconds on one thread. */
import { InferenceSession, Tensor } from "../program/src/onnx/onnxruntime.ts";
import { releaseIdOf } from "../sdk/src/ids.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { Writer } from "../scripts/networks/writer.ts";
import { NODE_SETTINGS } from "../verifier/src/compute/protocol.ts";
import type { PreparedRelease } from "../verifier/src/releases/prepare.ts";
import { releaseOf } from "../verifier/src/releases/release.ts";

const TARGET_MS = 5;
/** Of what the model reads and gives: 4 KiB of features, 1000 numbers. */
const [FEATURES, NUMBERS] = [1024, 1000];
const [ROWS, WIDTH] = [8, 512];

/** Of one request at a time. */
export const BINDINGS = { N: 1 };

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
  let x = w.op("Reshape", ["x", w.list("i64", [-1, FEATURES / ROWS])]);
  x = w.op("Relu", [product(x, FEATURES / ROWS, WIDTH)]);
  for (let layer = 0; layer < layers; layer++) x = w.op("Relu", [product(x, WIDTH, WIDTH, middle)]);
  const out = product(x, WIDTH, NUMBERS / ROWS);
  w.show(w.op("Reshape", [out, w.list("i64", [-1, NUMBERS])]), "y");
  return w.file(
    [{ name: "x", dtype: "f32", shape: ["N", FEATURES] }],
    [{ name: "y", dtype: "f32", shape: ["N", NUMBERS] }],
  );
}

export function input(): Float32Array {
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

export async function calibrated(): Promise<{ readonly file: Uint8Array; readonly ms: number }> {
  const sample = 20;
  const layers = Math.max(1, Math.round((sample * TARGET_MS) / (await timeOf(model(sample)))));
  const file = model(layers);
  return { file, ms: await timeOf(file) };
}

/** The model as a node has it, in a release whose answers have to be right to the bit. */
export function preparedFrom(model: PreparedRelease["model"], path: string): PreparedRelease {
  const release = releaseOf(model, 1n, { atol: 0, rtol: 0, royaltyBps: 0 });
  return { releaseId: releaseIdOf(release), release, model, path };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
