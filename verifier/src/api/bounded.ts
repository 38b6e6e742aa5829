/** Work for strangers: at most so much at once, what waits is limited too, and what was found is kept for the next who asks. */
import pLimit from "p-limit";

export interface BoundedOptions {
  readonly atOnce: number;
  readonly waiting: number;
  /** Answers that are kept. */
  readonly kept: number;
}

class BusyError extends Error {
  readonly statusCode = 503;
}

export interface Bounded<T> {
  /** @throws {BusyError} if too many wait. */
  get(key: string, work: () => Promise<T>): Promise<T>;
  clear(): void;
}

export function createBounded<T>({ atOnce, waiting, kept }: BoundedOptions): Bounded<T> {
  const limit = pLimit(atOnce);
  const answers = new Map<string, Promise<T>>();
  return {
    async get(key, work) {
      const known = answers.get(key);
      if (known !== undefined) return known;
      if (limit.pendingCount >= waiting) throw new BusyError("too much is asked at once");
      const answer = limit(work);
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
