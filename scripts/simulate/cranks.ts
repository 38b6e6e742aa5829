/** Challengers of right answers: one stalls, one points at random places, one sends proofs that prove nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../program/src/testing/rng.ts";
import { sameHex } from "../../sdk/src/structs.ts";
import { encodeMove } from "../../verifier/src/play/calls.ts";
import { isOver, isOverturned, type Trial } from "../../verifier/src/play/trial.ts";
import type { Hand } from "./hand.ts";
import type { Models } from "./models.ts";
import { createMover } from "./mover.ts";
import type { PlannedRequest } from "./requests.ts";
import { OPERATORS, type CrankName } from "./rules.ts";
import type { Stage } from "./stage.ts";
import { createWatch, trialOfRequest } from "./watch.ts";

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
  const mover = createMover(contracts, game, rng);

  async function play(trial: Trial, { challengers, model }: PlannedRequest): Promise<void> {
    const { result } = trial;
    for (const { name, tactic } of challengers) {
      const hand = hands[name];
      const mine = result.games.get(hand.address.toLowerCase());
      if (mine !== undefined) await mover.play(hand, trial, mine, tactic, models[model]);
      else if (!isOver(trial) && !isOverturned(trial) && trial.now < result.endsAt)
        await mover.send(hand, game, result.resultId, () =>
          encodeMove(contracts, trial, { kind: "challenge" }),
        );
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
