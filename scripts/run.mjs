// Runs one of the project's tasks and does the set-up that it needs first: `node scripts/run.mjs TASK [ARGS]`.
// Plain JavaScript without dependencies, since it runs before there are any, on any Node from 20 up.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { early, tasks } from "./tasks.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, "node_modules", ".bin");
const stamp = join(root, "node_modules", ".assay-setup");

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

/** Commands that do not wait for each other, as many at once as there are processors; what one says comes when it has ended. */
async function runTogether(commands, env) {
  const waiting = [...commands];
  let failed = false;
  async function work() {
    for (let command = waiting.shift(); command !== undefined; command = waiting.shift()) {
      const child = spawn(command[0], command.slice(1), {
        cwd: root,
        env,
        shell: process.platform === "win32",
      });
      const said = [];
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => said.push(chunk));
      const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
      process.stdout.write(Buffer.concat(said));
      failed ||= status !== 0;
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (failed) process.exit(1);
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

/** When any of these files, or of the files in these folders, was changed last, milliseconds since 1970. */
function newestOf(paths) {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true }).map((name) => join(path, name))
      : [path],
  );
  return files.reduce((newest, file) => Math.max(newest, lstatSync(file).mtimeMs), 0);
}

/** Compiles the interpreter's kernels to WebAssembly: plain SIMD for every engine, relaxed SIMD (fused multiply-add) for those that have it. */
function buildKernels(env) {
  const newest = newestOf([join(root, "program", "assembly")]);
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

/** Builds the pages that nodes serve, unless they are as new as what they are made of. */
function buildExplorer(env) {
  const built = join(root, "explorer", "dist", "index.html");
  const parts = [
    ...["index.html", "vite.config.ts", "public", "src"].map((name) => join("explorer", name)),
    ...[join("sdk", "src"), join("program", "src"), join("verifier", "src"), "types", "package-lock.json"],
  ];
  if (existsSync(built) && statSync(built).mtimeMs > newestOf(parts.map((part) => join(root, part)))) return;
  run("vite", ["build", "explorer", "--logLevel", "warn"], env);
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
run("node", [join("verifier", "src", "state", "template.make.ts")], env);
// Tests are compiled by who runs them.
await runTogether([["hardhat", "build", "--quiet", "--no-tests"], ...(early[task] ?? [])], env);
// Its own test builds it; checks need no pages.
if (!/^(test|check|format|explorer)/.test(task)) buildExplorer(env);
if (task === "check") await runTogether(commands, env);
else
  commands.forEach((command, i) =>
    run(command[0], [...command.slice(1), ...(i === commands.length - 1 ? args : [])], env),
  );
