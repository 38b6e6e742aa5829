/** The account's profit for the metrics. */
import type { Profit } from "../state/profit.ts";
import type { Metrics } from "./metrics.ts";

/** It changes when answers become final and disputes end: seldom. */
const REST_MS = 60_000;
const SOURCES = ["fees", "won", "lost", "gas"] as const;

/** Before each scrape. @param look Undefined: the chain has just moved. */
export function createProfitProbe(
  { money }: Metrics,
  look: () => Promise<Profit | undefined>,
): () => Promise<void> {
  let due = -Infinity;
  return async () => {
    if (performance.now() < due) return;
    const profit = await look();
    if (profit === undefined) return;
    due = performance.now() + REST_MS;
    for (const source of SOURCES) money.profit.setWei({ source }, profit[source]);
  };
}
