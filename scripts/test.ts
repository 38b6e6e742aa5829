/**
 * Runs all tests: Solidity tests and Mocha tests, in as many processes as there are suites and processors. With --nightly, the long
 * fuzzing and the *.nightly.ts tests too. Ends with what failed and one line "N passed, N failed", and how many were skipped.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";

const nightly = process.argv.includes("--nightly");

function mocha(...patterns: readonly string[]): readonly string[] {
  return [
    ...["node", "--import", "tsx", "node_modules/mocha/bin/mocha.js", "--exit"],
    ...["--timeout", nightly ? "3600000" : "300000"],
    ...patterns,
  ];
}

/** Tests of real processes with real clocks: what a busy machine delayed has a second try, and is counted. */
function mochaOfProcesses(...patterns: readonly string[]): readonly string[] {
  return mocha("--retries", "1", "--reporter", "scripts/reporter.cjs", ...patterns);
}

/** The longest first. */
const suites = [
  ...(nightly ? globSync("{test,verifier}/**/*.nightly.ts").map((file) => mocha(file)) : []),
  mochaOfProcesses("verifier/test/[d-h]*.test.ts"),
  mochaOfProcesses("verifier/test/[i-m]*.test.ts"),
  mocha("test/{operators,referee}/**/*.test.ts"),
  mochaOfProcesses("explorer/test/**/*.test.ts"),
  mochaOfProcesses("test/{*,!(operators|referee)/**/*}.test.ts"),
  mochaOfProcesses("verifier/test/[n-z]*.test.ts"),
  mochaOfProcesses("verifier/test/[a-c]*.test.ts"),
  mochaOfProcesses("sdk/src/**/*.test.ts", "verifier/src/**/*.test.ts", "scripts/**/*.test.ts"),
  mochaOfProcesses("sdk/test/**/*.test.ts"),
  mocha("program/**/*.test.ts"),
  ["hardhat", "test", "solidity"],
];

interface Count {
  passed: number;
  failed: number;
  skipped: number;
  retried: number;
  /** What the suites' reporters say of the tests that failed. */
  failures: string;
}

const outputs = suites.map(() => "");
/** The suite whose output is shown as it comes; that of the others waits for their turn. */
let shown = 0;
const ended = new Set<number>();

function show(suite: number, text: string): void {
  outputs[suite] = (outputs[suite] ?? "") + text;
  if (suite === shown) process.stdout.write(text);
}

function end(suite: number): void {
  ended.add(suite);
  while (ended.has(shown)) process.stdout.write(outputs[++shown] ?? "");
}

function runSuite(suite: number): Promise<Count> {
  return new Promise((resolve, reject) => {
    const command = suites[suite] ?? [];
    const env = { ...process.env, ...(nightly ? { ASSAY_NIGHTLY: "1" } : {}) };
    const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        show(suite, text);
      });
    child.on("error", reject);
    child.on("close", (status) => {
      end(suite);
      const output = outputs[suite] ?? "";
      const count = (word: string): number =>
        Number(new RegExp(`^ *(\\d+) ${word}`, "m").exec(output)?.[1] ?? 0);
      const failing = count("failing");
      // A suite that dies without counting has failed too.
      const died = status !== 0 && failing === 0;
      const said = failing > 0 ? output.slice(output.search(/\d+ failing/)) : died ? output.slice(-4000) : "";
      resolve({
        passed: count("passing"),
        failed: died ? 1 : failing,
        skipped: count("pending"),
        retried: output.split("↻ ").length - 1,
        failures: said && `\n${command.join(" ")}: ${said}\n`,
      });
    });
  });
}

const total: Count = { passed: 0, failed: 0, skipped: 0, retried: 0, failures: "" };
let next = 0;

async function work(): Promise<void> {
  while (next < suites.length) {
    const { passed, failed, skipped, retried, failures } = await runSuite(next++);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    total.retried += retried;
    total.failures += failures;
  }
}

// Tests of nodes and pages wait for blocks and clocks more than they compute.
const atOnce = Math.min(availableParallelism() + 2, suites.length);
await Promise.all(Array.from({ length: atOnce }, work));
if (total.failures !== "") console.log(total.failures);
const besides = [
  total.skipped > 0 ? `, ${total.skipped} skipped` : "",
  total.retried > 0 ? `, ${total.retried} tries failed that had a second one (↻)` : "",
];
console.log(`${total.passed} passed, ${total.failed} failed${besides.join("")}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
