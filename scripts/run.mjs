// Runs one of the project's tasks and does the set-up that it needs first: `node scripts/run.mjs TASK [ARGS]`.
// Plain JavaScript without dependencies, since it runs before there are any, on any Node from 20 up.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const stamp = join(root, "node_modules", ".assay-setup");
const test = "scripts/test.ts";

/** Each task is a list of commands; further arguments go to the last one. */
const tasks = {
  setup: [],
  demo: [["tsx", "scripts/demo/main.ts"]],
  test: [["tsx", test]],
  "test:nightly": [["tsx", test, "--nightly"]],
  check: [
    ["prettier", "--check", "--log-level", "warn", "."],
    ["eslint", "."],
    ["solhint", "--max-warnings", "0", "contracts/**/*.sol"],
    ["tsc", "--noEmit"],
  ],
  format: [["prettier", "--write", "--log-level", "warn", "."]],
  chain: [["anvil", "--block-time", "1", "--hardfork", "prague"]],
  deploy: [["hardhat", "run", "scripts/deploy.ts"]],
  bench: [["tsx", "bench/main.ts"]],
  conformance: [["tsx", "scripts/conformance/main.ts"]],
  networks: [["tsx", "scripts/networks/main.ts"]],
  simulate: [["tsx", "scripts/simulate/main.ts"]],
  "generate:onnx": [
    ["buf", "generate", "--template", "program/src/onnx/buf.gen.yaml", "program/src/onnx/schema"],
  ],
};

function run(command, args, env = process.env) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    env,
    shell: process.platform === "win32",
  });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Hardhat needs Node 22 or newer, also while its binaries are installed, so the install runs under Node 24 from npm. */
function install() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("Setting up: installing packages (once)...");
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  run("npx", ["-y", "-p", "node@24", "-c", "npm ci --no-fund --no-audit --loglevel=error"], env);
  writeFileSync(stamp, lock);
}

/** Compiles the interpreter's kernels to WebAssembly: plain SIMD for every engine, relaxed SIMD (fused multiply-add) for those that have it. */
function buildKernels(env) {
  const sources = join(root, "program", "assembly");
  const newest = Math.max(...readdirSync(sources).map((name) => statSync(join(sources, name)).mtimeMs));
  for (const [name, features] of [
    ["kernels", ["simd"]],
    ["kernels-relaxed", ["simd", "relaxed-simd"]],
  ]) {
    const file = join("program", "build", `${name}.wasm`);
    if (existsSync(join(root, file)) && statSync(join(root, file)).mtimeMs > newest) continue;
    const enable = features.flatMap((feature) => ["--enable", feature]);
    // Warning 112 is about vectors at exports: those between files of ours are none.
    const options = [
      "-O3",
      "--disableWarning",
      "112",
      "--noAssert",
      "--runtime",
      "stub",
      "--maximumMemory",
      "65536",
      ...enable,
    ];
    run("asc", ["program/assembly/index.ts", "-o", file, ...options], env);
  }
}

const [task, ...args] = process.argv.slice(2);
const commands = tasks[task];
if (commands === undefined) {
  console.error(`Unknown task ${task}. Tasks: ${Object.keys(tasks).join(", ")}.`);
  process.exit(2);
}
install();
// The npm package "node" puts Node 24 first on this PATH.
const env = { ...process.env, PATH: bin + delimiter + process.env.PATH };
buildKernels(env);
// Solidity tests take longer to compile than all contracts together.
const scope = task.startsWith("test") ? [] : ["--no-tests"];
run("hardhat", ["build", "--quiet", ...scope], env);
commands.forEach((command, i) =>
  run(command[0], [...command.slice(1), ...(i === commands.length - 1 ? args : [])], env),
);
