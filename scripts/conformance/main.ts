/**
 * The ONNX backend tests through lowering, exact interpreter and referee: `npm run conformance -- --suite DIR [--onchain N]`.
 * The last line is JSON; the exit code is 0 if nothing failed and the referee disagreed nowhere.
 */
import { existsSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { table } from "table";
import { seededRng } from "../../program/src/testing/rng.ts";
import { openCourt } from "./onchain.ts";
import { runTest, type Outcome } from "./run.ts";
import { findTests, readTest } from "./suite.ts";

interface Options {
  readonly suite: string;
  readonly onchain: number;
  readonly seed: number;
  readonly filter: string;
}

interface Row {
  passed: number;
  failed: number;
  refused: number;
  readonly reasons: Set<string>;
}

function natural(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It is not a number from 0 on.");
  return Number(text);
}

function options(): Options {
  const command = new Command("conformance")
    .description("Runs the ONNX backend tests of a folder by the exact interpreter.")
    .requiredOption("--suite <dir>", "folder with test_*/model.onnx and test_*/test_data_set_*, at any depth")
    .option("--onchain <n>", "random elements of each test to judge on a chain", natural, 0)
    .option("--seed <n>", "of the random elements", natural, 1)
    .option("--filter <text>", "only tests whose names contain it", "");
  command.parse();
  return command.opts<Options>();
}

const { suite, onchain, seed, filter } = options();
if (!existsSync(suite)) {
  console.error(`There is no folder ${suite}: --suite takes one with test_*/model.onnx in it.`);
  process.exit(2);
}
const directories = findTests(suite).filter((path) => path.includes(filter));
if (directories.length === 0) {
  console.error(`No test found in ${suite}: each is a folder with a model.onnx.`);
  process.exit(2);
}

const rows = new Map<string, Row>();
const failures: string[] = [];
const rng = seededRng(seed);
const court = onchain > 0 ? await openCourt() : undefined;
let [judgedOnchain, disagreed] = [0, 0];

function count(operator: string, name: string, outcome: Outcome): void {
  const row = rows.get(operator) ?? { passed: 0, failed: 0, refused: 0, reasons: new Set() };
  rows.set(operator, row);
  row[outcome.kind]++;
  if (outcome.kind === "refused") row.reasons.add(outcome.reason);
  if (outcome.kind === "failed") failures.push(`${name}: ${outcome.reason}`);
}

for (const directory of directories) {
  const test = readTest(directory);
  const outcome = runTest(test);
  count(test.operator, test.name, outcome);
  const [run] = outcome.kind === "passed" ? outcome.runs : [];
  if (court === undefined || run === undefined) continue;
  const wrong = await court.judge(run, onchain, rng);
  judgedOnchain += onchain;
  disagreed += wrong.length;
  failures.push(...wrong.map((text) => `${test.name}: the referee disagrees on ${text}`));
}
await court?.close();

const sum = (key: "passed" | "failed" | "refused"): number =>
  [...rows.values()].reduce((total, row) => total + row[key], 0);
const body = [...rows]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([operator, { passed, failed, refused, reasons }]) => {
    const listed =
      [...reasons].slice(0, 3).join("\n") + (reasons.size > 3 ? `\n(${reasons.size - 3} more)` : "");
    return [operator, passed, failed, refused, listed];
  });
const columns = [
  {},
  { alignment: "right" as const },
  { alignment: "right" as const },
  { alignment: "right" as const },
  { width: 90, wrapWord: true },
];
const head = ["operator", "passed", "failed", "refused", "why"];
console.log(table([head, ...body], { columns, drawHorizontalLine: (i, n) => i < 2 || i === n }).trimEnd());
for (const failure of failures) console.log(`FAILED ${failure}`);
const result = {
  passed: sum("passed"),
  failed: sum("failed"),
  refused: sum("refused"),
  judgedOnchain,
  disagreed,
};
console.log(JSON.stringify(result));
process.exit(result.failed + disagreed === 0 ? 0 : 1);
