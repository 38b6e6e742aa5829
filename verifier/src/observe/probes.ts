/** From what the rooms know anyway to the metrics: each is called at one place where effects happen. */
import type { LogEvent } from "kysely";
import type { OutboxProbe } from "../chain/outbox/probe.ts";
import type { BlockRef } from "../chain/source.ts";
import type { Compute } from "../compute/compute.ts";
import type { ContentOptions } from "../content/content.ts";
import type { Duty } from "../duties.ts";
import { codeOfError, kindOfKey, labelOfRelease } from "./labels.ts";
import type { Interpreter, Metrics } from "./metrics.ts";
import { SIDES, type TrialFacts } from "./trials.ts";

export interface ChainProbe {
  /** A block that was the newest; all events up to it have been applied. */
  head(block: Pick<BlockRef, "number" | "timestamp" | "baseFee">): void;
  /** How many blocks were undone. */
  reorg(blocks: number): void;
  /** A round of following failed. */
  failed(error: unknown): void;
}

export function createChainProbe({ chain }: Metrics): ChainProbe {
  return {
    head({ number, timestamp, baseFee }) {
      chain.read.set(number);
      chain.readTime.set(timestamp);
      if (baseFee !== undefined) chain.baseFee.set(Number(baseFee));
    },
    reorg(blocks) {
      chain.reorgs.inc();
      chain.reorgDepth.observe(blocks);
    },
    failed: (error) => chain.failures.inc({ code: codeOfError(error) }),
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

export function createOutboxProbe({ transactions }: Metrics): OutboxProbe {
  return {
    sent(label) {
      transactions.sent.inc({ label });
      // See `createTrialProbe`: it can be reverted from now on.
      transactions.reverted.inc({ label }, 0);
    },
    included(label, state, { gasUsed, gasPriceWei }, seconds) {
      if (state === "mined") transactions.mined.inc({ label });
      else transactions.reverted.inc({ label });
      transactions.seconds.observe({ label }, seconds);
      transactions.gas.inc({ label }, gasUsed);
      transactions.fees.addWei({ label }, BigInt(gasUsed) * gasPriceWei);
    },
    refused: (label, code) => transactions.refused.inc({ label, code }),
    bumped: (label) => transactions.bumped.inc({ label }),
    replaced: (label) => transactions.replaced.inc({ label }),
  };
}

/** What a node's content is told to tell. */
export function contentProbe({ content }: Metrics): Required<Pick<ContentOptions, "onReceived" | "onRest">> {
  return {
    onReceived: (bytes) => content.fetchedBytes.inc(bytes),
    onRest: (reason) => content.badPeers.inc({ reason }),
  };
}

/** Measures a run that has just been asked for. @throws whatever it throws. */
export async function measureRun<T>(
  { compute }: Metrics,
  interpreter: Interpreter,
  run: Promise<T>,
): Promise<T> {
  const ended = (outcome: string): void => compute.runs.inc({ interpreter, outcome });
  try {
    const value = await compute.seconds.time({ interpreter }, () => run);
    ended("done");
    return value;
  } catch (error) {
    ended(codeOfError(error));
    throw error;
  }
}

/** The same interpreters, each run measured. */
export function measureCompute<C extends Pick<Compute, "pool" | "exact">>(metrics: Metrics, computing: C): C {
  const { pool, exact } = computing;
  return {
    ...computing,
    pool: { ...pool, run: (job) => measureRun(metrics, "onnxruntime", pool.run(job)) },
    exact: {
      ...exact,
      output: (...args) => measureRun(metrics, "exact", exact.output(...args)),
      openTrace: (...args) => measureRun(metrics, "trace", exact.openTrace(...args)),
    },
  };
}

/** What the roles say of their work. */
export interface RoleProbe {
  /** An answer of ours was mined. */
  answered(releaseId: string): void;
  /** Another's answer was judged. */
  judged(verdict: "right" | "wrong", by: "onnxruntime" | "exact"): void;
}

export function createRoleProbe({ verdicts }: Metrics): RoleProbe {
  return {
    answered: (releaseId) => verdicts.answers.inc({ release: labelOfRelease(releaseId) }),
    judged: (verdict, by) => verdicts.judgements.inc({ verdict, by }),
  };
}

/** After each block. Games that had ended before they were first seen are not counted. */
export function createTrialProbe({ disputes }: Metrics): (facts: TrialFacts) => void {
  let open = new Set<string>();
  // Prometheus sees an increase only of what it has seen before: what an alert waits for is there from the first scrape on.
  for (const role of SIDES)
    for (const outcome of ["won", "lost"] as const) disputes.ended.inc({ role, outcome }, 0);
  return ({ games, tightestSeconds }) => {
    for (const { disputeId, side: role, outcome } of games)
      if (outcome !== "open" && open.has(disputeId)) disputes.ended.inc({ role, outcome });
    const still = games.filter(({ outcome }) => outcome === "open");
    open = new Set(still.map(({ disputeId }) => disputeId));
    for (const role of SIDES) disputes.open.set({ role }, still.filter(({ side }) => side === role).length);
    disputes.tightest.set(tightestSeconds ?? Number.NaN);
  };
}
