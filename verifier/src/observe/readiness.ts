/** Whether a node can do its work now. Pure. */

export interface ReadinessFacts {
  /** Unix seconds, this machine's clock. */
  readonly now: number;
  /** All events up to the newest block have been read since the start. */
  readonly caughtUp: boolean;
  /** Unix seconds when the endpoints last gave the newest block, whatever its own time; undefined: never. */
  readonly heardAt: number | undefined;
  /** The database answered the last query. */
  readonly database: boolean;
  /** The key can sign, as far as it was tried of late. */
  readonly key: boolean;
  readonly stopping: boolean;
}

export const MISSING = ["CATCHING_UP", "NO_CHAIN", "NO_DATABASE", "NO_KEY", "STOPPING"] as const;
export type Missing = (typeof MISSING)[number];

export interface Readiness {
  readonly ready: boolean;
  readonly missing: readonly Missing[];
}

/** An endpoint that says nothing for so long does not follow the chain. */
const MAX_SILENCE_SECONDS = 60;

export function readinessOf(facts: ReadinessFacts): Readiness {
  const silent = facts.heardAt === undefined || facts.now - facts.heardAt > MAX_SILENCE_SECONDS;
  const states: Readonly<Record<Missing, boolean>> = {
    CATCHING_UP: !facts.caughtUp,
    NO_CHAIN: silent,
    NO_DATABASE: !facts.database,
    NO_KEY: !facts.key,
    STOPPING: facts.stopping,
  };
  const missing = MISSING.filter((name) => states[name]);
  return { ready: missing.length === 0, missing };
}
