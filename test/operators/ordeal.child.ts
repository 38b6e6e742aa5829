/** Undergoes ordeals one by one: `kind seed...` from the parent, the fate of each back to it. */
import type { Fate } from "../../program/src/testing/ordeal.ts";
import { undergo, type Ordeal } from "../../program/src/testing/ordeals.ts";

export interface Trial {
  readonly kind: Ordeal;
  readonly seed: number;
}

export interface Report {
  readonly fate: Fate | "defect";
  readonly detail: string;
  /** The most memory that the process has had, in bytes. */
  readonly memory: number;
}

function report({ kind, seed }: Trial): Report {
  const memory = () => process.resourceUsage().maxRSS * 1024;
  try {
    return { fate: undergo(kind, seed), detail: "", memory: memory() };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    return { fate: "defect", detail, memory: memory() };
  }
}

process.on("message", (trial: Trial) => process.send?.(report(trial)));
process.on("disconnect", () => process.exit());
