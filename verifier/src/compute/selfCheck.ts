/** Whether this machine's onnxruntime can be trusted with a release: it is compared with the exact interpreter before it is. */
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { Feed } from "../check/feeds.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { logError, type Logger } from "../log.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Limits } from "./children.ts";
import type { ExactPool } from "./exactPool.ts";
import type { InferencePool } from "./pool.ts";
import { fastOutput } from "./screen.ts";

/** What onnxruntime's answers to a release are worth here. */
export type FastPath =
  /** Integer release, and onnxruntime agreed with the exact interpreter on every input. */
  | { readonly kind: "exact" }
  /** Honest onnxruntimes may differ; so many of these ordinary inputs were within the release's tolerance. */
  | { readonly kind: "approximate"; readonly agreed: number; readonly of: number }
  | { readonly kind: "unusable"; readonly reason: string };

const SAMPLES = 4;
const SEED = 1;
/** For the exact interpreter on one of the inputs. */
const LIMITS: Limits = { runMs: 60_000 };

export interface Computing {
  readonly pool: InferencePool;
  readonly exact: ExactPool;
}

/** @returns undefined if both agree. */
async function disagreement(
  { pool, exact }: Computing,
  prepared: PreparedRelease,
  { name, blob }: Feed,
): Promise<string | undefined> {
  const fast = await fastOutput(pool, prepared, blob);
  const right = await exact.output(prepared, blob, LIMITS);
  const wrong = firstWrongOutput(prepared.model, right, fast, prepared.release);
  if (wrong === undefined) return undefined;
  return `element ${wrong.element} of output ${wrong.output} differs on the input "${name}"`;
}

/**
 * Compares them on ordinary inputs, at the extremes of each dtype, and on ties: zeros, ones, halves.
 * @throws {AssayError} what another time may not happen: INFERENCE_TIMED_OUT, CONTENT_MISMATCH, CLOSED.
 */
export async function selfCheck(computing: Computing, prepared: PreparedRelease): Promise<FastPath> {
  const { signature, exactInOnnxruntime } = prepared.model;
  try {
    const feeds = await computing.exact.feeds(signature.inputs, SAMPLES, SEED);
    // What differs beyond a tolerance where floats overflow is judged exactly when it comes.
    const compared = exactInOnnxruntime ? feeds : feeds.filter(({ group }) => group === "ordinary");
    let agreed = 0;
    for (const feed of compared) {
      const reason = await disagreement(computing, prepared, feed);
      if (reason === undefined) agreed++;
      else if (exactInOnnxruntime) return { kind: "unusable", reason };
    }
    if (exactInOnnxruntime) return { kind: "exact" };
    return { kind: "approximate", agreed, of: compared.length };
  } catch (error) {
    const again = !(error instanceof AssayError) || !/^INFERENCE_(FAILED|OUT_OF_MEMORY)$/.test(error.code);
    if (again) throw error;
    return { kind: "unusable", reason: messageOf(error) };
  }
}

export interface FastPaths {
  /** Undefined while it is not known yet: what is asked meanwhile is judged by the exact interpreter. The check runs in the background. */
  of(release: PreparedRelease): FastPath | undefined;
  /** As `of`, once it is known; undefined if it could not be found out now. */
  check(release: PreparedRelease): Promise<FastPath | undefined>;
}

/**
 * The self-check of each release, once in the life of this process: the machine or its onnxruntime may be another next time.
 * @param onChecked Called with each result.
 */
export function createFastPaths(
  computing: Computing,
  log: Logger,
  onChecked: (releaseId: Hex, path: FastPath) => void = () => undefined,
): FastPaths {
  const paths = new Map<Hex, FastPath>();
  const checking = new Map<Hex, Promise<FastPath | undefined>>();

  async function check(release: PreparedRelease): Promise<FastPath | undefined> {
    const { releaseId } = release;
    try {
      const path = await selfCheck(computing, release);
      paths.set(releaseId, path);
      onChecked(releaseId, path);
      const fields = { release: releaseId, ...path };
      if (path.kind !== "unusable") log.info(fields, "release ready");
      else log.warn(fields, "self-check failed: the exact interpreter computes this release");
      return path;
    } catch (error) {
      logError(log, error, "the self-check could not be made", { release: releaseId });
      return undefined;
    } finally {
      // Asked again, what could not be found out is tried again.
      checking.delete(releaseId);
    }
  }

  function start(release: PreparedRelease): Promise<FastPath | undefined> {
    const { releaseId } = release;
    const running = checking.get(releaseId) ?? check(release);
    checking.set(releaseId, running);
    return running;
  }

  return {
    of(release) {
      const path = paths.get(release.releaseId);
      if (path === undefined) void start(release);
      return path;
    },
    check: async (release) => paths.get(release.releaseId) ?? (await start(release)),
  };
}
