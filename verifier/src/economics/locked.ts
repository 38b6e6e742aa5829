/** What an account's own games lock. Pure. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState, Court, GameRecord, RequestRecord } from "../chain/state.ts";
import { gameLockWei, stakesAt } from "./challenge.ts";

/** Selects of a dispute about a release at most. */
export type RoundsOf = (releaseId: Hex) => number;

interface OwnGame {
  readonly game: GameRecord;
  readonly request: RequestRecord;
}

function* ownGames(
  { results, requests }: Pick<ChainState, "results" | "requests">,
  me: Hex,
): Generator<OwnGame> {
  for (const { requestId, games } of results.values()) {
    const game = games.get(me.toLowerCase());
    const request = requests.get(requestId);
    if (game !== undefined && request !== undefined && game.status !== "settled") yield { game, request };
  }
}

/** Locked in a game, and what may be added before it ends, wei. */
function lockOf({ game, request }: OwnGame, baseFee: bigint, roundsOf: RoundsOf): bigint {
  const over = game.status === "lost" || request.status !== "answered";
  const rounds = over ? 0 : roundsOf(request.request.releaseId);
  const { depositWei } = stakesAt(unpackParameters(request.request.parameters), baseFee);
  return gameLockWei(game, rounds, depositWei);
}

/** What own games lock, and may come to lock before they end, wei. */
export function lockedInGames(
  state: Pick<ChainState, "results" | "requests">,
  me: Hex,
  baseFee: bigint,
  roundsOf: RoundsOf,
): bigint {
  let sum = 0n;
  for (const own of ownGames(state, me)) sum += lockOf(own, baseFee, roundsOf);
  return sum;
}

/** What own games in a court, and own challenges in line there, may still come to lock of its vault, wei. */
export function toLockIn(
  court: Court,
  state: Pick<ChainState, "results" | "requests" | "queues" | "parameters">,
  me: Hex,
  baseFee: bigint,
  roundsOf: RoundsOf,
): bigint {
  let sum = 0n;
  for (const own of ownGames(state, me))
    if (own.request.court === court) sum += lockOf(own, baseFee, roundsOf) - own.game.escrowWei;
  if (court === "market" || state.parameters === undefined) return sum;
  const { depositWei } = stakesAt(unpackParameters(state.parameters), baseFee);
  for (const line of state.queues.values())
    for (const { challenger, receipt } of line)
      if (sameHex(challenger, me)) sum += BigInt(roundsOf(receipt.releaseId)) * depositWei;
  return sum;
}
