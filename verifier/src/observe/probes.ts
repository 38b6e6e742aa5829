/** From what the rooms know anyway to the metrics: each is called at one place where effects happen. */
import { sql, type LogEvent } from "kysely";
import type { OutboxProbe } from "../chain/outbox/probe.ts";
import type { BlockRef } from "../chain/source.ts";
import type { Compute } from "../compute/compute.ts";
import { residentBytes } from "../compute/memory.ts";
import type { ContentOptions } from "../content/content.ts";
import type { ContentStore } from "../content/store.ts";
import type { Duty } from "../duties.ts";
import type { Database } from "../state/database.ts";
import { codeOfError, kindOfKey, labelOfRelease } from "./labels.ts";
import type { Interpreter, Metrics } from "./metrics.ts";
import type { TrialFacts } from "./trials.ts";

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

/** Counts up to totals that others keep. @returns how much a total has grown since the last time. */
function createGrowth(): (name: string, total: number) => number {
  const known = new Map<string, number>();
  return (name, total) => {
    const grown = total - (known.get(name) ?? 0);
    known.set(name, total);
    return grown;
  };
}

/** What an endpoint says of itself. */
export interface EndpointState {
  readonly healthy: boolean;
  readonly latencyMs: number | undefined;
  readonly height: number | undefined;
  /** Since the start. */
  readonly failures: number;
}

/** Before each scrape, with all endpoints in the order of the settings, and their contradictions since the start. */
export function createEndpointProbe({
  rpc,
  chain,
}: Metrics): (states: readonly EndpointState[], disagreements: number) => void {
  const growth = createGrowth();
  return (states, disagreements) => {
    rpc.disagreements.inc(growth("disagreements", disagreements));
    states.forEach(({ healthy, latencyMs, height, failures }, i) => {
      const endpoint = String(i);
      rpc.healthy.set({ endpoint }, healthy ? 1 : 0);
      if (latencyMs !== undefined) rpc.latency.set({ endpoint }, latencyMs / 1000);
      if (height !== undefined) rpc.head.set({ endpoint }, height);
      rpc.failures.inc({ endpoint }, growth(endpoint, failures));
    });
    const heights = states.flatMap(({ height }) => height ?? []);
    if (heights.length > 0) chain.head.set(Math.max(...heights));
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

/** Size of the database, before each scrape. */
export async function sampleDatabase({ database }: Metrics, from: Database): Promise<void> {
  const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(
    from,
  );
  if (rows[0] !== undefined) database.bytes.set(rows[0].bytes);
}

export function createOutboxProbe({ transactions }: Metrics): OutboxProbe {
  return {
    sent: (label) => transactions.sent.inc({ label }),
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

/** Size of the content directory, before each scrape. */
export async function sampleContent({ content }: Metrics, store: ContentStore): Promise<void> {
  content.storeLimit.set(store.maxBytes);
  content.stored.set(await store.bytes());
}

/** Before each scrape: the child processes. */
export function createComputeProbe({ compute }: Metrics): (of: Compute) => Promise<void> {
  const growth = createGrowth();
  return async ({ pool: fast, exact, budget }) => {
    compute.held.set(budget.held());
    for (const [pool, { waiting, pids, deaths }] of Object.entries({
      onnxruntime: fast.stats(),
      ...exact.stats(),
    })) {
      compute.waiting.set({ pool }, waiting);
      compute.children.set({ pool }, pids.length);
      for (const [reason, total] of deaths)
        compute.deaths.inc({ pool, reason }, growth(`${pool} ${reason}`, total));
      const bytes = await residentBytes(pids);
      compute.memory.set(
        { pool },
        [...bytes.values()].reduce((sum, each) => sum + each, 0),
      );
    }
  };
}

/** Runs a model and measures it. @throws whatever the work throws. */
export async function measureRun<T>(
  { compute }: Metrics,
  interpreter: Interpreter,
  releaseId: string,
  work: () => Promise<T>,
): Promise<T> {
  const ended = (outcome: string): void =>
    compute.runs.inc({ interpreter, release: labelOfRelease(releaseId), outcome });
  try {
    const value = await compute.seconds.time({ interpreter }, work);
    ended("done");
    return value;
  } catch (error) {
    ended(codeOfError(error));
    throw error;
  }
}

/** After each block. Games that had ended before they were first seen are not counted. */
export function createTrialProbe({ disputes }: Metrics): (facts: TrialFacts) => void {
  let open = new Set<string>();
  return ({ games, tightestSeconds }) => {
    for (const { disputeId, side: role, outcome } of games)
      if (outcome !== "open" && open.has(disputeId)) disputes.ended.inc({ role, outcome });
    const still = games.filter(({ outcome }) => outcome === "open");
    open = new Set(still.map(({ disputeId }) => disputeId));
    for (const role of ["operator", "challenger"] as const)
      disputes.open.set({ role }, still.filter(({ side }) => side === role).length);
    disputes.tightest.set(tightestSeconds ?? Number.NaN);
  };
}
