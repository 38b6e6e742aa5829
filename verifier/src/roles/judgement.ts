/** Whether an answer is right: onnxruntime screens where that is enough, the exact interpreter judges the rest. */
import { randomInt } from "node:crypto";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import type { Limits } from "../compute/children.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { errorFields } from "../log.ts";
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

export type Judge = (record: ReleaseRecord, answer: Answer, limits: Limits) => Promise<Judgement>;

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

  return async (record, answer, limits) => {
    const { id, operator } = answer;
    const prepared = await releases.prepare(record);
    const screened = await passesScreen(prepared, answer);
    const by = screened ? "onnxruntime" : "exact interpreter";
    let verdict: Verdict = "right";
    if (!screened) {
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
