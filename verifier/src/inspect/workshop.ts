/** Fetches releases and runs them, for one command: strangers' files are lowered and run in child processes, as in a node. */
import { AssayError } from "../../../sdk/src/error.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { splitBlob } from "../../../sdk/src/tensor.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { defaultMemoryBytes } from "../compute/compute.ts";
import { createExactPool } from "../compute/exactPool.ts";
import { createPool } from "../compute/pool.ts";
import { openContent, type Content, type ContentOptions } from "../content/content.ts";
import type { OutlinedInstruction } from "../releases/outlined.ts";
import { bindingsOf, createReleases, type Describe, type PreparedRelease } from "../releases/prepare.ts";

export interface WorkshopOptions {
  /** Its directory is not touched before a file is asked for. */
  readonly content: ContentOptions;
  /** For one inference by onnxruntime, milliseconds. */
  readonly inferenceLimitMs: number;
}

/** A person waits, and can end it: a slow model is no reason to give up. */
const LIMITS = { maxTraceBytes: Infinity } as const;
const LOWERING_LIMIT_MS = 600_000;
const EXACT_LIMIT_MS = 3_600_000;

type RunnableModel = Pick<PreparedRelease, "path" | "model">;

export interface Workshop {
  /** Lowers a file. */
  readonly describe: Describe;
  /** @throws {AssayError} CONTENT_*, RELEASE_REFUSED, MODEL_REFUSED. */
  prepare(record: ReleaseRecord): Promise<PreparedRelease>;
  /** Path of a release's file. @throws {AssayError} CONTENT_*, STORAGE_FULL. */
  fetch(record: ReleaseRecord): Promise<string>;
  /** Whether a file is here already. */
  has(sha256: Hex): Promise<boolean>;
  /** The instructions of a release's program. @throws {AssayError} as `prepare`. */
  outline(record: ReleaseRecord): Promise<readonly OutlinedInstruction[]>;
  /** The right output blob. */
  exact(release: RunnableModel, input: Uint8Array): Promise<Uint8Array>;
  /** onnxruntime's output blob. @throws {AssayError} INFERENCE_FAILED, INFERENCE_TIMED_OUT. */
  fast(release: RunnableModel, input: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export function openWorkshop(options: WorkshopOptions): Workshop {
  const shared = { size: 1, memoryBytes: defaultMemoryBytes() } as const;
  const exact = createExactPool({ ...shared, describeLimitMs: LOWERING_LIMIT_MS });
  const pool = createPool({ ...shared, timeLimitMs: options.inferenceLimitMs });
  let opening: Promise<Content> | undefined;
  const content = (): Promise<Content> => (opening ??= openContent(options.content));
  const pins: (() => void)[] = [];
  const pin = async (sha256: Hex): Promise<() => void> => {
    const unpin = await (await content()).pin(sha256);
    pins.push(unpin);
    return unpin;
  };
  const provide: Content["provide"] = async (sha256, uris) => (await content()).provide(sha256, uris);
  const releases = createReleases({ pin, provide }, LIMITS, exact.describe);

  async function fetch({ release, contentUris }: ReleaseRecord): Promise<string> {
    await pin(release.fileSha256);
    return (await provide(release.fileSha256, contentUris)).path;
  }

  return {
    describe: exact.describe,
    prepare: (record) => releases.prepare(record),
    fetch,
    has: async (sha256) => (await (await content()).store.find(sha256)) !== undefined,
    async outline(record) {
      const path = await fetch(record);
      const { programRoot, instructions } = await exact.outline(path, bindingsOf(record));
      if (sameHex(programRoot, record.release.programRoot)) return instructions;
      throw new AssayError("RELEASE_REFUSED", "the release's program is not what its file lowers to");
    },
    exact: (release, input) => exact.output(release, input, { runMs: EXACT_LIMIT_MS }),
    async fast({ path, model }, input) {
      const { inputs, outputs } = model.signature;
      const parts = await pool.run({ model: path, inputs, outputs, data: splitBlob(inputs, input) });
      return new Uint8Array(Buffer.concat(parts));
    },
    async close() {
      await Promise.all([exact.close(), pool.close()]);
      for (const unpin of pins) unpin();
      (await opening?.catch(() => undefined))?.close();
    },
  };
}
