/** Watches how much memory processes have. */
import pidusage from "pidusage";

export interface Watched {
  readonly pid: number;
  /** Bytes of resident memory. */
  readonly limit: number;
  /** Called once the process has more, with what it has. */
  readonly onExceeded: (bytes: number) => void;
}

const PERIOD_MS = 250;

/** Bytes of resident memory by process; those that are gone are left out. */
export async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  if (pids.length === 0) return found;
  const usage: Partial<Record<string, pidusage.Status>> = await pidusage([...pids], {
    maxage: 2000,
  }).catch(() => ({}));
  for (const pid of pids) {
    const memory = usage[pid]?.memory;
    if (memory !== undefined) found.set(pid, memory);
  }
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
