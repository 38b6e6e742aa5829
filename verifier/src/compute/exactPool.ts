/**
 * Lowering and the exact interpreter in child processes: both take as long as a hostile model makes them, and no move may miss
 * its clock for that.
 */
import { z } from "zod/v4";
import type { Program } from "../../../program/src/instruction.ts";
import { treeRoot, type Tree } from "../../../program/src/merkle.ts";
import type { Trace } from "../../../program/src/trace.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Bindings } from "../../../sdk/src/tensor.ts";
import type { ModelDescription } from "../releases/describe.ts";
import { createChildren, type Children, type Job, type Limits } from "./children.ts";

export type ExactJob = Job &
  (
    | { readonly kind: "describe"; readonly path: string; readonly bindings: Bindings }
    | {
        readonly kind: "output" | "trace";
        /** Absent: the one that this child got last. */
        readonly program: Program | undefined;
        readonly input: Uint8Array;
      }
  );

/** A trace as data. */
export interface PlainTrace extends Pick<Trace, "tensors" | "outputs"> {
  readonly trees: readonly Tree[];
  readonly traceTree: Tree;
}

type Model = Pick<ModelDescription, "program">;

export interface ExactPool {
  /** @throws {AssayError} MODEL_REFUSED, also if it takes too long; INFERENCE_FAILED if the process dies of it. */
  readonly describe: (path: string, bindings: Bindings) => Promise<ModelDescription>;
  /** The right output blob. @throws {AssayError} INFERENCE_TIMED_OUT, INFERENCE_FAILED, CLOSED. */
  output(model: Model, input: Uint8Array, limits: Limits): Promise<Uint8Array>;
  /** All tensors of a run; it never waits for outputs or descriptions. @throws as `output`. */
  trace(model: Model, input: Uint8Array, limits: Limits): Promise<Trace>;
  close(): Promise<void>;
}

export interface ExactPoolOptions {
  /** Processes for outputs, and as many for traces. */
  readonly size: number;
  /** For lowering one file. Default 60000. */
  readonly describeLimitMs?: number;
}

const blob = z.instanceof(Uint8Array);
/** Our own code made them in our own process. */
const description = z.custom<ModelDescription>((value) => typeof value === "object" && value !== null);
const plainTrace = z.custom<PlainTrace>((value) => typeof value === "object" && value !== null);

function traceOf({ tensors, outputs, trees, traceTree }: PlainTrace): Trace {
  const tensorTree = (k: number): Tree => {
    const tree = trees[k];
    if (tree === undefined) throw new RangeError(`there is no instruction ${k}`);
    return tree;
  };
  return { tensors, outputs, tensorTree, traceTree: () => traceTree, root: () => treeRoot(traceTree) };
}

export function createExactPool({ size, describeLimitMs = 60_000 }: ExactPoolOptions): ExactPool {
  const children = (count: number): Children<ExactJob> =>
    createChildren({ module: new URL("./exactWorker.ts", import.meta.url), size: count, retries: 0 });
  const [lowering, judging, trials] = [children(1), children(size), children(size)];
  const sent = new WeakMap<object, Program>();

  function run(
    pool: Children<ExactJob>,
    kind: "output" | "trace",
    { program }: Model,
    input: Uint8Array,
    limits: Limits,
  ): Promise<unknown> {
    return pool.run((id, child) => {
      const known = sent.get(child) === program;
      sent.set(child, program);
      return { id, kind, input, program: known ? undefined : program };
    }, limits);
  }

  return {
    async describe(path, bindings) {
      try {
        const job = (id: number): ExactJob => ({ id, kind: "describe", path, bindings });
        return description.parse(await lowering.run(job, { runMs: describeLimitMs }));
      } catch (error) {
        if (!(error instanceof AssayError) || error.code !== "INFERENCE_TIMED_OUT") throw error;
        throw new AssayError("MODEL_REFUSED", `lowering takes more than ${describeLimitMs} ms`);
      }
    },
    async output(model, input, limits) {
      return new Uint8Array(blob.parse(await run(judging, "output", model, input, limits)));
    },
    async trace(model, input, limits) {
      return traceOf(plainTrace.parse(await run(trials, "trace", model, input, limits)));
    },
    async close() {
      await Promise.all([lowering, judging, trials].map((pool) => pool.close()));
    },
  };
}
