/** Watches how much memory processes have. */
import { readFileSync } from "node:fs";
import pidusage from "pidusage";

export interface Watched {
  readonly pid: number;
  /** Bytes of resident memory. */
  readonly limit: number;
  /** Called once the process has more, with what it has. */
  readonly onExceeded: (bytes: number) => void;
}

const PERIOD_MS = 250;

/**
 * Of the system's own account where there is one (Linux). pidusage keeps a descriptor of each process there, and may close it twice
 * (4.1.0): the second time it can be that of a file of the database. Read synchronously: the kernel has it at hand, and each look
 * would take four turns of the thread pool.
 */
async function residentOf(pid: number): Promise<number> {
  if (process.platform !== "linux") return (await pidusage(pid, { maxage: 0 })).memory;
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

/** Bytes of resident memory by process; those that are gone are left out. */
export async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const look = async (pid: number): Promise<void> => void found.set(pid, await residentOf(pid));
  await Promise.allSettled(pids.map(look));
  return found;
}

/**
 * Looks four times a second.
 * @param watched The processes that work now.
 * @returns what ends it.
 */
export function watchMemory(watched: () => readonly Watched[]): () => void {
  let looking = false;
  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    const now = watched();
    const resident = await residentBytes(now.map(({ pid }) => pid));
    for (const { pid, limit, onExceeded } of now) {
      const bytes = resident.get(pid) ?? 0;
      if (bytes > limit) onExceeded(bytes);
    }
    looking = false;
  }
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
}
