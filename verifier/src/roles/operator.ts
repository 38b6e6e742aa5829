/** Answers requests, defends the answers, collects what is due. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { fromHex, sameHex, type Hex, type Request } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/source.ts";
import {
  isTold,
  MAX_DELIVERIES,
  type ChainState,
  type ReleaseRecord,
  type RequestRecord,
  type ToldRequest,
  type ToldResult,
} from "../chain/state.ts";
import { limitsFor, type ExactLimits } from "../compute/patience.ts";
import { fastOutput } from "../compute/screen.ts";
import type { Duty } from "../duties.ts";
import { errorFields } from "../log.ts";
import { considerAnswer, paysDelivery, type AnswerFacts, type AnswerTerms } from "../economics/answer.ts";
import { createNotices, type Decision } from "../economics/decision.ts";
import { addExposure, NO_EXPOSURE, type Exposure } from "../economics/exposure.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { moveKey } from "../play/calls.ts";
import { planOperator, planSettlement } from "../play/planner.ts";
import { revealOf } from "../play/reveals.ts";
import { answerWith, type DefendedTrace } from "../play/trace.ts";
import { rulesOf, type Trial } from "../play/trial.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import {
  dutiesOfTrials,
  leftIn,
  moveDuty,
  placesFor,
  sendMove,
  type Role,
  type RoleContext,
} from "./role.ts";

/** Which requests are answered; the others are left to others. */
export type OperatorOptions = AnswerTerms;

/** Computes the output blob that is signed. @param limits For one exact run: what takes longer could not be defended in time. */
export type Answerer = (
  release: PreparedRelease,
  input: Uint8Array,
  limits: ExactLimits,
) => Promise<Uint8Array>;

/** Gives the trace to defend of an answer. It may take its time; the operator's clock runs meanwhile. */
export type TraceProvider = (release: PreparedRelease, trial: Trial) => Promise<DefendedTrace>;

/** The output of a receipt. @param deadline Unix seconds. */
export type ReceiptAnswerer = (
  release: PreparedRelease,
  input: Uint8Array,
  deadline: number,
) => Promise<Uint8Array>;

/** How an operator answers and what it stands by. */
export interface OperatorParts {
  readonly answer: Answerer;
  readonly trace: TraceProvider;
  /** For receipts. Default: honestly. */
  readonly receipt?: ReceiptAnswerer;
}

/** What is bound by answers that were given, and what is left for others, as more and more are promised. */
interface Risk {
  readonly open: Exposure;
  readonly freeWei: bigint | undefined;
}

/** Before a failed callback is repeated, seconds; each time after four times as long. */
const FIRST_DELIVERY_PAUSE = 60;
/** Of a duty that answers: each is a run of the exact interpreter. */
const ANSWER_PLACES = 2;
/** Most of the operator's clock that computing an answer may take; its trace, to be hashed too, takes longer. */
export const CLOCK_SHARE = 1 / 8;

/**
 * The right answer: the exact interpreter's, or onnxruntime's if the release has a tolerance and the exact interpreter confirms it.
 * onnxruntime alone is never enough: whoever can find an input on which it errs could take the bond.
 */
export function honestAnswerer(context: Pick<RoleContext, "pool" | "exact" | "log">): Answerer {
  return async (release, input, limits) => {
    const { model } = release;
    const { atol, rtol } = release.release;
    const right = context.exact.output(release, input, limits);
    if (atol === 0 && rtol === 0) return right;
    const fast = fastOutput(context.pool, release, input, limits.deadline).catch((error: unknown) => {
      const fields = { release: release.releaseId, ...errorFields(error) };
      context.log.warn(fields, "onnxruntime failed: the exact interpreter answers");
      return undefined;
    });
    const [exact, found] = await Promise.all([right, fast]);
    const usable =
      found !== undefined && firstWrongOutput(model, exact, found, release.release) === undefined;
    return usable ? found : exact;
  };
}

/** The trace of an honest run, where it was computed. */
export function honestTracer({ exact }: Pick<RoleContext, "exact">): TraceProvider {
  return (release, trial) => {
    const limits = { runMs: 1000 * rulesOf(trial).operatorClock, deadline: trial.now };
    return exact.openTrace(release, fromHex(trial.request.input), limits);
  };
}

