/** Re-derives a release from its file before anything is served or verified. */
import { readFile } from "node:fs/promises";
import { sha256 } from "../../../program/src/merkle.ts";
import { AssayError, isRetryable, messageOf } from "../../../sdk/src/error.ts";
import { sameHex, toHex, type Hex, type Release } from "../../../sdk/src/structs.ts";
import { bindingsHash, parseBindings, signatureHash, type Bindings } from "../../../sdk/src/tensor.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import type { Content } from "../content/content.ts";
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

/** One field of a release beside what its file gives. */
export interface ReleaseField {
  readonly field: string;
  readonly file: string | number;
  readonly release: string | number;
  readonly ok: boolean;
}

/** Everything that a release says of its file. Of gas it may say more: with too little, the bond would not cover a challenger's. */
export function compareRelease(release: Release, model: ModelSummary): ReleaseField[] {
  const equal = (field: string, file: string | number, said: string | number): ReleaseField => ({
    field,
    file,
    release: said,
    ok: file === said,
  });
  const covers = (field: string, file: number, said: number): ReleaseField => ({
    field,
    file,
    release: said,
    ok: said >= file,
  });
  return [
    equal("file sha256", model.fileSha256, release.fileSha256.toLowerCase()),
    equal("lowering version", model.loweringVersion, release.loweringVersion),
    equal("program root", model.programRoot, release.programRoot.toLowerCase()),
    equal("bindings hash", bindingsHash(model.bindings), release.bindingsHash.toLowerCase()),
    equal("signature hash", signatureHash(model.signature), release.signatureHash.toLowerCase()),
    equal("input bytes", model.inputBytes, release.inputBytes),
    equal("output bytes", model.outputBytes, release.outputBytes),
    covers("step gas", model.worst.gas, release.stepGas),
    covers("dispute gas", model.disputeGas, release.disputeGas),
  ];
}

/** @throws {AssayError} RELEASE_REFUSED with what the release says otherwise than its file. */
export function checkRelease(release: Release, model: ModelSummary): void {
  for (const { field, file, release: said, ok } of compareRelease(release, model))
    if (!ok) throw new AssayError("RELEASE_REFUSED", `the file's ${field} is ${file}, the release's ${said}`);
}

/**
 * Lowers the file at a path.
 * @param fileSha256 What it must have, absent: any.
 * @throws {AssayError} MODEL_REFUSED; CONTENT_UNAVAILABLE if there is no such file, CONTENT_MISMATCH if it is another.
 */
export type Describe = (path: string, bindings: Bindings, fileSha256?: Hex) => Promise<ModelSummary>;

/** In this process. */
export async function describeFile(
  path: string,
  bindings: Bindings,
  fileSha256?: Hex,
): Promise<ModelDescription> {
  return describeModel(await readBytes(path, fileSha256), bindings);
}

/**
 * @param fileSha256 What the file must have, absent: any.
 * @throws {AssayError} CONTENT_UNAVAILABLE, CONTENT_MISMATCH.
 */
export async function readBytes(path: string, fileSha256?: Hex): Promise<Uint8Array> {
  const { buffer, byteOffset, length } = await readFile(path).catch((cause: unknown) => {
    throw new AssayError("CONTENT_UNAVAILABLE", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  const file = new Uint8Array(buffer, byteOffset, length);
  if (fileSha256 !== undefined && !sameHex(toHex(sha256(file)), fileSha256))
    throw new AssayError("CONTENT_MISMATCH", `${path} does not have the SHA-256 ${fileSha256}`);
  return file;
}

export interface ReleaseLimits {
  /** Bytes of all tensors of a run, which a dispute keeps in memory. */
  readonly maxTraceBytes: number;
}

/** Refusals that follow from the file and the release alone; anything else may go better another time. */
function isFinal(error: unknown): boolean {
  const final = error instanceof AssayError && ["RELEASE_REFUSED", "MODEL_REFUSED"].includes(error.code);
  return final && !isRetryable(error);
}

export interface Releases {
  /**
   * The release, re-derived; fetched and checked once.
   * @throws {AssayError} as checkRelease, Content.provide and `describe`; a refusal is remembered.
   */
  prepare(record: ReleaseRecord): Promise<PreparedRelease>;
  /** The release if it has been prepared. */
  ready(releaseId: Hex): PreparedRelease | undefined;
  /** Why the last try to prepare it failed: "final" if every other will. Undefined: it has not been tried, or it is ready. */
  failure(releaseId: Hex): "final" | "passing" | undefined;
}

/**
 * @param content Whence files come; those of releases that are prepared stay in its store.
 * @param describe Where files of strangers are lowered.
 */
export function createReleases(
  content: Pick<Content, "provide" | "pin">,
  limits: ReleaseLimits,
  describe: Describe = describeFile,
): Releases {
  const done = new Map<Hex, PreparedRelease>();
  const attempts = new Map<Hex, Promise<PreparedRelease>>();
  const failures = new Map<Hex, "final" | "passing">();

  async function load(record: ReleaseRecord): Promise<PreparedRelease> {
    const { releaseId, release, contentUris } = record;
    const bindings = bindingsOf(record);
    // From now on, lest it be evicted while it is looked at.
    const unpin = await content.pin(release.fileSha256);
    try {
      const { path } = await content.provide(release.fileSha256, contentUris);
      const model = await describe(path, bindings, release.fileSha256);
      checkRelease(release, model);
      if (model.traceBytes > limits.maxTraceBytes)
        throw new AssayError(
          "RELEASE_REFUSED",
          `a trace has ${model.traceBytes} bytes: raise the limit of ${limits.maxTraceBytes} to accept it`,
        );
      return { releaseId, release, model, path };
    } catch (error) {
      unpin();
      throw error;
    }
  }

  async function remember(record: ReleaseRecord): Promise<PreparedRelease> {
    try {
      const prepared = await load(record);
      done.set(record.releaseId, prepared);
      failures.delete(record.releaseId);
      return prepared;
    } catch (error) {
      failures.set(record.releaseId, isRetryable(error) ? "passing" : "final");
      if (!isFinal(error)) attempts.delete(record.releaseId);
      throw error;
    }
  }

  return {
    ready: (releaseId) => done.get(releaseId),
    failure: (releaseId) => failures.get(releaseId),
    prepare(record) {
      const attempt = attempts.get(record.releaseId) ?? remember(record);
      attempts.set(record.releaseId, attempt);
      return attempt;
    },
  };
}
