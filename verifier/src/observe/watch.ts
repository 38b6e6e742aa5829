/** Looks at the facts again and again and tells of what is wrong. */
import { logError, type Logger } from "../log.ts";
import { alertsOf, type Facts } from "./alerts.ts";
import type { Notifier } from "./notify.ts";

export interface Watch {
  stop(): void;
}

export interface WatchOptions {
  /** What is known now: it waits for nothing, or what hangs would silence the watch. */
  readonly facts: () => Facts;
  readonly notifier: Notifier;
  readonly log: Logger;
  /** Default 5000. */
  readonly everyMs?: number;
}

export function startWatch({ facts, notifier, log, everyMs = 5000 }: WatchOptions): Watch {
  function look(): void {
    try {
      notifier.update(alertsOf(facts()));
    } catch (error) {
      logError(log, error, "the watch failed to look");
    }
  }

  const timer = setInterval(look, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
