/**
 * Networks of real sizes, side by side with onnxruntime on one thread in the same process: `npm run bench -- [--json] [NAME...]`. With
 * --json each figure is one JSON line {"name","value","unit","ratioToOnnxruntime"}, else a table.
 */
import { Command } from "commander";
import { InferenceSession } from "onnxruntime-node";
import { table } from "table";
import { commitProgram } from "../program/src/encode.ts";
import { runProgram } from "../program/src/fast/run.ts";
import type { Program } from "../program/src/instruction.ts";
import { estimateStep } from "../program/src/limits.ts";
import { lowerModel } from "../program/src/lower/lower.ts";
import { seededRng } from "../program/src/testing/rng.ts";
import { traceRoot } from "../program/src/trace.ts";
import { randomFeeds } from "../scripts/networks/feeds.ts";
import { NETWORKS } from "../scripts/networks/index.ts";

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioToOnnxruntime?: number;
}

const RUNS = 3;

/** Milliseconds of the fastest of some runs. */
async function fastest(runs: number, run: () => unknown): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function stepGas(program: Program): { median: number; worst: number } {
  const gas = program.instructions.map((_, k) => estimateStep(program, k).gas).toSorted((a, b) => a - b);
  return { median: gas[Math.floor(gas.length / 2)] ?? 0, worst: gas.at(-1) ?? 0 };
}

async function measure(name: string): Promise<Figure[]> {
  const file = NETWORKS[name]?.() ?? new Uint8Array(0);
  const start = performance.now();
  const { program, inputs } = lowerModel(file);
  const lowerMs = performance.now() - start;
  const constants = program.constants.reduce((sum, { data }) => sum + data.length, 0);
  const commitMs = await fastest(1, () => commitProgram(program));
  const { tensors, data } = randomFeeds(inputs, seededRng(1));
  const session = await InferenceSession.create(file, {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
  });
  await session.run(tensors);
  const theirs = await fastest(RUNS, () => session.run(tensors));
  await session.release();
  runProgram(program, data);
  const exact = await fastest(RUNS, () => runProgram(program, data));
  const traced = await fastest(1, () => traceRoot(program, data));
  const { median, worst } = stepGas(program);
  return [
    { name: `${name}.onnxruntime`, value: theirs, unit: "ms", ratioToOnnxruntime: 1 },
    { name: `${name}.exact`, value: exact, unit: "ms", ratioToOnnxruntime: exact / theirs },
    { name: `${name}.trace`, value: traced, unit: "ms", ratioToOnnxruntime: traced / theirs },
    { name: `${name}.lower`, value: lowerMs, unit: "ms" },
    { name: `${name}.commit`, value: constants / 1e6 / (commitMs / 1e3), unit: "MB/s" },
    { name: `${name}.constants`, value: constants, unit: "bytes" },
    { name: `${name}.instructions`, value: program.instructions.length, unit: "instructions" },
    { name: `${name}.stepGasMedian`, value: median, unit: "gas (bound)" },
    { name: `${name}.stepGasWorst`, value: worst, unit: "gas (bound)" },
  ];
}

const command = new Command("bench")
  .description("Measures networks of real sizes against onnxruntime on one thread.")
  .argument("[names...]", `of ${Object.keys(NETWORKS).join(", ")} (default: all)`)
  .option("--json", "one JSON line per figure")
  .parse();
const { json = false } = command.opts<{ json?: boolean }>();
const names = command.args.length > 0 ? command.args : Object.keys(NETWORKS);
const unknown = names.filter((name) => !Object.hasOwn(NETWORKS, name));
if (unknown.length > 0) command.error(`There is no network ${unknown.join(", ")}.`, { exitCode: 2 });
for (const name of names) {
  const figures = await measure(name);
  if (json) for (const figure of figures) console.log(JSON.stringify(figure));
  else {
    const rows = figures.map(({ name: figure, value, unit, ratioToOnnxruntime: ratio }) => [
      figure,
      value.toLocaleString("en", { maximumFractionDigits: 1 }),
      unit,
      ratio === undefined ? "" : `${ratio.toFixed(1)} x`,
    ]);
    console.log(
      table([["figure", "value", "unit", "onnxruntime"], ...rows], {
        drawHorizontalLine: (i, n) => i < 2 || i === n,
      }).trimEnd(),
    );
  }
}
