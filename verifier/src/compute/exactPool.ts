/**
 * Lowering and the exact interpreter in child processes: both take as long and as much memory as a hostile model makes them, and no
 * move may miss its clock for that. Programs and traces stay in the children; each job says how to make them again, so that
 * neither eviction nor the death of a child is noticed.
 */
import { createHash } from "node:crypto";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex, Node } from "../../../sdk/src/structs.ts";
import type { Bindings, TensorSpec } from "../../../sdk/src/tensor.ts";
import type { Feed } from "../check/feeds.ts";
import type { Evidence } from "../play/evidence.ts";
import type { Facts } from "../play/facts.ts";
import type { TraceHandle, TraceTop } from "../play/trace.ts";
import type { Outline } from "../releases/outlined.ts";
import type { Describe } from "../releases/prepare.ts";
import { memoryOf, type ModelSummary } from "../releases/summary.ts";
import { createBudget, type Budget } from "./budget.ts";
import { createChildren, type Children, type ChildrenStats } from "./children.ts";
import type { ExactLimits } from "./patience.ts";

/** How to make a program. */
export interface ProgramSource {
  readonly path: string;
  readonly bindings: Bindings;
  readonly programRoot: Hex;
}

/** A run whose trace is kept under a key. */
interface TraceSource {
  readonly source: ProgramSource;
  readonly key: string;
  readonly input: Uint8Array;
}

export type ExactJob =
  | {
      readonly kind: "describe";
      readonly path: string;
      readonly bindings: Bindings;
      readonly fileSha256: Hex | undefined;
    }
  | { readonly kind: "outline"; readonly path: string; readonly bindings: Bindings }
  | {
      readonly kind: "batches";
      readonly path: string;
      readonly bindings: Bindings;
      readonly fileSha256: Hex;
    }
  | {
      readonly kind: "feeds";
      readonly specs: readonly TensorSpec[];
      readonly samples: number;
      readonly seed: number;
    }
  | { readonly kind: "output"; readonly source: ProgramSource; readonly input: Uint8Array }
  | ({ readonly kind: "open" } & TraceSource)
  | ({ readonly kind: "reveal"; readonly node: Node } & TraceSource)
  | ({ readonly kind: "evidence"; readonly facts: Facts } & TraceSource);

/** What the pool needs of a prepared release. */
export interface ExactModel {
  readonly model: Pick<
    ModelSummary,
    "bindings" | "programRoot" | "constantBytes" | "instructions" | "traceBytes"
  >;
  /** Of the ONNX file. */
  readonly path: string;
}

export interface BatchedModel {
  readonly model: Pick<ModelSummary, "bindings" | "fileSha256">;
  readonly path: string;
}

export interface ExactPool {
  /**
   * @throws {AssayError} as of `Describe`; MODEL_REFUSED also if it takes too long; INFERENCE_FAILED, INFERENCE_OUT_OF_MEMORY if it
   * kills its process.
   */
  readonly describe: Describe;
  /** @throws {AssayError} as `describe`. */
  outline(path: string, bindings: Bindings): Promise<Outline>;
  /** How many inputs may share a run, as of `batchSizes`. @throws {AssayError} as `describe`. */
  batches(release: BatchedModel): Promise<number[]>;
  /** Inputs to compare onnxruntime on, as of `makeFeeds`. */
  feeds(specs: readonly TensorSpec[], samples: number, seed: number): Promise<Feed[]>;
  /**
   * The right output blob.
   * @throws {AssayError} INFERENCE_TIMED_OUT, INFERENCE_FAILED, INFERENCE_OUT_OF_MEMORY, CLOSED; CONTENT_MISMATCH if the file has changed.
   */
  output(release: ExactModel, input: Uint8Array, limits: ExactLimits): Promise<Uint8Array>;
  /**
   * The trace of a run; it never waits for outputs or descriptions, nor for what may take long unless it may itself.
   * @param limits For computing it, which may happen again for each question asked of it.
   * @throws as `output`, and so does whatever is asked of the trace.
   */
  openTrace(release: ExactModel, input: Uint8Array, limits: ExactLimits): Promise<TraceHandle>;
  stats(): Readonly<Record<"lowering" | "judging" | "trials" | "patient", ChildrenStats>>;
  close(): Promise<void>;
}

export interface ExactPoolOptions {
  /** Processes for outputs, as many for traces, and as many for what may take long. */
  readonly size: number;
  /** For lowering one file. Default 60000. */
  readonly describeLimitMs?: number;
  /** What all pools that share it may keep in memory. Default: everything. */
  readonly budget?: Budget;
  /** Bytes of memory that a process may have beside what it keeps. Default: any. */
  readonly memoryBytes?: number;
  /** Told how long each run for an output took, its waiting and loading not included. */
  readonly onRun?: (programRoot: Hex, seconds: number) => void;
}

