/** Tries places that may fail, stall or drip, without waiting for each and without asking all at once. */

export interface Runner {
  /** Aborted when another has won. */
  readonly signal: AbortSignal;
  /** To be told of bytes that came. */
  readonly received: (bytes: number) => void;
}

export type Attempt<T> = (runner: Runner) => Promise<T>;

export interface RaceOptions {
  /** So often is looked whether bytes come, milliseconds. */
  readonly patienceMs: number;
  /** What must have come in that time, of all attempts together, if no more are to be begun. */
  readonly minBytes: number;
  /** Attempts at once. */
  readonly most: number;
  /** A failure after which no other attempt can succeed. */
  readonly isFatal?: (error: unknown) => boolean;
  readonly signal?: AbortSignal;
}

/** However well it goes, after so many looks one more is begun: what comes fast may still be wrong. */
const LONGEST_TRUST = 5;

/**
 * The first success. Another attempt is begun when one fails; and while nothing comes, first one more, then two, then four:
 * `n` places that stall cost the logarithm of `n`.
 * @param next The attempt to begin now; undefined: there is none left.
 * @throws {AggregateError} of all failures, in their order; a fatal one as it is; the reason of `signal`.
 */
export function firstOf<T>(next: () => Attempt<T> | undefined, options: RaceOptions): Promise<T> {
  const { patienceMs, minBytes, most, isFatal = () => false, signal: outer } = options;
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const failures: unknown[] = [];
  let running = 0;
  let came = 0;
  let burst = 1;
  let trusted = 0;

  return new Promise<T>((resolve, reject) => {
    const timer = setInterval(look, patienceMs);

    function end(settle: () => void): void {
      clearInterval(timer);
      signal.removeEventListener("abort", abort);
      settle();
      stop.abort();
    }

    function abort(): void {
      end(() => reject(signal.reason as Error));
    }

    /** @returns whether there was one. */
    function begin(): boolean {
      if (running >= most) return false;
      const attempt = next();
      if (attempt === undefined) return false;
      running++;
      attempt({ signal, received: (bytes) => (came += bytes) }).then(
        (value) => end(() => resolve(value)),
        (error: unknown) => {
          running--;
          failures.push(error);
          if (isFatal(error)) end(() => reject(error instanceof Error ? error : new Error(String(error))));
          else if (!signal.aborted && !begin() && running === 0)
            end(() => reject(new AggregateError(failures, "every attempt failed")));
        },
      );
      return true;
    }

    function look(): void {
      if (came >= minBytes && ++trusted < LONGEST_TRUST) burst = 1;
      else {
        for (let i = 0; i < burst && begin(); i++);
        trusted = 0;
        burst *= 2;
      }
      came = 0;
    }

    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    else if (!begin()) end(() => reject(new AggregateError([], "there is nothing to try")));
  });
}
