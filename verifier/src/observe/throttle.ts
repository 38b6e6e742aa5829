/** Says the same thing once, then how often it happened since. Memory is bounded: a stranger may choose the keys. */
import { errorFields, levelOf, type Logger } from "../log.ts";
import { codeOfError } from "./labels.ts";

export interface ThrottleOptions {
  /** Between two of one key, milliseconds. Default 60000. */
  readonly everyMs?: number;
  /** Keys that are remembered; those beyond share one. Default 256. */
  readonly maxKeys?: number;
  /** Milliseconds, from any start. Default: the monotonic clock. */
  readonly now?: () => number;
}

export interface Throttle {
  /** @returns how many of this key were held back since the last that passed; undefined: this one is held back too. */
  pass(key: string): number | undefined;
}

interface Seen {
  passedAt: number;
  heldBack: number;
}

const OTHERS = Symbol("others");

export function createThrottle({
  everyMs = 60_000,
  maxKeys = 256,
  now = () => performance.now(),
}: ThrottleOptions = {}): Throttle {
  // In the order in which they passed last: the oldest first.
  const seen = new Map<string | typeof OTHERS, Seen>();

  function forget(at: number): void {
    for (const [key, { passedAt }] of seen) {
      if (at - passedAt < everyMs) return;
      seen.delete(key);
    }
  }

  return {
    pass(name) {
      const at = now();
      if (seen.size >= maxKeys) forget(at);
      const key = seen.has(name) || seen.size < maxKeys ? name : OTHERS;
      const known = seen.get(key);
      if (known !== undefined && at - known.passedAt < everyMs) {
        known.heldBack++;
        return undefined;
      }
      seen.delete(key);
      seen.set(key, { passedAt: at, heldBack: 0 });
      return known?.heldBack ?? 0;
    },
  };
}

export interface ThrottledLog {
  readonly log: Logger;
  readonly throttle: Throttle;
}

/** Logs through a throttle: the fields say how many lines like this one were `heldBack`, which means told at debug. */
export function logThrottled(
  { log, throttle }: ThrottledLog,
  level: "error" | "warn" | "info",
  key: string,
  fields: Readonly<Record<string, unknown>>,
  msg: string,
): void {
  const heldBack = throttle.pass(key);
  if (heldBack === undefined) log.debug(fields, msg);
  else log[level](heldBack === 0 ? fields : { ...fields, heldBack }, msg);
}

/** As `logError`; what fails in the same way again and again is one line a minute. */
export function logErrorThrottled(
  to: ThrottledLog,
  error: unknown,
  what: string,
  fields: Readonly<Record<string, unknown>> = {},
): void {
  const all = { ...fields, ...errorFields(error) };
  logThrottled(to, levelOf(error), `${what} ${codeOfError(error)}`, all, what);
}
