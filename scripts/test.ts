/**
 * Runs all tests: Solidity tests and Mocha tests. With --nightly, the long fuzzing and the *.nightly.ts tests too.
 * Ends with one line "N passed, N failed".
 */
import { spawn } from "node:child_process";

const nightly = process.argv.includes("--nightly");
const patterns = ["program", "sdk", "verifier", "test"].map((room) => `${room}/**/*.test.ts`);
if (nightly) patterns.push("test/**/*.nightly.ts");

const suites = [
  ["hardhat", "test", "solidity", "--no-compile"],
  [
    "node",
    "--import",
    "tsx",
    "node_modules/mocha/bin/mocha.js",
    "--timeout",
    nightly ? "3600000" : "300000",
    "--exit",
    ...patterns,
  ],
];

interface Count {
  passed: number;
  failed: number;
}

function runSuite(command: readonly string[]): Promise<Count> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...(nightly ? { ASSAY_NIGHTLY: "1" } : {}) };
    const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "inherit"], env });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (status) => {
      const count = (word: string): number => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
      const failed = count("failing");
      // A suite that dies without counting has failed too.
      resolve({ passed: count("passing"), failed: status !== 0 && failed === 0 ? 1 : failed });
    });
  });
}

const total: Count = { passed: 0, failed: 0 };
for (const suite of suites) {
  const { passed, failed } = await runSuite(suite);
  total.passed += passed;
  total.failed += failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
