/** Recomputes everybody's answers and challenges the wrong ones to the end. */
import { fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState, ResultRecord } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import {
  considerChallenge,
  estimateChallenge,
  type ChallengeFacts,
  type ChallengePolicy,
  type ChallengeTerms,
} from "../economics/challenge.ts";
import { createNotices } from "../economics/decision.ts";
import { lockedInGames } from "../economics/locked.ts";
import type { Evidence } from "../play/evidence.ts";
import { factsOf } from "../play/facts.ts";
import { challengerDeadline, needsEvidence, planChallenger, planSettlement } from "../play/planner.ts";
import { gatherReveals, withKnown, type Known } from "../play/reveals.ts";
import type { TraceHandle } from "../play/trace.ts";
import { isOver, isOverturned, rulesOf, type Trial } from "../play/trial.ts";
import type { Verdict } from "../state/findings.ts";
import { createJudge, JUDGE_PLACES, openTrace, type JudgeOptions } from "./judgement.ts";
import {
  challengeable,
  dutiesOfTrials,
  leftIn,
  moveDuty,
  placesFor,
  roundsOf,
  type Role,
  type RoleContext,
} from "./role.ts";

export interface VerifierOptions extends JudgeOptions {
  /** Releases whose answers are checked. Default: all. */
  readonly verify?: "all" | readonly Hex[];
  /** Default: those that pay. */
  readonly challenge?: ChallengePolicy;
  /** Most that may be locked in own games at once, wei. Default: all of the stake. */
  readonly bankroll?: bigint;
}

interface Case {
  judgement: Verdict | undefined;
  trace: TraceHandle | undefined;
  /** What the operator has shown off chain. */
  known: Known | undefined;
  /** What our trace shows of the result's `version`; after a reorganisation there is another record. */
  evidence: { readonly result: ResultRecord; readonly version: number; readonly found: Evidence } | undefined;
}

/** For what an operator shows off chain, at most, each time that the trial has changed. */
const ASK_MS = 10_000;

