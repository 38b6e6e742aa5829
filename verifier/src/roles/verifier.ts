/** Recomputes everybody's answers and challenges the wrong ones to the end. */
import { randomInt } from "node:crypto";
import { splitBlob } from "../../../program/src/claim.ts";
import { fromHex, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { fastOutput } from "../compute/screen.ts";
import type { ResultRecord } from "../chain/state.ts";
import type { Duty } from "../duties.ts";
import { firstWrongOutput } from "../judge/judge.ts";
import { findEvidence, type Evidence, type HonestRun } from "../play/evidence.ts";
import { planChallenger, planSettlement } from "../play/planner.ts";
import { isOver, isOverturned, rulesOf, type Trial } from "../play/trial.ts";
import { dutiesOfTrials, moveDuty, type Role, type RoleContext } from "./role.ts";

export interface VerifierOptions {
  /** Float answers with at least this bond (wei) are all judged by the exact interpreter. */
  readonly exactFromWei: bigint;
  /** Share of the other float answers that is judged so too, 0 to 1. */
  readonly auditShare: number;
}

type Judgement = "right" | "wrong";

interface Case {
  judgement: Judgement | undefined;
  run: HonestRun | undefined;
  /** What `findEvidence` said of the result's `version`; after a reorganisation there is another record. */
  evidence: { readonly result: ResultRecord; readonly version: number; readonly found: Evidence } | undefined;
}

export function createVerifier(context: RoleContext, options: VerifierOptions): Role {
  const { contracts, sender, pool, exact, releases, log } = context;
  const cases = new Map<Hex, Case>();

  function drawn(share: number): boolean {
    return randomInt(2 ** 32) < share * 2 ** 32;
  }

  /** Whether onnxruntime's own answer is like the published one, and that settles it. */
  async function passesScreen(trial: Trial, input: Uint8Array, published: Uint8Array): Promise<boolean> {
    const release = await releases.prepare(trial.release);
    const path = context.fastPath(release);
    if (path === undefined || path.kind === "unusable") return false;
    const audited = trial.request.request.bond >= options.exactFromWei || drawn(options.auditShare);
    if (path.kind === "approximate" && audited) return false;
    try {
      const fast = await fastOutput(pool, release, input, trial.result.endsAt);
      return firstWrongOutput(release.model.program, fast, published, release.release) === undefined;
    } catch (error) {
      log.warn({ result: trial.result.resultId }, `${messageOf(error)}: the exact interpreter judges`);
      return false;
    }
  }

  async function judge(trial: Trial, found: Case): Promise<void> {
    const { resultId, operator, output } = trial.result;
    const [input, published] = [fromHex(trial.request.input), fromHex(output)];
    // Whoever has challenged, perhaps before a restart, has judged: no luckier draw may end its game.
    const mine = trial.result.games.has(sender.address.toLowerCase());
    if (!mine && (await passesScreen(trial, input, published))) {
      found.judgement = "right";
      return log.info({ result: resultId, by: "onnxruntime" }, "answer is right");
    }
    const { model, release } = await releases.prepare(trial.release);
    const deadline = mine ? trial.now : trial.result.endsAt;
    const runMs = 1000 * Math.max(trial.result.endsAt - trial.now, rulesOf(trial).challengerClock);
    if (!mine) {
      const right = await exact.output(model, input, { runMs, deadline });
      const wrong = firstWrongOutput(model.program, right, published, release);
      if (wrong === undefined) {
        found.judgement = "right";
        return log.info({ result: resultId, by: "exact interpreter" }, "answer is right");
      }
      log.warn({ result: resultId, operator, ...wrong }, "answer is wrong");
    }
    // The trace comes before the challenge: who cannot compute it cannot win.
    const { program, commitment } = model;
    const trace = await exact.trace(model, input, { runMs, deadline });
    found.run = { program, commitment, inputs: splitBlob(program.inputs, input), trace };
    found.judgement = "wrong";
  }

  function evidenceOf(trial: Trial, found: Case, run: HonestRun): Evidence {
    const { result } = trial;
    const { commit, version } = result;
    if (commit === undefined) return { kind: "none" };
    if (found.evidence?.result !== result || found.evidence.version !== version)
      found.evidence = { result, version, found: findEvidence(run, trial, commit) };
    return found.evidence.found;
  }

  function play(trial: Trial, found: Case): Duty[] {
    const { run } = found;
    const next = planChallenger(trial, sender.address, () =>
      run ? evidenceOf(trial, found, run) : { kind: "none" },
    );
    return next === undefined ? [] : [moveDuty(context, trial, next.move, next.deadline)];
  }

  /** The first challenger of an overturned answer sends the fee home too. */
  function refund(trial: Trial): Duty[] {
    const first = [...trial.result.games.values()].find((game) => game.entry === 0);
    if (
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
    return [{ key, run }];
  }

  function dutiesOf(trial: Trial): Duty[] {
    const { result } = trial;
    const settlements = planSettlement(trial, sender.address).map((move) => moveDuty(context, trial, move));
    if (isOver(trial) || isOverturned(trial)) {
      cases.delete(result.resultId);
      return [...settlements, ...refund(trial)];
    }
    // After the window only games that are open matter.
    if (trial.now >= result.endsAt && result.openGames === 0) return [];
    const found = cases.get(result.resultId) ?? { judgement: undefined, run: undefined, evidence: undefined };
    cases.set(result.resultId, found);
    if (found.judgement === undefined)
      return [{ key: `judge:${result.resultId}`, deadline: result.endsAt, run: () => judge(trial, found) }];
    return found.judgement === "wrong" ? play(trial, found) : [];
  }

  return { duties: (state, head) => dutiesOfTrials(context, state, head, "others", dutiesOf) };
}
