/** Everything that a node computes with: child processes under one budget of memory. */
import { totalmem } from "node:os";
import { createBudget, type Budget } from "./budget.ts";
import { createExactPool, type ExactPool, type ExactPoolOptions } from "./exactPool.ts";
import { createPool, type InferencePool } from "./pool.ts";

export interface ComputeOptions {
  /** Child processes that run onnxruntime, and as many for exact judgements, for traces, and for what takes long. Default 2. */
  readonly workers?: number;
  /** For one inference of onnxruntime, milliseconds. Default 30000. */
  readonly inferenceLimitMs?: number;
  /** What all processes together keep in memory between jobs: sessions, programs, traces. Default {@link defaultMemoryBytes}. */
  readonly memoryBytes?: number;
  /** What one job may take beside that, the process included. Default 4 GiB, or `memoryBytes` if that is less. */
  readonly inferenceMemoryBytes?: number;
}

export interface Compute {
  readonly pool: InferencePool;
  readonly exact: ExactPool;
  readonly budget: Budget;
  close(): Promise<void>;
}

const MOST_INFERENCE_MEMORY = 2 ** 32;

/** Half of the memory that this process may use. */
export function defaultMemoryBytes(): number {
  // 0 or a huge number: no limit.
  const constrained = process.constrainedMemory() || Infinity;
  return Math.floor(Math.min(totalmem(), constrained) / 2);
}

/** @param onRun As of createExactPool. */
export function createCompute(options: ComputeOptions = {}, onRun?: ExactPoolOptions["onRun"]): Compute {
  const { workers = 2, inferenceLimitMs = 30_000, memoryBytes: total = defaultMemoryBytes() } = options;
  const { inferenceMemoryBytes: memoryBytes = Math.min(MOST_INFERENCE_MEMORY, total) } = options;
  const budget = createBudget(total);
  const shared = { size: workers, budget, memoryBytes };
  const pool = createPool({ ...shared, timeLimitMs: inferenceLimitMs });
  const exact = createExactPool({ ...shared, ...(onRun && { onRun }) });
  return {
    ...{ pool, exact, budget },
    async close() {
      await Promise.all([pool.close(), exact.close()]);
    },
  };
}