const blob = z.instanceof(Uint8Array);

/** Our own code made it in our own process. */
function own<T>(): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === "object" && value !== null);
}

const answers = {
  summary: own<ModelSummary>(),
  outline: own<Outline>(),
  batches: z.array(z.number()),
  feeds: own<Feed[]>(),
  top: own<TraceTop>(),
  evidence: own<Evidence>(),
};

function sourceOf({ model: { bindings, programRoot }, path }: ExactModel): ProgramSource {
  return { path, bindings, programRoot };
}

export function createExactPool(options: ExactPoolOptions): ExactPool {
  const { size, describeLimitMs = 60_000, budget = createBudget(Infinity), memoryBytes, onRun } = options;
  const children = (count: number): Children<ExactJob> =>
    createChildren({
      module: new URL("./exactWorker.ts", import.meta.url),
      ...{ size: count, retries: 1, budget },
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    });
  const [lowering, judging, trials, patient] = [children(1), children(size), children(size), children(size)];
  /** Handles of each trace. */
  const open = new Map<string, number>();

  function digest(parts: readonly (string | Uint8Array)[]): string {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest("hex");
  }

  function programOf({ model }: ExactModel): { key: string; bytes: number } {
    return { key: model.programRoot, bytes: memoryOf.program(model) };
  }

  async function lowered(
    job: Extract<ExactJob, { kind: "describe" | "outline" | "batches" }>,
  ): Promise<unknown> {
    try {
      return await lowering.run({
        job: () => job,
        limits: { runMs: describeLimitMs },
        fingerprint: () => digest([job.path, JSON.stringify(job.bindings)]),
      });
    } catch (error) {
      if (!(error instanceof AssayError) || error.code !== "INFERENCE_TIMED_OUT") throw error;
      throw new AssayError("MODEL_REFUSED", `lowering takes more than ${describeLimitMs} ms`);
    }
  }

  async function openTrace(
    release: ExactModel,
    input: Uint8Array,
    limits: ExactLimits,
  ): Promise<TraceHandle> {
    const where = limits.patient === true ? patient : trials;
    const source = sourceOf(release);
    const key = digest([source.programRoot, input]);
    const holdings = [programOf(release), { key, bytes: memoryOf.trace(release.model) }];
    const ask = (
      work: { kind: "open" } | { kind: "reveal"; node: Node } | { kind: "evidence"; facts: Facts },
    ): Promise<unknown> =>
      where.run({
        job: () => ({ ...work, source, key, input }),
        ...{ limits, holdings, fingerprint: () => key },
      });
    const { depth, root, top } = answers.top.parse(await ask({ kind: "open" }));
    open.set(key, (open.get(key) ?? 0) + 1);
    let closed = false;
    return {
      ...{ depth, root, top },
      reveal: async (node) => new Uint8Array(blob.parse(await ask({ kind: "reveal", node }))),
      evidence: async (facts) => answers.evidence.parse(await ask({ kind: "evidence", facts })),
      close() {
        if (closed) return;
        closed = true;
        const left = (open.get(key) ?? 1) - 1;
        if (left > 0) return void open.set(key, left);
        open.delete(key);
        budget.drop(key);
      },
    };
  }

  return {
    describe: async (path, bindings, fileSha256) =>
      answers.summary.parse(await lowered({ kind: "describe", path, bindings, fileSha256 })),
    outline: async (path, bindings) =>
      answers.outline.parse(await lowered({ kind: "outline", path, bindings })),
    batches: async ({ model: { bindings, fileSha256 }, path }) =>
      answers.batches.parse(await lowered({ kind: "batches", path, bindings, fileSha256 })),
    openTrace,
    async feeds(specs, samples, seed) {
      const job = { kind: "feeds", specs, samples, seed } as const;
      return answers.feeds.parse(await lowering.run({ job: () => job, limits: { runMs: describeLimitMs } }));
    },
    async output(release, input, limits) {
      const source = sourceOf(release);
      const value = await (limits.patient === true ? patient : judging).run({
        job: () => ({ kind: "output", source, input }),
        ...{ limits, holdings: [programOf(release)] },
        fingerprint: () => digest([source.programRoot, input]),
        onDone: (ms) => onRun?.(source.programRoot, ms / 1000),
      });
      return new Uint8Array(blob.parse(value));
    },
    stats: () => ({
      ...{ lowering: lowering.stats(), judging: judging.stats() },
      ...{ trials: trials.stats(), patient: patient.stats() },
    }),
    async close() {
      await Promise.all([lowering, judging, trials, patient].map((pool) => pool.close()));
    },
  };
}
