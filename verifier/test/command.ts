/** The `assay` command in its own process. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function launch(args: readonly string[]): ChildProcess {
  const flags = ["--import", "tsx", join(ROOT, "verifier", "src", "cli.ts"), ...args];
  // The settings of whoever runs the tests are no part of them.
  const env = { ...process.env, ASSAY_CONFIG: "" };
  return spawn(process.execPath, flags, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
}

export function finished(child: ChildProcess): Promise<Finished> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}
