/** Checks a past answer again, from what the chain and a file of known hash say. */
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { fromHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ReleaseRecord, RequestRecord } from "../chain/state.ts";
import { eventsOf, openClocks, type GameClock, type ToldHistory } from "./history.ts";
import { compareAnswer, isRight, type ComparedOutput } from "./verdict.ts";
import type { Workshop } from "./workshop.ts";

export interface CheckedAnswer {
  readonly resultId: Hex;
  readonly operator: Hex;
  readonly transaction: Hex;
  /** Unix seconds. */
  readonly answeredAt: number;
  readonly endsAt: number;
}

/** What onnxruntime makes of the same input here. */
export type FastAnswer =
  | { readonly ran: true; readonly right: boolean; readonly sameBytes: boolean }
  | { readonly ran: false; readonly reason: string };

export type Verdict =
  | {
      readonly verdict: "right" | "wrong";
      readonly outputs: readonly ComparedOutput[];
      readonly onnxruntime: FastAnswer;
    }
  | { readonly verdict: "unanswered"; readonly open: boolean }
  | {
      readonly verdict: "unchecked";
      readonly code: string;
      readonly reason: string;
      readonly retryable: boolean;
    };

export interface Verification {
  readonly requestId: Hex;
  readonly releaseId: Hex;
  readonly requester: Hex;
  readonly state: RequestRecord["status"];
  readonly answer: CheckedAnswer | undefined;
  readonly games: readonly GameClock[];
  readonly result: Verdict;
}

/** Says what is going on; the work's result is what it returns. */
export type Report = <T>(label: string, work: () => Promise<T>) => Promise<T>;

/** Recomputes an output. @param published What somebody says that the release makes of `input`. */
export async function checkOutput(
  input: Uint8Array,
  published: Uint8Array,
  record: ReleaseRecord,
  workshop: Workshop,
  report: Report,
): Promise<Verdict> {
  try {
    const prepared = await report("fetching and lowering the model", () => workshop.prepare(record));
    const { model, release } = prepared;
    const exact = await report("running the exact interpreter", () => workshop.exact(prepared, input));
    const specs = model.signature.outputs;
    const outputs = compareAnswer(specs, published, exact, release);
    const onnxruntime = await report("running onnxruntime", () => workshop.fast(prepared, input)).then(
      (fast): FastAnswer => ({
        ran: true,
        right: isRight(compareAnswer(specs, fast, exact, release)),
        sameBytes: Buffer.compare(fast, published) === 0,
      }),
      (error: unknown): FastAnswer => ({ ran: false, reason: messageOf(error) }),
    );
    return { verdict: isRight(outputs) ? "right" : "wrong", outputs, onnxruntime };
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    return { verdict: "unchecked", code: error.code, reason: error.message, retryable: error.retryable };
  }
}

/** @param now Time of the newest block, unix seconds. */
export async function verifyAnswer(
  history: ToldHistory,
  record: ReleaseRecord,
  now: number,
  workshop: Workshop,
  report: Report,
): Promise<Verification> {
  const { request, result } = history;
  const [answered] = eventsOf(history, "Fulfilled");
  const answer =
    result === undefined || answered === undefined
      ? undefined
      : {
          resultId: result.resultId,
          operator: result.operator,
          transaction: answered.transaction,
          answeredAt: result.answeredAt,
          endsAt: result.endsAt,
        };
  const check = (): Promise<Verdict> =>
    checkOutput(fromHex(request.input), fromHex(result?.output ?? "0x"), record, workshop, report);
  const open = request.status === "requested" && now <= request.request.deadline;
  return {
    requestId: request.requestId,
    releaseId: request.request.releaseId,
    requester: request.request.requester,
    state: request.status,
    answer,
    games: openClocks(history, now),
    result: answer === undefined ? { verdict: "unanswered", open } : await check(),
  };
}
