/** Challengers of right answers: one stalls, one points at random places, one sends proofs that prove nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../program/src/testing/rng.ts";
import { sameHex } from "../../sdk/src/structs.ts";
import type { GameRecord } from "../../verifier/src/chain/state.ts";
import { encodeMove } from "../../verifier/src/play/calls.ts";
import { isOver, isOverturned, type Move, type Trial } from "../../verifier/src/play/trial.ts";
import type { Hand } from "./hand.ts";
import type { Models } from "./models.ts";
import type { PlannedRequest, Tactic } from "./requests.ts";
import { OPERATORS, type CrankName, type ModelName } from "./rules.ts";
import type { Stage } from "./stage.ts";
import { moveOf } from "./tactics.ts";
import { createWatch, trialOfRequest } from "./watch.ts";

/** A move that has not had its effect by then is tried again. */
const PATIENCE_MS = 8000;
const LOOK_MS = 1000;

export interface CranksOptions {
  readonly stage: Stage;
  readonly models: Models;
  readonly plan: readonly PlannedRequest[];
  readonly hands: Readonly<Record<CrankName, Hand>>;
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

/** Plays until the signal is aborted; whatever is refused is tried again until its time has passed. */
export async function playCranks({ stage, models, plan, hands, rng, signal }: CranksOptions): Promise<void> {
  const { contracts, provider, accounts } = stage;
  const { deployment } = contracts;
  const { game } = deployment.addresses;
  const honest = OPERATORS.map((name) => accounts[name].address);
  const watch = createWatch(contracts, provider);
  const sentAt = new Map<string, number>();

  function nextMove(
    trial: Trial,
    mine: GameRecord | undefined,
    { tactic, model }: { readonly tactic: Tactic; readonly model: ModelName },
  ): Move | undefined {
    if (mine !== undefined) return moveOf(trial, mine, tactic, models[model], rng);
    return trial.now < trial.result.endsAt ? { kind: "challenge" } : undefined;
  }

  async function play(trial: Trial, planned: PlannedRequest): Promise<void> {
    if (isOver(trial) || isOverturned(trial)) return;
    for (const { name, tactic } of planned.challengers) {
      const hand = hands[name];
      const mine = trial.result.games.get(hand.address.toLowerCase());
      const key = `${trial.result.resultId}:${name}:${mine?.selections.length ?? "none"}`;
      // A useless proof changes nothing: it is sent once.
      const patience = tactic === "proves" && mine !== undefined ? Infinity : PATIENCE_MS;
      if (Date.now() < (sentAt.get(key) ?? 0) + patience) continue;
      const move = nextMove(trial, mine, { tactic, model: planned.model });
      if (move === undefined) continue;
      sentAt.set(key, Date.now());
      await hand.send(game, encodeMove(contracts, trial, move));
    }
  }

  async function round(): Promise<void> {
    const watched = await watch();
    for (const { operator, requestId } of watched.state.results.values()) {
      const trial = trialOfRequest(watched, requestId);
      const planned = plan[Number(trial?.request.request.nonce)];
      if (
        trial !== undefined &&
        planned !== undefined &&
        honest.some((address) => sameHex(address, operator))
      )
        await play(trial, planned);
    }
  }

  while (!signal.aborted) {
    // The chain can move while it is read: the next look sees it as it is then.
    await round().catch(() => undefined);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
