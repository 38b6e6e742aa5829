/** Sends the moves of challengers of right answers; one that has not had its effect after a while is sent again. */
import type { Rng } from "../../program/src/testing/rng.ts";
import type { Contracts } from "../../sdk/src/contracts.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import type { GameRecord } from "../../verifier/src/chain/state.ts";
import { encodeMove } from "../../verifier/src/play/calls.ts";
import type { Trial } from "../../verifier/src/play/trial.ts";
import type { ModelDescription } from "../../verifier/src/releases/describe.ts";
import type { Hand } from "./hand.ts";
import type { Tactic } from "./requests.ts";
import { moveOf, takingOf } from "./tactics.ts";

const PATIENCE_MS = 8000;

export interface Mover {
  /** Sends what `data` gives, unless the same was sent lately. */
  send(hand: Hand, to: Hex, what: string, data: () => string | undefined, patienceMs?: number): Promise<void>;
  /** The next move in a game that was begun. */
  play(hand: Hand, trial: Trial, mine: GameRecord, tactic: Tactic, model: ModelDescription): Promise<void>;
}

/** @param game The contract that the games are played in. */
export function createMover(contracts: Contracts, game: Hex, rng: Rng): Mover {
  const sentAt = new Map<string, number>();

  const mover: Mover = {
    async send(hand, to, what, data, patienceMs = PATIENCE_MS) {
      const key = `${hand.address}:${what}`;
      if (Date.now() < (sentAt.get(key) ?? 0) + patienceMs) return;
      const call = data();
      if (call === undefined) return;
      sentAt.set(key, Date.now());
      await hand.send(to, call);
    },
    async play(hand, trial, mine, tactic, model) {
      const { resultId } = trial.result;
      const taking = takingOf(trial, mine);
      if (taking !== undefined)
        return mover.send(hand, game, `${resultId}:${taking.kind}`, () =>
          encodeMove(contracts, trial, taking),
        );
      // A useless proof changes nothing: it is sent once.
      const patienceMs = tactic === "proves" ? Infinity : PATIENCE_MS;
      const next = (): string | undefined => {
        const move = moveOf(trial, mine, tactic, model, rng);
        return move && encodeMove(contracts, trial, move);
      };
      await mover.send(hand, game, `${resultId}:${mine.selections.length}`, next, patienceMs);
    },
  };
  return mover;
}
