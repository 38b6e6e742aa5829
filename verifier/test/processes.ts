/** Processes that this one has started (Linux and macOS). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Our child processes of a process. */
export async function workersOf(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, args = ""] = /^\s*([0-9]+)\s+([0-9]+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent && /[Ww]orker\.ts/.test(args) ? [Number(pid)] : [];
  });
}

/** Ends a process, if it has not ended by itself. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}
