/** Waiting for what happens, not for time to pass. */
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 120_000;

/**
 * Looks five times a second, for what nodes and chains do.
 * @param tell What else to say if it does not happen. @throws Error after two minutes.
 */
export async function until(
  what: string,
  done: () => boolean | Promise<boolean>,
  tell = (): string => "",
): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !(await done()); await sleep(200))
    if (Date.now() > end) throw new Error(`waited too long until ${what}\n${tell()}`);
}

/** Looks all the time, for what happens at once; the test's own time limit ends the waiting. */
export async function soon(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(10);
}
