/** How long jobs take that need the same thing, on average. */

export interface Speeds {
  /** @returns milliseconds, if any is known. */
  of(key: string): number | undefined;
  learn(key: string, ms: number): void;
}

/** Of a new measurement in the average. */
const NEW_SHARE = 0.2;
const MOST = 1000;

export function createSpeeds(): Speeds {
  const known = new Map<string, number>();
  return {
    of: (key) => known.get(key),
    learn(key, ms) {
      const average = known.get(key) ?? ms;
      known.delete(key);
      known.set(key, average + NEW_SHARE * (ms - average));
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
  };
}
