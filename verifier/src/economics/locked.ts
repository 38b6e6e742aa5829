/** What an account's own games lock. Pure. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../chain/state.ts";
import { gameLockWei, stakesAt } from "./challenge.ts";

/**
 * What own games lock, and may come to lock before they end, wei.
 * @param roundsOf Selects of a dispute about a release at most; 0 while it is not known.
 */
export function lockedInGames(
  state: Pick<ChainState, "results" | "requests">,
  me: Hex,
  baseFee: bigint,
  roundsOf: (releaseId: Hex) => number,
): bigint {
  let sum = 0n;
  for (const { requestId, games } of state.results.values()) {
    const game = games.get(me.toLowerCase());
    const request = state.requests.get(requestId);
    if (game === undefined || request === undefined || game.status === "settled") continue;
    const over = game.status === "lost" || request.status !== "answered";
    const rounds = over ? 0 : roundsOf(request.request.releaseId);
    const { depositWei } = stakesAt(unpackParameters(request.request.parameters), baseFee);
    sum += gameLockWei(game, rounds, depositWei);
  }
  return sum;
}
