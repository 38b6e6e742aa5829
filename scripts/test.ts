/**
 * Runs all tests: Solidity tests and Mocha tests, in as many processes as there are suites and processors. With --nightly, the long
 * fuzzing and the *.nightly.ts tests too. Ends with one line "N passed, N failed", and how many were
 * skipped.
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

/** The longest first. */
const suites = [
  ...(nightly ? globSync("{test,verifier}/**/*.nightly.ts").map((file) => mocha(file)) : []),
  // Compiles its tests first.
  ["hardhat", "test", "solidity"],
  mocha("verifier/test/[a-m]*.test.ts"),
  mocha("explorer/test/**/*.test.ts"),
  mocha("test/**/*.test.ts"),
  mocha("verifier/test/[n-z]*.test.ts"),
  mocha("sdk/src/**/*.test.ts", "verifier/src/**/*.test.ts", "scripts/**/*.test.ts"),
  mocha("sdk/test/**/*.test.ts"),
  mocha("program/**/*.test.ts"),
];

interface Count {
  passed: number;
  failed: number;
  skipped: number;
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
      const count = (word: string): number =>
        Number(new RegExp(`(\\d+) ${word}`).exec(outputs[suite] ?? "")?.[1] ?? 0);
      const failed = count("failing");
      // A suite that dies without counting has failed too.
      resolve({
        passed: count("passing"),
        failed: status !== 0 && failed === 0 ? 1 : failed,
        skipped: count("pending"),
      });
    });
  });
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
let next = 0;

async function work(): Promise<void> {
  while (next < suites.length) {
    const { passed, failed, skipped } = await runSuite(next++);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}

// Tests of nodes and pages wait for blocks and clocks more than they compute.
const atOnce = Math.min(availableParallelism() + 2, suites.length);
await Promise.all(Array.from({ length: atOnce }, work));
const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
