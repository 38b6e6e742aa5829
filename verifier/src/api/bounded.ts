/** Work for strangers: at most so much at once, what waits is limited too, and what was found is kept for the next who asks. */
import pLimit from "p-limit";
import { AssayError } from "../../../sdk/src/error.ts";

export interface LineOptions {
  readonly atOnce: number;
  readonly waiting: number;
}

export interface BoundedOptions extends LineOptions {
  /** Answers that are kept. */
  readonly kept: number;
}

class BusyError extends AssayError {
  readonly statusCode = 503;

  constructor() {
    super("BUSY", "too much is asked at once: ask again later", { retryable: true });
  }
}

/** Does what it is given when its turn comes. @throws {BusyError} at once if too many wait. */
export type Line = <T>(work: () => Promise<T>) => Promise<T>;

/** Of one kind of questions to the database, which the node's own wait behind. One client cannot fill the line. */
export const QUERIES: LineOptions = { atOnce: 2, waiting: 96 };

export function createLine({ atOnce, waiting }: LineOptions): Line {
  const limit = pLimit(atOnce);
  return (work) => {
    if (limit.pendingCount >= waiting) throw new BusyError();
    return limit(work);
  };
}

export interface Bounded<T> {
  /** @throws {BusyError} if too many wait. */
  get(key: string, work: () => Promise<T>): Promise<T>;
  clear(): void;
}

export function createBounded<T>({ kept, ...options }: BoundedOptions): Bounded<T> {
  const line = createLine(options);
  const answers = new Map<string, Promise<T>>();
  return {
    async get(key, work) {
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = line(work);
      answers.set(key, answer);
      const [oldest] = answers.keys();
      if (answers.size > kept && oldest !== undefined) answers.delete(oldest);
      // A failure is told to those who wait, and forgotten.
      answer.catch(() => {
        if (answers.get(key) === answer) answers.delete(key);
      });
      return answer;
    },
    clear: () => answers.clear(),
  };
}
