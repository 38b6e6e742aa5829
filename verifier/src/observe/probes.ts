/** From what the rooms know anyway to the metrics: each is called at one place where effects happen. */
import type { LogEvent } from "kysely";
import type { FollowItem } from "../chain/follow.ts";
import type { Duty } from "../duties.ts";
import { codeOfError, kindOfKey } from "./labels.ts";
import type { Metrics } from "./metrics.ts";
import type { TrialFacts } from "./trials.ts";

/** Call it with every item of `follow`. */
export function createFollowProbe({ chain }: Metrics): (item: FollowItem) => void {
  let read: number | undefined;
  return (item) => {
    if (item.kind === "reorg") {
      chain.reorgs.inc();
      if (read !== undefined) chain.reorgDepth.observe(Math.max(0, read - item.keep));
      read = item.keep;
    } else if (item.kind === "logs") {
      const last = item.logs.at(-1)?.blockNumber;
      if (last !== undefined) read = Math.max(read ?? 0, last);
    } else {
      const { number, timestamp, baseFee } = item.block;
      chain.head.set(number);
      chain.headTime.set(timestamp);
      if (baseFee !== undefined) chain.baseFee.set(Number(baseFee));
      if (read !== undefined && number > read) chain.blocks.inc(number - read);
      read = number;
    }
    if (read !== undefined) chain.read.set(read);
  };
}

function countKinds(keys: Iterable<string>): (readonly [{ readonly kind: string }, number])[] {
  const kinds = new Map<string, number>();
  for (const key of keys) kinds.set(kindOfKey(key), (kinds.get(kindOfKey(key)) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => [{ kind }, count]);
}

export interface DutyProbe {
  /** All duties that are due; call it where they are offered. */
  due(duties: readonly Pick<Duty, "key">[]): void;
  /** Runs a duty's work and measures it. */
  run(key: string, work: () => Promise<void>): Promise<void>;
}

export function createDutyProbe({ duties }: Metrics): DutyProbe {
  const running = new Set<string>();
  return {
    due: (all) => duties.due.replace(countKinds(all.map(({ key }) => key))),
    async run(key, work) {
      const kind = kindOfKey(key);
      running.add(key);
      duties.running.replace(countKinds(running));
      try {
        await duties.seconds.time({ kind }, work);
        duties.done.inc({ kind });
      } catch (error) {
        duties.failed.inc({ kind, code: codeOfError(error) });
        throw error;
      } finally {
        running.delete(key);
        duties.running.replace(countKinds(running));
      }
    },
  };
}

/** Kysely's `log` option: `new Kysely({ dialect, log: queryProbe(metrics) })`. */
export function queryProbe({ database }: Metrics): (event: LogEvent) => void {
  return ({ level, query, queryDurationMillis }) => {
    // "SelectQueryNode", "RawNode": there are few.
    const statement = query.query.kind.replace(/(Query)?Node$/, "").toLowerCase();
    if (level === "error") database.failures.inc({ statement });
    else database.seconds.observe({ statement }, queryDurationMillis / 1000);
  };
}

/** After each block. */
export function setTrials({ disputes }: Metrics, { games, tightestSeconds }: TrialFacts): void {
  for (const role of ["operator", "challenger"] as const) {
    disputes.open.set({ role }, games[role].open);
    disputes.won.set({ role }, games[role].won);
    disputes.lost.set({ role }, games[role].lost);
  }
  disputes.tightest.set(tightestSeconds ?? Number.NaN);
}
