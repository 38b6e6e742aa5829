/** Inputs that have killed processes, so that nobody can make the node start processes all day by asking again. */

export interface Killers {
  /** Counts a death. */
  note(fingerprint: string): void;
  /** Whether it has killed twice, not long ago. */
  has(fingerprint: string): boolean;
  readonly empty: boolean;
}

const ENOUGH = 2;
const REMEMBERED_MS = 600_000;
const MOST = 1000;

/** @param now Milliseconds. */
export function createKillers(now: () => number = Date.now): Killers {
  const known = new Map<string, { deaths: number; last: number }>();

  function find(fingerprint: string): { deaths: number; last: number } | undefined {
    const found = known.get(fingerprint);
    if (found === undefined || now() - found.last <= REMEMBERED_MS) return found;
    known.delete(fingerprint);
    return undefined;
  }

  return {
    note(fingerprint) {
      const deaths = (find(fingerprint)?.deaths ?? 0) + 1;
      known.delete(fingerprint);
      known.set(fingerprint, { deaths, last: now() });
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
    has: (fingerprint) => (find(fingerprint)?.deaths ?? 0) >= ENOUGH,
    get empty() {
      return known.size === 0;
    },
  };
}
