/**
 * Networks of real sizes, side by side with onnxruntime on one thread in the same process: `npm run bench -- [--json] [--out DIR]
 * [NAME...]`. Instead, with --kernels, the interpreter's kernels; with --node, what a node takes for its work. With --json each
 * figure is one JSON line {"name","value","unit","ratioToOnnxruntime"}, else a table. Table and plot of all networks go to the
 * folder.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { NETWORKS } from "../scripts/networks/index.ts";
import type { Figure } from "./figure.ts";
import { measureKernels } from "./kernels.ts";
import { figuresOf, measureNetwork, type Measurement } from "./measure.ts";
import { NODE_BENCHES } from "./node.ts";
import { plotRatios } from "./plot.ts";
import { figureTable, markdownTable } from "./report.ts";

interface Options {
  readonly json?: boolean;
  readonly kernels?: boolean;
  readonly node?: boolean;
  readonly quick?: boolean;
  readonly out: string;
}

const command = new Command("bench")
  .description("Measures networks of real sizes against onnxruntime on one thread.")
  .argument(
    "[names...]",
    `of ${Object.keys(NETWORKS).join(", ")}; with --node of ${Object.keys(NODE_BENCHES).join(", ")} (default: all)`,
  )
  .option("--json", "one JSON line per figure")
  .option("--kernels", "the interpreter's kernels, not networks")
  .option("--node", "a node's work, not networks")
  .option("--quick", "with --node: small sizes, to see that it works; the figures say nothing")
  .option("--out <dir>", "where bench.md and bench.svg go", join(import.meta.dirname, "results"))
  .parse();
const { json = false, kernels = false, node = false, quick = false, out } = command.opts<Options>();

function show(figures: readonly Figure[]): void {
  if (!json) console.log(figureTable(figures));
  else for (const figure of figures) console.log(JSON.stringify(figure));
}

async function benchNetworks(names: readonly string[]): Promise<void> {
  const measurements: Measurement[] = [];
  for (const name of names) {
    const made = await measureNetwork(name);
    measurements.push(made);
    show(figuresOf(made));
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "bench.md"), markdownTable(measurements));
  writeFileSync(join(out, "bench.svg"), plotRatios(measurements));
  console.error(`Table and plot are in ${out}.`);
}

const known = node ? NODE_BENCHES : NETWORKS;
const names = command.args.length > 0 ? command.args : Object.keys(known);
const unknown = names.filter((name) => !Object.hasOwn(known, name));
if (unknown.length > 0) command.error(`There is no ${unknown.join(", ")} to measure.`, { exitCode: 2 });
if (kernels) show([...measureKernels()]);
else if (node) for (const name of names) show((await NODE_BENCHES[name]?.(quick)) ?? []);
else await benchNetworks(names);