export function createOperator(context: RoleContext, options: OperatorOptions, parts: OperatorParts): Role {
  const { contracts, sender, releases, runTimes, findings, log } = context;
  const market = contracts.market.interface;
  const to = contracts.deployment.addresses.market;
  const outputs = new Map<Hex, Uint8Array>();
  const traces = new Map<Hex, Promise<DefendedTrace>>();
  /** Those that are computed. */
  const shown = new Map<Hex, DefendedTrace>();
  /** Chain time before which an answer would come before our turn. */
  const turns = new Map<Hex, number>();

  const notices = createNotices(log);
  /** Requests that are being answered: they count as answers already. */
  const begun = new Set<Hex>();
  const answered = new Set<Hex>();

  function exposureOf({ releaseId, bond, parameters }: Request): Exposure {
    const traceSeconds = runTimes.traceSeconds(releases.ready(releaseId)?.model);
    const clockSeconds = unpackParameters(parameters).operatorClock;
    return { answers: 1, bondWei: bond, traceSeconds, clockSeconds };
  }

  /** All answers that can still be challenged. */
  function openExposure(state: ChainState, head: BlockRef): Exposure {
    let sum = NO_EXPOSURE;
    for (const { requestId, operator, endsAt, openGames } of state.results.values()) {
      if (!sameHex(operator, sender.address) || (head.timestamp >= endsAt && openGames === 0)) continue;
      const request = state.requests.get(requestId);
      if (request?.status === "answered") sum = addExposure(sum, exposureOf(request.request));
    }
    return sum;
  }

  function pricesNow(releaseId: Hex, head: BlockRef): Pick<AnswerFacts, "feePerGas" | "runSeconds"> {
    const { baseFee, tip } = context.gasPrice(head);
    const runSeconds = runTimes.runSeconds(releases.ready(releaseId)?.model);
    return { feePerGas: baseFee + tip, runSeconds };
  }

  function consider(
    record: ReleaseRecord,
    request: Request,
    { open, freeWei }: Risk,
    head: BlockRef,
  ): Decision {
    return considerAnswer(request, record.release, sender.address, options, {
      ...pricesNow(request.releaseId, head),
      freeWei,
      exposure: open,
      added: exposureOf(request),
      limits: { maxBondWei: options.maxExposure, workers: context.workers },
    });
  }

  async function answer(
    record: ReleaseRecord,
    request: ToldRequest,
    head: BlockRef,
    patient: boolean,
  ): Promise<void> {
    const { requestId } = request;
    const release = await releases.prepare(record);
    // Meanwhile it may have turned out that it does not pay, or that too much is at risk.
    if (!begun.has(requestId)) return;
    const { deadline, parameters } = request.request;
    const mostMs = 1000 * unpackParameters(parameters).operatorClock * CLOCK_SHARE;
    const compute = (): Promise<Uint8Array> => {
      const limits = limitsFor(release.model, patient, mostMs, deadline);
      return parts.answer(release, fromHex(request.input), limits);
    };
    const output =
      outputs.get(requestId) ??
      (await findings.answer(requestId)) ??
      (await findings.keepAnswer(requestId, await compute()));
    outputs.set(requestId, output);
    const turn = Number(await contracts.market.turnOpensAt(request.request, sender.address));
    turns.set(requestId, turn);
    if (turn > head.timestamp || !begun.has(requestId)) return;
    const data = market.encodeFunctionData("fulfill", [request.request, output]);
    await sender.send({
      key: `fulfill:${requestId}`,
      label: "fulfill",
      subject: requestId,
      priority: "answer",
      deadline,
      to,
      data,
    });
    // It is due until its event has come.
    if (answered.has(requestId)) return;
    answered.add(requestId);
    context.probe.answered(record.releaseId);
    log.info({ request: requestId, release: record.releaseId }, "answered");
  }

  function forget(requestId: Hex): void {
    outputs.delete(requestId);
    turns.delete(requestId);
    begun.delete(requestId);
    answered.delete(requestId);
    notices.forget(requestId);
  }

  /** Requests that could be answered now, those that were begun first, then in the order of the chain. */
  function openRequests(state: ChainState, head: BlockRef): ToldRequest[] {
    const found: ToldRequest[] = [];
    for (const request of state.requests.values())
      if (request.status !== "requested" || head.timestamp > request.request.deadline)
        forget(request.requestId);
      else if (isTold(request)) found.push(request);
    return [
      ...found.filter(({ requestId }) => begun.has(requestId)),
      ...found.filter(({ requestId }) => !begun.has(requestId)),
    ];
  }

  function freeFor(state: ChainState, head: BlockRef): bigint | undefined {
    const freeWei = leftIn("market", context.freeStake.lately(head), context, state, head);
    return freeWei === undefined ? undefined : freeWei - context.promised.challenges.besides();
  }

  function answers(state: ChainState, head: BlockRef): Duty[] {
    const duties: Duty[] = [];
    let risk: Risk | undefined;
    for (const request of openRequests(state, head)) {
      const { requestId } = request;
      const { releaseId, deadline } = request.request;
      const record = state.releases.get(releaseId);
      if (record === undefined) continue;
      risk ??= { open: openExposure(state, head), freeWei: freeFor(state, head) };
      const decision = consider(record, request.request, risk, head);
      if (!decision.take) {
        begun.delete(requestId);
        notices.refuse(requestId, { request: requestId, release: releaseId }, "left to others", decision);
        continue;
      }
      // What waits for its turn is not promised to anybody yet.
      if ((turns.get(requestId) ?? 0) > head.timestamp) continue;
      begun.add(requestId);
      context.promised.answers.set(requestId, request.request.bond);
      const { open, freeWei } = risk;
      risk = {
        open: addExposure(open, exposureOf(request.request)),
        freeWei: freeWei === undefined ? undefined : freeWei - request.request.bond,
      };
      duties.push({
        key: `answer:${requestId}`,
        subject: requestId,
        places: placesFor(context, releaseId, ANSWER_PLACES),
        deadline,
        run: (patient) => answer(record, request, head, patient),
      });
    }
    context.promised.answers.retain((requestId) => begun.has(requestId) && state.requests.has(requestId));
    return duties;
  }

  /** Of an answer that was challenged; opened when it is first needed, and once. */
  function traceOf(trial: Trial): Promise<DefendedTrace> {
    const { resultId } = trial.result;
    const known = traces.get(resultId);
    if (known !== undefined) return known;
    log.warn({ result: resultId }, "challenged: computing the trace");
    const opened = releases.prepare(trial.release).then((release) => parts.trace(release, trial));
    traces.set(resultId, opened);
    opened.then(
      (trace) => traces.get(resultId) === opened && shown.set(resultId, trace),
      // Asked again, it is tried again.
      () => traces.delete(resultId),
    );
    return opened;
  }

  function closeTrace(resultId: Hex): void {
    const opened = traces.get(resultId);
    traces.delete(resultId);
    shown.delete(resultId);
    void opened?.then(
      (trace) => trace.close(),
      () => undefined,
    );
  }

  function defence(trial: Trial): Duty[] {
    return planOperator(trial).map(({ move, deadline }) => {
      if (move.kind === "timeout") return moveDuty(context, trial, move, deadline);
      const run = async (): Promise<void> => {
        const complete = await answerWith(await traceOf(trial), move);
        await sendMove(context, trial, complete, deadline);
      };
      const { requestId: subject } = trial.request;
      return { key: moveKey(trial.result.resultId, move), subject, deadline, run };
    });
  }

  function callMarket(method: "finalize" | "deliver", result: ToldResult, request: RequestRecord): Duty {
    const data = (): string => {
      const args = [request.request, result.operator, result.output] as const;
      // Overloads: the name must be a literal.
      return method === "finalize"
        ? market.encodeFunctionData("finalize", [...args])
        : market.encodeFunctionData("deliver", [...args]);
    };
    const key = `${method}:${result.resultId}:${request.failedDeliveries}`;
    return {
      key,
      subject: request.requestId,
      async run() {
        await sender.send({ key, label: method, subject: request.requestId, to, data: data() });
      },
    };
  }

  function closing({ now, release, result, request }: Trial, head: BlockRef): Duty[] {
    // Nothing is paid or delivered on chain for a receipt.
    if (request.court === "receipts") return [];
    if (request.status === "answered" && now >= result.endsAt && result.openGames === 0)
      return [callMarket("finalize", result, request)];
    const { failedDeliveries: failed, failedAt } = request;
    const again =
      failed > 0 && failed < MAX_DELIVERIES && now >= failedAt + FIRST_DELIVERY_PAUSE * 4 ** (failed - 1);
    if (request.status !== "final" || !again) return [];
    const { releaseId } = release;
    const pays = paysDelivery(request.request, release.release, options, pricesNow(releaseId, head), failed);
    return pays ? [callMarket("deliver", result, request)] : [];
  }

  function dutiesOf(trial: Trial, head: BlockRef): Duty[] {
    if (trial.request.status !== "answered") closeTrace(trial.result.resultId);
    const settlements = planSettlement(trial, sender.address).map((move) => moveDuty(context, trial, move));
    return [...defence(trial), ...closing(trial, head), ...settlements];
  }

  return {
    async reveal(resultId, node) {
      // Whoever asks too early shall not keep the others waiting.
      const trace = shown.get(resultId);
      return trace && revealOf(trace, node);
    },
    duties: (state, head) => [
      ...answers(state, head),
      ...dutiesOfTrials(context, state, head, "mine", (trial) => dutiesOf(trial, head)),
    ],
  };
}
