/** Single requests in, shared runs of onnxruntime out: what comes while all processes are busy waits anyway, and may as well share the next run. */
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Batches } from "./batches.ts";
import type { InferencePool } from "./pool.ts";
import { createQueue } from "./queue.ts";
import { fastOutput, fastOutputs } from "./screen.ts";

/** Runs at a time for each process: its next is there when it is done with one, and what waits beyond can share a run. */
export const RUNS = 2;

export interface BatcherOptions {
  readonly pool: InferencePool;
  /** Runs at a time, {@link RUNS} for each of the pool's processes. */
  readonly runs: number;
  readonly sizesOf: Batches["sizesOf"];
}

export interface Batcher {
  /**
   * onnxruntime's output blob, as of `fastOutput`. No input fails or is late for another that it shared a run with.
   * @param deadline Unix seconds; the earliest goes first.
   * @throws {AssayError} as InferencePool.run.
   */
  output(release: PreparedRelease, input: Uint8Array, deadline?: number): Promise<Uint8Array>;
}

interface Waiting {
  readonly release: PreparedRelease;
  readonly input: Uint8Array;
  readonly deadline: number | undefined;
  readonly resolve: (output: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  /** Order of arrival. */
  readonly number: number;
}

/** So long a release is run input by input after a shared run has cost a process: else one input a second could cost them all. */
const PAUSE_MS = 60_000;

/** Whether a run has ended its process, or has been ended. */
function hasKilled(error: unknown): boolean {
  if (!(error instanceof AssayError)) return false;
  const { code, details } = error;
  return (
    code === "INFERENCE_TIMED_OUT" || code === "INFERENCE_OUT_OF_MEMORY" || details["died"] !== undefined
  );
}

export function createBatcher({ pool, runs, sizesOf }: BatcherOptions): Batcher {
  const queue = createQueue<Waiting>(
    ({ deadline }) => deadline ?? Infinity,
    ({ number }) => number,
  );
  /** By release, on the clock of `performance`. */
  const pausedUntil = new Map<Hex, number>();
  let running = 0;
  let next = 0;

  function sizesNow(release: PreparedRelease): readonly number[] {
    const { releaseId } = release;
    if ((pausedUntil.get(releaseId) ?? 0) > performance.now()) return [];
    pausedUntil.delete(releaseId);
    return sizesOf(release);
  }

  // Both resolve to what tells those who wait.

  function alone({ release, input, deadline, resolve, reject }: Waiting): Promise<() => void> {
    return fastOutput(pool, release, input, deadline).then(
      (output) => () => resolve(output),
      (error: unknown) => () => reject(error),
    );
  }

  async function together(first: Waiting, group: readonly Waiting[]): Promise<() => void> {
    const { release, deadline } = first;
    const inputs = group.map(({ input }) => input);
    try {
      const outputs = await fastOutputs(pool, release, inputs, deadline);
      return () => group.forEach(({ resolve }, row) => resolve(outputs[row] ?? new Uint8Array()));
    } catch (error) {
      if (hasKilled(error)) pausedUntil.set(release.releaseId, performance.now() + PAUSE_MS);
      await Promise.all(group.map(async (waiting) => (await alone(waiting))()));
      return () => undefined;
    }
  }

  /** The most urgent input, and as many others of its release as may share its run. */
  function take(first: Waiting): readonly Waiting[] {
    const mates = queue.all().filter(({ release }) => release.releaseId === first.release.releaseId);
    const sizes = mates.length === 1 ? [] : sizesNow(first.release);
    const size = sizes.findLast((rows) => rows <= mates.length) ?? 1;
    const group = mates.slice(0, size);
    group.forEach((waiting) => queue.remove(waiting));
    return group;
  }

  async function run(first: Waiting): Promise<void> {
    const group = take(first);
    running++;
    const tell = await (group.length === 1 ? alone(first) : together(first, group));
    running--;
    tell();
    dispatch();
  }

  function dispatch(): void {
    for (let first = queue.first(); first !== undefined && running < runs; first = queue.first())
      void run(first);
  }

  return {
    output(release, input, deadline) {
      // The pool has an order of its own. What may share runs is not even asked before anything would.
      if (running >= runs && sizesNow(release).length === 0)
        return fastOutput(pool, release, input, deadline);
      return new Promise((resolve, reject) => {
        queue.add({ release, input, deadline, resolve, reject, number: next++ });
        dispatch();
      });
    },
  };
}
