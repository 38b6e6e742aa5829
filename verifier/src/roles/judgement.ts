/** Whether an answer is right: onnxruntime screens where that is enough, the exact interpreter judges the rest. */
import { randomInt } from "node:crypto";
import type { ParameterSet } from "../../../sdk/src/parameters.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { limitsFor } from "../compute/patience.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { errorFields } from "../log.ts";
import type { TraceHandle } from "../play/trace.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import type { Verdict } from "../state/findings.ts";
import type { RoleContext } from "./role.ts";

export interface JudgeOptions {
  /** Float answers with at least this bond (wei) are all judged by the exact interpreter. */
  readonly exactFromWei: bigint;
  /** Share of the other float answers that is judged so too, 0 to 1. */
  readonly auditShare: number;
}

export interface Answer {
  /** Of the result or receipt, for the log. */
  readonly id: Hex;
  readonly operator: Hex;
  readonly bondWei: bigint;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  /** No longer worth anything then, unix seconds; undefined: it comes after what has a deadline. */
  readonly endsAt: number | undefined;
}

export interface Judgement {
  readonly verdict: Verdict;
  /** What found it, for people. */
  readonly by: string;
}

/** How long exact runs may take before an answer is challenged. */
export interface Patience {
  /** Whether it was tried for a short time before. */
  readonly patient: boolean;
  readonly rules: Pick<ParameterSet, "challengerClock">;
}

/** @throws {AssayError} INFERENCE_TIMED_OUT and what else an exact run may throw. */
export type Judge = (record: ReleaseRecord, answer: Answer, patience: Patience) => Promise<Judgement>;

/**
 * Shares of the challenger's clock: what takes longer could not be played to the end if it had to be computed again. Honest operators
 * compute an answer in an eighth of theirs.
 */
const RUN_SHARE = 1 / 4;
const TRACE_SHARE = 1 / 2;

/** The trace comes before the challenge: who cannot compute it cannot win. @throws {AssayError} as Judge. */
export async function openTrace(
  { exact, releases }: Pick<RoleContext, "exact" | "releases">,
  record: ReleaseRecord,
  { input, endsAt }: Pick<Answer, "input" | "endsAt">,
  { patient, rules }: Patience,
): Promise<TraceHandle> {
  const release = await releases.prepare(record);
  const mostMs = 1000 * rules.challengerClock * TRACE_SHARE;
  return exact.openTrace(release, input, limitsFor(release.model, patient, mostMs, endsAt));
}

/** Of a duty that judges: most end with a run of onnxruntime, which those that wait for it share. */
export const JUDGE_PLACES = 1;

export function createJudge(
  { batcher, exact, releases, fastPaths, probe, log }: RoleContext,
  options: JudgeOptions,
): Judge {
  function drawn(share: number): boolean {
    return randomInt(2 ** 32) < share * 2 ** 32;
  }

  /** Whether onnxruntime's own answer is like the published one, and that settles it. */
  async function passesScreen(release: PreparedRelease, answer: Answer): Promise<boolean> {
    const path = fastPaths.of(release);
    if (path === undefined || path.kind === "unusable") return false;
    const audited = answer.bondWei >= options.exactFromWei || drawn(options.auditShare);
    if (path.kind === "approximate" && audited) return false;
    try {
      const fast = await batcher.output(release, answer.input, answer.endsAt);
      return firstWrongOutput(release.model, fast, answer.output, release.release) === undefined;
    } catch (error) {
      const fields = { result: answer.id, ...errorFields(error) };
      log.warn(fields, "onnxruntime failed: the exact interpreter judges");
      return false;
    }
  }

  return async (record, answer, { patient, rules }) => {
    const { id, operator, endsAt } = answer;
    const prepared = await releases.prepare(record);
    // What failed the screen, or was drawn, before: it has no second chance.
    const screened = !patient && (await passesScreen(prepared, answer));
    const by = screened ? "onnxruntime" : "exact interpreter";
    let verdict: Verdict = "right";
    if (!screened) {
      const mostMs = 1000 * rules.challengerClock * RUN_SHARE;
      const limits = limitsFor(prepared.model, patient, mostMs, endsAt);
      const right = await exact.output(prepared, answer.input, limits);
      const wrong = firstWrongOutput(prepared.model, right, answer.output, prepared.release);
      if (wrong !== undefined) verdict = "wrong";
      if (wrong !== undefined) log.warn({ result: id, operator, ...wrong }, "answer is wrong");
    }
    if (verdict === "right") log.info({ result: id, by }, "answer is right");
    probe.judged(verdict, screened ? "onnxruntime" : "exact");
    return { verdict, by };
  };
}
