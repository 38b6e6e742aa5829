/**
 * Which child process keeps what between jobs (sessions of onnxruntime, lowered programs, traces), under one budget for all of them.
 * The parent alone decides: a child drops what it is told to drop. What was used longest ago goes first, never what is in use; so
 * what is in use may exceed the budget, and then nothing else is kept.
 */

/** Something that a child keeps after a job. */
export interface Holding {
  readonly key: string;
  /** Estimate, until the child has measured it. */
  readonly bytes: number;
}

/** A child process. */
export interface Holder {
  /** Tells the child to drop it, after the jobs that it has been given. */
  drop(key: string): void;
}

export interface Budget {
  /** Counts a holding as in use by a job, and makes room for it if it is new. @returns whether the holder is known to have it. */
  use(holder: Holder, holding: Holding): boolean;
  /** The job has ended. @param loaded Whether the holder has it now for certain. */
  release(holder: Holder, key: string, loaded: boolean): void;
  /** What the child says that it takes. */
  measure(holder: Holder, key: string, bytes: number): void;
  /** Whether the holder has it, or is about to. */
  holds(holder: Holder, key: string): boolean;
  /** Bytes that the child keeps. */
  heldBy(holder: Holder): number;
  /** Everything that all of them keep, bytes. */
  held(): number;
  /** No holder needs to keep it any more. */
  drop(key: string): void;
  /** The process is gone. */
  forget(holder: Holder): void;
}

interface Entry {
  readonly holder: Holder;
  readonly key: string;
  bytes: number;
  users: number;
  loaded: boolean;
}

/** Sizes that are remembered. */
const MOST_MEASURED = 1000;

/** @param limit Bytes. */
export function createBudget(limit: number): Budget {
  const byHolder = new Map<Holder, Map<string, Entry>>();
  /** Used longest ago first. */
  const order = new Set<Entry>();
  const measured = new Map<string, number>();
  let total = 0;

  const find = (holder: Holder, key: string): Entry | undefined => byHolder.get(holder)?.get(key);

  function remove(entry: Entry): void {
    const { holder, key, bytes } = entry;
    order.delete(entry);
    byHolder.get(holder)?.delete(key);
    total -= bytes;
  }

  function evict(entry: Entry): void {
    remove(entry);
    entry.holder.drop(entry.key);
  }

  function makeRoom(): void {
    for (const entry of order) {
      if (total <= limit) return;
      if (entry.users === 0) evict(entry);
    }
  }

  return {
    use(holder, { key, bytes }) {
      const known = find(holder, key);
      const entry = known ?? { holder, key, bytes: measured.get(key) ?? bytes, users: 0, loaded: false };
      entry.users++;
      order.delete(entry);
      order.add(entry);
      if (known !== undefined) return known.loaded;
      const own = byHolder.get(holder) ?? new Map<string, Entry>();
      byHolder.set(holder, own.set(key, entry));
      total += entry.bytes;
      makeRoom();
      return false;
    },
    release(holder, key, loaded) {
      const entry = find(holder, key);
      if (entry === undefined) return;
      entry.users--;
      entry.loaded ||= loaded;
      if (!entry.loaded && entry.users === 0) evict(entry);
      makeRoom();
    },
    measure(holder, key, bytes) {
      const entry = find(holder, key);
      if (entry === undefined) return;
      total += bytes - entry.bytes;
      entry.bytes = bytes;
      measured.delete(key);
      measured.set(key, bytes);
      const [oldest] = measured.keys();
      if (measured.size > MOST_MEASURED && oldest !== undefined) measured.delete(oldest);
      makeRoom();
    },
    holds: (holder, key) => find(holder, key) !== undefined,
    heldBy: (holder) =>
      [...(byHolder.get(holder)?.values() ?? [])].reduce((sum, { bytes }) => sum + bytes, 0),
    held: () => total,
    drop(key) {
      for (const own of byHolder.values()) {
        const entry = own.get(key);
        // What is in use goes when it is used longest ago.
        if (entry?.users === 0) evict(entry);
      }
    },
    forget(holder) {
      for (const entry of [...(byHolder.get(holder)?.values() ?? [])]) remove(entry);
      byHolder.delete(holder);
    },
  };
}
