/** What has been read so far, for React: a new snapshot with each change. */
import { emptyLedger, grow, type Ledger } from "./ledger.ts";
import type { Head, Source } from "./source.ts";

export interface Snapshot {
  readonly ledger: Ledger;
  /** Undefined until everything up to a newest block has been read. */
  readonly head: Head | undefined;
  /** Between 0 and 1. */
  readonly progress: number;
  /** Why reading fails at present. */
  readonly problem: unknown;
}

export interface Store {
  readonly subscribe: (listener: () => void) => () => void;
  readonly get: () => Snapshot;
}

/** Changes within so many milliseconds are shown at once. */
const GATHER_MS = 60;

/** A source may be a little behind the wallet's. */
const READ_MS = 30_000;

/** Resolves when the ledger is so, or after a while: then the next page says what it knows. */
export function whenRead({ get, subscribe }: Store, is: (ledger: Ledger) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (is(get().ledger)) done();
    };
    const unsubscribe = subscribe(look);
    const timer = setTimeout(done, READ_MS);
    function done(): void {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    }
    look();
  });
}

/** Begins to follow. */
export function createStore(source: Source, signal: AbortSignal): Store {
  let ledger = emptyLedger();
  let snapshot: Snapshot = { ledger, head: undefined, progress: 0, problem: undefined };
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function change(part: Partial<Snapshot>): void {
    snapshot = { ...snapshot, ...part };
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const listener of listeners) listener();
    }, GATHER_MS);
  }

  void source.follow(
    {
      reset() {
        ledger = emptyLedger();
        change({ ledger });
      },
      append(logs) {
        if (logs.length === 0) return;
        grow(ledger, source.deployment, logs);
        // The maps grow in place: another object says that they did.
        ledger = { ...ledger };
        change({ ledger });
      },
      head: (head) => change({ head, progress: 1 }),
      progress: (progress) => snapshot.head === undefined && change({ progress }),
      problem: (problem) => problem !== snapshot.problem && change({ problem }),
    },
    signal,
  );

  return {
    get: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
