/** Re-derives a release from its file before anything is served or verified. */
import { readFile } from "node:fs/promises";
import pLimit from "p-limit";
import { AssayError, isRetryable } from "../../../sdk/src/error.ts";
import { sameHex, type Hex, type Release } from "../../../sdk/src/structs.ts";
import { bindingsHash, parseBindings, signatureHash, type Bindings } from "../../../sdk/src/tensor.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import type { ContentStore } from "../content/store.ts";
import { fetchContent, type FetchLimits } from "../content/fetch.ts";
import { describeModel, type ModelDescription } from "./describe.ts";
import type { ModelSummary } from "./summary.ts";

/** A release that is what its file lowers to. */
export interface PreparedRelease {
  readonly releaseId: Hex;
  readonly release: Release;
  readonly model: ModelSummary;
  /** Path of the ONNX file. */
  readonly path: string;
}

/** The dimensions in the fragment of a content URI, if they are the release's. */
export function bindingsOf({ release, contentUris }: ReleaseRecord): Bindings {
  for (const uri of contentUris) {
    const bindings = parsed(uri.split("#")[1] ?? "");
    if (bindings !== undefined && sameHex(bindingsHash(bindings), release.bindingsHash)) return bindings;
  }
  if (sameHex(bindingsHash({}), release.bindingsHash)) return {};
  throw new AssayError("RELEASE_REFUSED", "no content URI of the release names its dimensions' values", {
    retryable: true,
  });
}

function parsed(fragment: string): Bindings | undefined {
  try {
    return parseBindings(fragment);
  } catch {
    return undefined;
  }
}

/** @throws {AssayError} RELEASE_REFUSED with what the release says otherwise than its file. */
export function checkRelease(release: Release, model: ModelSummary): void {
  const expected: readonly (readonly [what: string, ours: string | number, theirs: string | number])[] = [
    ["hash", model.fileSha256, release.fileSha256.toLowerCase()],
    ["lowering version", model.loweringVersion, release.loweringVersion],
    ["program root", model.programRoot, release.programRoot.toLowerCase()],
    ["signature hash", signatureHash(model.signature), release.signatureHash.toLowerCase()],
    ["input length", model.inputBytes, release.inputBytes],
    ["output length", model.outputBytes, release.outputBytes],
  ];
  for (const [what, ours, theirs] of expected)
    if (ours !== theirs)
      throw new AssayError("RELEASE_REFUSED", `the file's ${what} is ${ours}, the release's ${theirs}`);
  // With too low figures the bond would not cover a challenger's gas.
  if (release.stepGas < model.worst.gas || release.disputeGas < model.disputeGas)
    throw new AssayError(
      "RELEASE_REFUSED",
      `a dispute may take ${model.worst.gas} and ${model.disputeGas} gas, the release says ${release.stepGas} and ${release.disputeGas}`,
    );
}

/** Lowers the file at a path. @throws {AssayError} MODEL_REFUSED. */
export type Describe = (path: string, bindings: Bindings) => Promise<ModelSummary>;

/** In this process. */
export async function describeFile(path: string, bindings: Bindings): Promise<ModelDescription> {
  const { buffer, byteOffset, length } = await readFile(path);
  return describeModel(new Uint8Array(buffer, byteOffset, length), bindings);
}

export interface ReleaseLimits extends FetchLimits {
  /** Bytes of all tensors of a run, which a dispute keeps in memory. */
  readonly maxTraceBytes: number;
}

/** Files that are fetched at once: each is held in memory until its hash is known. */
const MAX_FETCHES = 2;

/** Refusals that follow from the file and the release alone; anything else may go better another time. */
function isFinal(error: unknown): boolean {
  const final = error instanceof AssayError && ["RELEASE_REFUSED", "MODEL_REFUSED"].includes(error.code);
  return final && !isRetryable(error);
}

export interface Releases {
  /**
   * The release, re-derived; fetched and checked once.
   * @throws {AssayError} as checkRelease, fetchContent and `describe`; a refusal is remembered.
   */
  prepare(record: ReleaseRecord): Promise<PreparedRelease>;
  /** The release if it has been prepared. */
  ready(releaseId: Hex): PreparedRelease | undefined;
}

/**
 * @param mirrors Base URLs of other nodes, asked after the release's own URIs.
 * @param describe Where files of strangers are lowered.
 */
export function createReleases(
  store: ContentStore,
  limits: ReleaseLimits,
  mirrors: readonly string[],
  describe: Describe = describeFile,
): Releases {
  const done = new Map<Hex, PreparedRelease>();
  const fetching = pLimit(MAX_FETCHES);
  const attempts = new Map<Hex, Promise<PreparedRelease>>();

  async function load(record: ReleaseRecord): Promise<PreparedRelease> {
    const { releaseId, release, contentUris } = record;
    const bindings = bindingsOf(record);
    if ((await store.get(release.fileSha256)) === undefined) {
      const others = mirrors.map((base) => `${base}/content/${release.fileSha256.slice(2).toLowerCase()}`);
      const uris = [...contentUris, ...others];
      await fetching(async () => store.put(await fetchContent(release.fileSha256, uris, limits)));
    }
    const path = store.pathOf(release.fileSha256);
    const model = await describe(path, bindings);
    checkRelease(release, model);
    if (model.traceBytes > limits.maxTraceBytes)
      throw new AssayError(
        "RELEASE_REFUSED",
        `a trace has ${model.traceBytes} bytes: raise the limit of ${limits.maxTraceBytes} to accept it`,
      );
    return { releaseId, release, model, path };
  }

  async function remember(record: ReleaseRecord): Promise<PreparedRelease> {
    try {
      const prepared = await load(record);
      done.set(record.releaseId, prepared);
      return prepared;
    } catch (error) {
      if (!isFinal(error)) attempts.delete(record.releaseId);
      throw error;
    }
  }

  return {
    ready: (releaseId) => done.get(releaseId),
    prepare(record) {
      const attempt = attempts.get(record.releaseId) ?? remember(record);
      attempts.set(record.releaseId, attempt);
      return attempt;
    },
  };
}
