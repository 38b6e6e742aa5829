/**
 * `npm` as it is when the set-up has been done: `npm run TASK` runs the task's commands. Whoever runs the tests has set the project up; doing
 * it again, in a copy that shares the packages, would disturb them.
 */
import { spawn } from "node:child_process";
import { tasks } from "../../scripts/tasks.mjs";

const [, task = "", ...rest] = process.argv.slice(2).filter((word) => word !== "-s");
const args = rest[0] === "--" ? rest.slice(1) : rest;
const port = new URL(process.env["LOCAL_RPC_URL"] ?? "").port;
const known = { ...tasks, assay: [["node", "bin/assay.mjs"]] }[task];
const [command, ...more] = known?.at(-1) ?? [];
if (command === undefined || known?.length !== 1) throw new Error(`npm run ${task} is no single command`);
// A free port instead of the usual one.
const where = task === "chain" ? ["--port", port] : [];
const child = spawn(command, [...more, ...args, ...where], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
