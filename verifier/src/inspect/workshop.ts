/** Fetches releases and runs them, for one command: strangers' files are lowered and run in child processes, as in a node. */
import { splitBlob, type Bindings } from "../../../sdk/src/tensor.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { createExactPool } from "../compute/exactPool.ts";
import { createPool } from "../compute/pool.ts";
import { openStore, type ContentStore } from "../content/store.ts";
import type { ModelDescription } from "../releases/describe.ts";
import { createReleases, type PreparedRelease } from "../releases/prepare.ts";

export interface WorkshopOptions {
  /** Files by their hash. */
  readonly contentDirectory: string;
  readonly mirrors: readonly string[];
  /** For one inference by onnxruntime, milliseconds. */
  readonly inferenceLimitMs: number;
}

/** A person waits, and can end it: a slow model is no reason to give up. */
const LIMITS = { maxBytes: 2 ** 30, timeoutMs: 60_000, maxTraceBytes: Infinity } as const;
const LOWERING_LIMIT_MS = 600_000;
const EXACT_LIMIT_MS = 3_600_000;

export interface Workshop {
  readonly store: ContentStore;
  /** Lowers a file. @throws {AssayError} MODEL_REFUSED. */
  describe(path: string, bindings: Bindings): Promise<ModelDescription>;
  /** @throws {AssayError} CONTENT_*, RELEASE_REFUSED, MODEL_REFUSED. */
  prepare(record: ReleaseRecord): Promise<PreparedRelease>;
  /** Path of a release's file. @throws {AssayError} CONTENT_*. */
  fetch(record: ReleaseRecord): Promise<string>;
  /** The right output blob. */
  exact(model: ModelDescription, input: Uint8Array): Promise<Uint8Array>;
  /** onnxruntime's output blob. @throws {AssayError} INFERENCE_FAILED, INFERENCE_TIMED_OUT. */
  fast(release: Pick<PreparedRelease, "path" | "model">, input: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export function openWorkshop(options: WorkshopOptions): Workshop {
  const store = openStore(options.contentDirectory);
  const exact = createExactPool({ size: 1, describeLimitMs: LOWERING_LIMIT_MS });
  const pool = createPool({ size: 1, timeLimitMs: options.inferenceLimitMs });
  const releases = createReleases(store, LIMITS, options.mirrors, exact.describe);
  return {
    store,
    describe: (path, bindings) => exact.describe(path, bindings),
    prepare: (record) => releases.prepare(record),
    fetch: (record) => releases.fetch(record),
    exact: (model, input) => exact.output(model, input, { runMs: EXACT_LIMIT_MS }),
    async fast({ path, model }, input) {
      const { inputs, outputs } = model.signature;
      const parts = await pool.run({ model: path, inputs, outputs, data: splitBlob(inputs, input) });
      return new Uint8Array(Buffer.concat(parts));
    },
    async close() {
      await Promise.all([exact.close(), pool.close()]);
    },
  };
}
