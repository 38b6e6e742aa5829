/**
 * Runs what the roles find to be due. Roles look at the state and say what should happen, again and again, until the state says
 * that it has: so a crash, a lost transaction or a reorganisation needs no special case.
 */
import { AssayError, messageOf } from "../../sdk/src/error.ts";
import type { Logger } from "./log.ts";

export interface Duty {
  /** The same duty has the same key each time; it never runs twice at once. */
  readonly key: string;
  /** Unix seconds; a failed duty with a deadline is tried again sooner. */
  readonly deadline?: number | undefined;
  readonly run: () => Promise<void>;
}

export interface Executor {
  /** All duties that are due now. Those that run or rest are left alone. */
  offer(duties: readonly Duty[]): void;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
}

export interface ExecutorOptions {
  readonly log: Logger;
  /** A duty rests this long after it succeeded, while its effect comes back as an event. */
  readonly restMs: number;
  /** Called when a duty has ended or rested, so that duties are looked for again. */
  readonly onChange: () => void;
}

const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 300_000;
const MAX_URGENT_BACKOFF_MS = 8000;

/** What cannot succeed without a change is hardly tried again; a contract's refusal can end with the next block. */
function pauseAfter(error: unknown, failures: number, urgent: boolean): number {
  const fatal = error instanceof AssayError && !error.retryable && error.code !== "REVERTED";
  if (fatal && !urgent) return MAX_BACKOFF_MS;
  const longest = urgent ? MAX_URGENT_BACKOFF_MS : MAX_BACKOFF_MS;
  return Math.min(longest, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20));
}

interface Entry {
  running: Promise<void> | undefined;
  restsUntil: number;
  failures: number;
}

export function createExecutor({ log, restMs, onChange }: ExecutorOptions): Executor {
  const entries = new Map<string, Entry>();

  function rest(entry: Entry, milliseconds: number): void {
    entry.restsUntil = Date.now() + milliseconds;
    setTimeout(onChange, milliseconds + 1).unref();
  }

  async function perform({ key, deadline, run }: Duty, entry: Entry): Promise<void> {
    try {
      await run();
      entry.failures = 0;
      rest(entry, restMs);
    } catch (error) {
      const pause = pauseAfter(error, entry.failures++, deadline !== undefined);
      rest(entry, pause);
      const known = error instanceof AssayError ? { code: error.code, details: error.details } : {};
      log.warn({ duty: key, ...known, retryInMs: pause }, messageOf(error));
    } finally {
      entry.running = undefined;
      onChange();
    }
  }

  return {
    offer(duties) {
      const due = new Set(duties.map((duty) => duty.key));
      for (const [key, entry] of entries)
        if (!due.has(key) && entry.running === undefined) entries.delete(key);
      for (const duty of duties) {
        const entry = entries.get(duty.key) ?? { running: undefined, restsUntil: 0, failures: 0 };
        entries.set(duty.key, entry);
        if (entry.running === undefined && entry.restsUntil <= Date.now())
          entry.running = perform(duty, entry);
      }
    },
    async idle() {
      await Promise.all([...entries.values()].map(async (entry) => entry.running));
    },
  };
}
