/** The `assay` command in its own process. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { z } from "zod/v4";
import { ENVIRONMENT, FLAGS } from "../../bin/launch.mjs";

const ROOT = join(import.meta.dirname, "..", "..");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param env Set beside our own environment. */
export function launch(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [...FLAGS, join(ROOT, "verifier", "src", "cli.ts"), ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    // The settings of whoever runs the tests are no part of them.
    env: { ...process.env, ...ENVIRONMENT, ASSAY_CONFIG: "", ...env },
  });
}

export function finished(child: ChildProcess): Promise<Finished> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

/** Resolves with the fields of the log line "ready". */
export function ready(child: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const line = text.split("\n").find((candidate) => candidate.includes('"msg":"ready"'));
      if (line !== undefined) resolve(z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
    });
    child.once("close", () => reject(new Error(`the node ended: ${text}`)));
  });
}
