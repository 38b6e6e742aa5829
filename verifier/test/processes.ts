/** Processes that this one has started (Linux and macOS). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The direct children of a process. */
export async function descendants(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, args = ""] = /^\s*([0-9]+)\s+([0-9]+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent && /[Ww]orker\.ts/.test(args) ? [Number(pid)] : [];
  });
}
