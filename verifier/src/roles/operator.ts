/** Answers requests, defends the answers, collects what is due. */
import type { Trace } from "../../../program/src/trace.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { fromHex, sameHex, ZERO_ADDRESS, type Hex } from "../../../sdk/src/structs.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState, ReleaseRecord, RequestRecord, ResultRecord } from "../chain/state.ts";
import type { Limits } from "../compute/children.ts";
import { fastOutput } from "../compute/screen.ts";
import type { Duty } from "../duties.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { claimOfTrace } from "../play/evidence.ts";
import { operatorOwes, planOperator, planSettlement, type DefendedTrace } from "../play/planner.ts";
import { rulesOf, type Trial } from "../play/trial.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { dutiesOfTrials, moveDuty, type Role, type RoleContext } from "./role.ts";

export interface OperatorOptions {
  /** Releases to serve. */
  readonly serve: "all" | readonly Hex[];
  /** Requests with a lower fee (wei) are left to others. */
  readonly minFee: bigint;
}

/** Computes the output blob that is signed. @param limits For one exact run: what takes longer could not be defended in time. */
export type Answerer = (release: PreparedRelease, input: Uint8Array, limits: Limits) => Promise<Uint8Array>;

/** Gives the trace to defend of an answer. It may take its time; the operator's clock runs meanwhile. */
export type TraceProvider = (release: PreparedRelease, trial: Trial) => Promise<DefendedTrace>;

/** How an operator answers and what it stands by. */
export interface OperatorParts {
  readonly answer: Answerer;
  readonly trace: TraceProvider;
}

/** A node repeats a failed callback this often, each time after four times as long, seconds. */
const MAX_DELIVERIES = 4;
const FIRST_DELIVERY_PAUSE = 60;
/** Most of the operator's clock that computing an answer may take; its trace, to be hashed too, takes longer. */
const CLOCK_SHARE = 1 / 8;

/**
 * The right answer: the exact interpreter's, or onnxruntime's if the release has a tolerance and the exact interpreter confirms it.
 * onnxruntime alone is never enough: whoever can find an input on which it errs could take the bond.
 */
export function honestAnswerer(context: Pick<RoleContext, "pool" | "exact" | "log">): Answerer {
  return async (release, input, limits) => {
    const { model } = release;
    const { atol, rtol } = release.release;
    const right = context.exact.output(model, input, limits);
    if (atol === 0 && rtol === 0) return right;
    const fast = fastOutput(context.pool, release, input, limits.deadline).catch((error: unknown) => {
      context.log.warn({ release: release.releaseId }, `${messageOf(error)}: the exact interpreter answers`);
      return undefined;
    });
    const [exact, found] = await Promise.all([right, fast]);
    const usable =
      found !== undefined && firstWrongOutput(model.program, exact, found, release.release) === undefined;
    return usable ? found : exact;
  };
}

/** A trace of all tensors, to be defended. */
export function defend(trace: Trace): DefendedTrace {
  return { depth: trace.traceTree().depth, claimed: claimOfTrace(trace) };
}

export function honestTracer({ exact }: Pick<RoleContext, "exact">): TraceProvider {
  return async ({ model }, trial) => {
    const limits = { runMs: 1000 * rulesOf(trial).operatorClock, deadline: trial.now };
    return defend(await exact.trace(model, fromHex(trial.request.input), limits));
  };
}

export function createOperator(context: RoleContext, options: OperatorOptions, parts: OperatorParts): Role {
  const { contracts, sender, releases, log } = context;
  const market = contracts.market.interface;
  const to = contracts.deployment.addresses.market;
  const outputs = new Map<Hex, Uint8Array>();
  const traces = new Map<Hex, DefendedTrace>();
  /** Chain time before which an answer would come before our turn. */
  const turns = new Map<Hex, number>();

  function serves({ request }: RequestRecord): boolean {
    const { serve, minFee } = options;
    const open = sameHex(request.operator, ZERO_ADDRESS) || sameHex(request.operator, sender.address);
    return (
      open && request.fee >= minFee && (serve === "all" || serve.some((id) => sameHex(id, request.releaseId)))
    );
  }

  async function answer(record: ReleaseRecord, request: RequestRecord, head: BlockRef): Promise<void> {
    const { requestId } = request;
    const release = await releases.prepare(record);
    const { deadline, parameters } = request.request;
    const limits = { runMs: 1000 * unpackParameters(parameters).operatorClock * CLOCK_SHARE, deadline };
    const output = outputs.get(requestId) ?? (await parts.answer(release, fromHex(request.input), limits));
    outputs.set(requestId, output);
    const turn = Number(await contracts.market.turnOpensAt(request.request, sender.address));
    turns.set(requestId, turn);
    if (turn > head.timestamp) return;
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
    log.info({ request: requestId, release: record.releaseId }, "answered");
  }

  function answers(state: ChainState, head: BlockRef): Duty[] {
    const duties: Duty[] = [];
    for (const request of state.requests.values()) {
      const record = state.releases.get(request.request.releaseId);
      const { deadline } = request.request;
      if (request.status !== "requested") {
        outputs.delete(request.requestId);
        turns.delete(request.requestId);
        continue;
      }
      if (record === undefined || head.timestamp > deadline || !serves(request)) continue;
      if ((turns.get(request.requestId) ?? 0) > head.timestamp) continue;
      duties.push({ key: `answer:${request.requestId}`, deadline, run: () => answer(record, request, head) });
    }
    return duties;
  }

  function defence(trial: Trial): Duty[] {
    const { resultId } = trial.result;
    const trace = traces.get(resultId);
    const moves = planOperator(trial, trace).map(({ move, deadline }) =>
      moveDuty(context, trial, move, deadline),
    );
    if (!operatorOwes(trial) || trace !== undefined) return moves;
    const run = async (): Promise<void> => {
      log.warn({ result: resultId }, "challenged: computing the trace");
      traces.set(resultId, await parts.trace(await releases.prepare(trial.release), trial));
    };
    return [{ key: `trace:${resultId}`, deadline: trial.now, run }, ...moves];
  }

  function callMarket(method: "finalize" | "deliver", result: ResultRecord, request: RequestRecord): Duty {
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
      async run() {
        await sender.send({ key, label: method, subject: request.requestId, to, data: data() });
      },
    };
  }

  function closing({ now, result, request }: Trial): Duty[] {
    if (request.status === "answered" && now >= result.endsAt && result.openGames === 0)
      return [callMarket("finalize", result, request)];
    const { failedDeliveries: failed, failedAt } = request;
    const again =
      failed > 0 && failed < MAX_DELIVERIES && now >= failedAt + FIRST_DELIVERY_PAUSE * 4 ** (failed - 1);
    return request.status === "final" && again ? [callMarket("deliver", result, request)] : [];
  }

  function dutiesOf(trial: Trial): Duty[] {
    if (trial.request.status !== "answered") traces.delete(trial.result.resultId);
    const settlements = planSettlement(trial, sender.address).map((move) => moveDuty(context, trial, move));
    return [...defence(trial), ...closing(trial), ...settlements];
  }

  return {
    duties: (state, head) => [
      ...answers(state, head),
      ...dutiesOfTrials(context, state, head, "mine", dutiesOf),
    ],
  };
}
