/** What has a value at any time, looked at before each scrape. */
import { sql } from "kysely";
import type { Compute } from "../compute/compute.ts";
import { residentBytes } from "../compute/memory.ts";
import type { ContentStore } from "../content/store.ts";
import type { Database } from "../state/database.ts";
import type { Metrics } from "./metrics.ts";

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

type ComputeSample = (of: Pick<Compute, "pool" | "exact" | "budget">) => Promise<void>;

export function createComputeProbe({ compute }: Metrics): ComputeSample {
  const growth = createGrowth();
  return async ({ pool: fast, exact, budget }) => {
    compute.held.set(budget.held());
    const pools = { onnxruntime: fast.stats(), ...exact.stats() };
    for (const [pool, { waiting, pids, deaths }] of Object.entries(pools)) {
      compute.waiting.set({ pool }, waiting);
      compute.children.set({ pool }, pids.length);
      for (const [reason, total] of deaths)
        compute.deaths.inc({ pool, reason }, growth(`${pool} ${reason}`, total));
      let bytes = 0;
      for (const each of (await residentBytes(pids)).values()) bytes += each;
      compute.memory.set({ pool }, bytes);
    }
  };
}

export interface Parts {
  readonly compute: Pick<Compute, "pool" | "exact" | "budget">;
  readonly store: Pick<ContentStore, "bytes" | "maxBytes">;
  readonly database: Database;
}

/** From now on. */
export function sampleParts(metrics: Metrics, { compute, store, database }: Parts): void {
  const { content } = metrics;
  const sampleCompute = createComputeProbe(metrics);
  content.storeLimit.set(store.maxBytes);
  metrics.beforeScrape(() => sampleCompute(compute));
  metrics.beforeScrape(async () => content.stored.set(await store.bytes()));
  metrics.beforeScrape(async () => {
    const size = sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`;
    const { rows } = await size.execute(database);
    metrics.database.bytes.set(rows[0]?.bytes ?? Number.NaN);
  });
}