export function createVerifier(context: RoleContext, options: VerifierOptions): Role {
  const { contracts, sender, exact, releases, findings, log } = context;
  const promised = context.promised.challenges;
  const cases = new Map<Hex, Case>();
  const notices = createNotices(log);
  const terms: ChallengeTerms = { challenge: options.challenge ?? "paying", bankroll: options.bankroll };

  const judgeOf = createJudge(context, options);

  /** Finds it out, and keeps it. */
  async function verdictOn(trial: Trial, patient: boolean): Promise<Verdict> {
    const { resultId, operator, output, requestId, endsAt } = trial.result;
    const [input, published] = [fromHex(trial.request.input), fromHex(output)];
    const bondWei = trial.request.request.bond;
    const answer = { id: resultId, operator, bondWei, input, output: published, endsAt };
    const { verdict, by } = await judgeOf(trial.release, answer, { patient, rules: rulesOf(trial) });
    await findings.keepVerdict(resultId, requestId, verdict, by);
    return verdict;
  }

  async function judge(trial: Trial, found: Case, patient: boolean): Promise<void> {
    const { resultId, endsAt } = trial.result;
    const verdict = (await findings.verdict(resultId)) ?? (await verdictOn(trial, patient));
    if (verdict === "wrong") {
      const answer = { input: fromHex(trial.request.input), endsAt };
      found.trace = await openTrace(context, trial.release, answer, { patient, rules: rulesOf(trial) });
    }
    found.judgement = verdict;
  }

  /** Whoever has challenged, perhaps before a restart, has judged: no luckier draw may end its game. Our clock may run. */
  async function resume(trial: Trial, found: Case): Promise<void> {
    const release = await releases.prepare(trial.release);
    const limits = { runMs: 1000 * rulesOf(trial).challengerClock, deadline: trial.now };
    found.trace = await exact.openTrace(release, fromHex(trial.request.input), limits);
    found.judgement = "wrong";
  }

  /** Asks our trace what it shows of the claim as it stands, and the operator for what the chain has not been shown of it. */
  function seek(trial: Trial, found: Case, state: ChainState): Duty[] {
    const { result } = trial;
    const { resultId, version, operator } = result;
    const endpoints = state.operators.get(operator.toLowerCase())?.endpoints ?? [];
    const run = async (): Promise<void> => {
      const facts = factsOf(trial, sender.address);
      const { trace } = found;
      if (facts === undefined || trace === undefined) return;
      const until = Date.now() + ASK_MS;
      const { finding, known } = await gatherReveals(
        (shown) => trace.evidence(withKnown(facts, shown)),
        // Our clock runs: who is slow is asked on chain.
        async (node) => (Date.now() < until ? await context.askReveal(endpoints, resultId, node) : undefined),
        found.known,
      );
      found.known = known;
      found.evidence = { result, version, found: finding };
    };
    const deadline = challengerDeadline(trial, sender.address);
    return [{ key: `evidence:${resultId}:${version}`, subject: result.requestId, deadline, run }];
  }

  function isMine({ result }: Trial): boolean {
    return result.games.has(sender.address.toLowerCase());
  }

  function isVerified({ request }: Trial): boolean {
    const { verify = "all" } = options;
    return verify === "all" || verify.some((id) => sameHex(id, request.request.releaseId));
  }

  /** Only whether to begin: a game once begun is played to its end, since giving up loses what is locked. */
  function mayChallenge(trial: Trial, state: ChainState, head: BlockRef): boolean {
    const { resultId } = trial.result;
    const { release } = trial.release;
    const { baseFee, tip } = context.gasPrice(head);
    const leftWei = leftIn("market", context.freeStake.at(head), context, state, head);
    const freeWei = challengeable(context, leftWei);
    // It is being asked for: until then it is as it was.
    if (freeWei === undefined) return promised.has(resultId);
    const rounds = roundsOf(context, state);
    const facts: ChallengeFacts = {
      release,
      rules: rulesOf(trial),
      bondWei: trial.request.request.bond,
      entries: trial.result.games.size,
      baseFee,
      feePerGas: baseFee + tip,
      rounds: rounds(trial.request.request.releaseId),
      lockedWei: lockedInGames(state, sender.address, baseFee, rounds) + promised.besides(resultId),
      freeWei: freeWei - promised.besides(resultId) - context.promised.answers.besides(),
    };
    const decision = considerChallenge(terms, facts);
    promised.set(resultId, decision.take ? estimateChallenge(facts).lockWei : 0n);
    if (!decision.take) notices.refuse(resultId, { result: resultId }, "not challenged", decision);
    return decision.take;
  }

  function play(trial: Trial, found: Case, state: ChainState, head: BlockRef): Duty[] {
    const { evidence } = found;
    const { result } = trial;
    const known = evidence?.result === result && evidence.version === result.version;
    if (!known && needsEvidence(trial, sender.address)) return seek(trial, found, state);
    const next = planChallenger(trial, sender.address, known ? evidence.found : undefined);
    if (next?.move.kind !== "challenge") promised.set(result.resultId, 0n);
    if (next === undefined) return [];
    if (next.move.kind === "challenge" && !mayChallenge(trial, state, head)) return [];
    return [moveDuty(context, trial, next.move, next.deadline)];
  }

  /** The first challenger of an overturned answer sends the fee home too. */
  function refund(trial: Trial): Duty[] {
    const first = [...trial.result.games.values()].find((game) => game.entry === 0);
    if (
      trial.request.court === "receipts" ||
      trial.request.status !== "overturned" ||
      first === undefined ||
      !sameHex(first.challenger, sender.address)
    )
      return [];
    const data = contracts.market.interface.encodeFunctionData("refund", [trial.request.request]);
    const to = contracts.deployment.addresses.market;
    const { requestId } = trial.request;
    const key = `refund:${requestId}`;
    const run = async (): Promise<void> => {
      await sender.send({ key, label: "refund", subject: requestId, to, data });
    };
    return [{ key, subject: requestId, run }];
  }

  function dutiesOf(trial: Trial, state: ChainState, head: BlockRef): Duty[] {
    const { result } = trial;
    const settlements = planSettlement(trial, sender.address).map((move) => moveDuty(context, trial, move));
    if (isOver(trial) || isOverturned(trial)) {
      cases.get(result.resultId)?.trace?.close();
      cases.delete(result.resultId);
      notices.forget(result.resultId);
      return [...settlements, ...refund(trial)];
    }
    // After the window only games that are open matter.
    if (trial.now >= result.endsAt && result.openGames === 0) {
      cases.get(result.resultId)?.trace?.close();
      cases.delete(result.resultId);
      return [];
    }
    // Others' trials of receipts are left to them: what was handed to us, the auditor challenges.
    if (!isMine(trial) && (trial.request.court === "receipts" || !isVerified(trial))) return [];
    const found = cases.get(result.resultId) ?? {
      judgement: undefined,
      trace: undefined,
      evidence: undefined,
      known: undefined,
    };
    cases.set(result.resultId, found);
    if (found.judgement === undefined) {
      const { resultId, requestId: subject, endsAt: deadline } = result;
      if (isMine(trial))
        return [{ key: `resume:${resultId}`, subject, deadline, run: () => resume(trial, found) }];
      const places = placesFor(context, trial.release.releaseId, JUDGE_PLACES);
      const run = (patient: boolean): Promise<void> => judge(trial, found, patient);
      return [{ key: `judge:${resultId}`, subject, places, deadline, run }];
    }
    return found.judgement === "wrong" ? play(trial, found, state, head) : [];
  }

  return {
    duties(state, head) {
      // What is over, or was undone, binds nothing.
      promised.retain((resultId) => cases.has(resultId) && state.results.has(resultId));
      return dutiesOfTrials(context, state, head, "others", (trial) => dutiesOf(trial, state, head));
    },
  };
}
