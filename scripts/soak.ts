/**
 * Whether something that runs grows: `tsx scripts/soak.ts --metrics URL... --pid N... --minutes 60`. Something else keeps it busy.
 * The last line is JSON; the exit code is 1 if resident memory grew by more than --limit of itself in an hour.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { table } from "table";
import { createSoak } from "../verifier/src/observe/soak.ts";
import { parseInteger, parseNumber } from "../verifier/src/cli/arguments.ts";

interface Options {
  readonly metrics: readonly string[];
  readonly pid: readonly string[];
  readonly minutes: number;
  readonly every: number;
  readonly limit: number;
}

const command = new Command("soak")
  .description("Samples memory and handles of running processes and says how fast they grow.")
  .option("--metrics <url...>", "addresses of nodes' /metrics", [])
  .option("--pid <n...>", "processes whose resident memory to watch", [])
  .option("--minutes <n>", "how long", parseNumber, 60)
  .option("--every <seconds>", "between two samples", parseNumber, 15)
  .option("--limit <share>", "growth an hour that is too much", parseNumber, 0.1);
command.parse();
const { metrics, pid, minutes, every, limit } = command.opts<Options>();
if (metrics.length + pid.length === 0) command.error("give --metrics or --pid: there is nothing to watch");

const soak = createSoak({ urls: metrics, pids: pid.map(parseInteger) });
const end = Date.now() + 60_000 * minutes;
for (;;) {
  await soak.sample();
  if (Date.now() + 1000 * every > end) break;
  await sleep(1000 * every);
}

const growth = [...soak.growth()];
const head = ["", "samples", "median", "most", "an hour", "share"];
const rows = growth.map(([name, { samples, median, max, perHour, share }]) => [
  name,
  samples,
  ...[median, max, perHour].map((value) => Math.round(value).toLocaleString("en")),
  `${(100 * share).toFixed(1)} %`,
]);
console.log(table([head, ...rows]));
const resident = growth.filter(([name]) => name.includes("resident"));
const grown = resident.filter(([, { share }]) => !(share <= limit)).map(([name]) => name);
console.log(JSON.stringify({ watched: Object.fromEntries(growth), grown }));
process.exit(resident.length > 0 && grown.length === 0 ? 0 : 1);
