/** A network, measured side by side with onnxruntime on one thread in the same process. */
import { commitProgram } from "../program/src/commit.ts";
import { runProgram } from "../program/src/fast/run.ts";
import { mostThreads, Threads } from "../program/src/fast/threads.ts";
import { HashingWorker } from "../program/src/hashing.ts";
import type { Program } from "../program/src/instruction.ts";
import { estimateStep } from "../program/src/limits.ts";
import { lowerModel } from "../program/src/lower/lower.ts";
import { InferenceSession } from "../program/src/onnx/onnxruntime.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { traceRootInParallel } from "../program/src/trace.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";
import { NETWORKS } from "../scripts/networks/index.ts";
import { disputeRounds } from "../verifier/src/releases/describe.ts";
import type { Figure } from "./figure.ts";

/** Runs of either side, in turn: at least so many, and on for so long. */
const RUNS = 5;
const LEAST_MS = 2000;

/** That the exact interpreter works on: as many as a node's would. */
export const THREADS = mostThreads();

export interface Measurement {
  readonly network: string;
  readonly instructions: number;
  /** Of all weights and other constants. */
  readonly constantBytes: number;
  readonly lowerMs: number;
  /** Bytes of constants committed a second, in units of 10^6. */
  readonly commitMBs: number;
  readonly onnxruntimeMs: number;
  /** The exact interpreter on one thread, outputs only. */
  readonly aloneMs: number;
  /** The same on {@link THREADS}. */
  readonly exactMs: number;
  /** The same, and the root of the whole trace, hashed by a thread more. */
  readonly traceMs: number;
  /** Bounds on judging an element of an instruction. */
  readonly stepGas: { readonly median: number; readonly worst: number };
  /** Selects and reveals of a dispute, at most. */
  readonly disputeRounds: number;
}

async function time(run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Milliseconds of the median run of each, taken in turn so that whatever else the machine does meets all alike. */
async function medians(...runs: readonly (() => unknown)[]): Promise<number[]> {
  const times = runs.map((): number[] => []);
  const start = performance.now();
  for (let i = 0; i < RUNS || performance.now() - start < LEAST_MS; i++)
    for (const [k, run] of runs.entries()) times[k]?.push(await time(run));
  return times.map((of) => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0);
}

function stepGas(program: Program): Measurement["stepGas"] {
  const gas = program.instructions.map((_, k) => estimateStep(program, k).gas).toSorted((a, b) => a - b);
  return { median: gas[Math.floor(gas.length / 2)] ?? 0, worst: gas.at(-1) ?? 0 };
}

/** @param network One of {@link NETWORKS}. */
export async function measureNetwork(network: string): Promise<Measurement> {
  const file = NETWORKS[network]?.() ?? new Uint8Array(0);
  const start = performance.now();
  const { program, inputs } = lowerModel(file);
  const lowerMs = performance.now() - start;
  const constantBytes = program.constants.reduce((sum, { data }) => sum + data.length, 0);
  const [commitMs = 0] = await medians(() => commitProgram(program));
  const { tensors, data } = randomFeeds(inputs, seededRng(1));
  const session = await InferenceSession.create(file, {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
  });
  await session.run(tensors);
  const [threads, hashing] = [new Threads(THREADS), new HashingWorker()];
  const trace = async (): Promise<unknown> => await traceRootInParallel(program, data, hashing, threads);
  // The first runs start the threads, make plans and pack constants.
  await trace();
  runProgram(program, data, { threads });
  runProgram(program, data);
  const [onnxruntimeMs = 0, aloneMs = 0, exactMs = 0, traceMs = 0] = await medians(
    () => session.run(tensors),
    () => runProgram(program, data),
    () => runProgram(program, data, { threads }),
    trace,
  );
  await Promise.all([session.release(), threads.close(), hashing.close()]);
  return {
    network,
    instructions: program.instructions.length,
    constantBytes,
    lowerMs,
    commitMBs: constantBytes / 1e6 / (commitMs / 1e3),
    onnxruntimeMs,
    aloneMs,
    exactMs,
    traceMs,
    stepGas: stepGas(program),
    disputeRounds: disputeRounds(program),
  };
}

export function figuresOf(made: Measurement): Figure[] {
  const { network, onnxruntimeMs: theirs } = made;
  const time = (name: string, value: number): Figure => ({
    ...{ name: `${network}.${name}`, value, unit: "ms", ratioToOnnxruntime: value / theirs },
  });
  const figure = (name: string, value: number, unit: string): Figure => ({
    ...{ name: `${network}.${name}`, value, unit },
  });
  return [
    time("onnxruntime", theirs),
    time("alone", made.aloneMs),
    time("exact", made.exactMs),
    time("trace", made.traceMs),
    figure("lower", made.lowerMs, "ms"),
    figure("commit", made.commitMBs, "MB/s"),
    figure("constants", made.constantBytes, "bytes"),
    figure("instructions", made.instructions, "instructions"),
    figure("stepGasMedian", made.stepGas.median, "gas (bound)"),
    figure("stepGasWorst", made.stepGas.worst, "gas (bound)"),
    figure("disputeRounds", made.disputeRounds, "rounds (bound)"),
  ];
}
