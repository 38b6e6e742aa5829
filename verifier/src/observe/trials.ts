/** What the chain's state says of our own disputes, for metrics and alerts. Pure. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { clocksAt, type ChainState, type GameRecord, type ResultRecord } from "../chain/state.ts";

/** A move that is ours and not in the chain yet. */
export interface OwnMove {
  readonly resultId: Hex;
  readonly kind: string;
  /** Unix seconds of the chain. */
  readonly deadline: number;
  /** The whole clock or window of which this is the end. */
  readonly clockSeconds: number;
}

export interface LostTrial {
  readonly resultId: Hex;
  readonly why: string;
}

export const SIDES = ["operator", "challenger"] as const;
export type Side = (typeof SIDES)[number];

export interface OwnGame {
  readonly disputeId: Hex;
  readonly side: Side;
  readonly outcome: "open" | "won" | "lost";
}

export interface TrialFacts {
  /** Of all results that the state knows. */
  readonly games: readonly OwnGame[];
  /** Our moves in open games. */
  readonly moves: readonly OwnMove[];
  /** Seconds left on the tightest clock that runs against us, below 0 if it ran out; undefined: none runs. */
  readonly tightestSeconds: number | undefined;
  /** Lost and not paid out yet. */
  readonly losing: readonly LostTrial[];
}

/** A verdict makes winners of all challengers that had not lost before. */
function outcomeOf({ verdict }: ResultRecord, { status }: GameRecord, side: Side): OwnGame["outcome"] {
  if (verdict === "none" && status === "open") return "open";
  const challengerWon = verdict !== "none" && status !== "lost";
  return challengerWon === (side === "challenger") ? "won" : "lost";
}

/** @returns undefined while the other side is on the move. */
function moveOf(
  result: ResultRecord,
  game: GameRecord,
  side: Side,
  parameters: bigint,
  now: number,
): OwnMove | undefined {
  const clocks = clocksAt(result, game, now);
  if (clocks.operatorOnMove !== (side === "operator")) return undefined;
  const { operatorClock, challengerClock } = unpackParameters(parameters);
  const [clockSeconds, used] =
    side === "operator"
      ? [operatorClock, clocks.operatorSeconds]
      : [challengerClock, clocks.challengerSeconds];
  const answer = result.commit === undefined ? "commitTrace" : "reveal";
  const kind = side === "operator" ? answer : "select or prove";
  return { resultId: result.resultId, kind, deadline: now + clockSeconds - used, clockSeconds };
}

function lossOf(result: ResultRecord, games: readonly GameRecord[], side: Side): LostTrial | undefined {
  const { resultId, verdict, bondSettled } = result;
  if (side === "operator")
    return verdict === "none" || bondSettled
      ? undefined
      : { resultId, why: `Our answer was judged wrong (${verdict})` };
  return games.some(({ status }) => status === "lost")
    ? { resultId, why: "We lost a challenge on time" }
    : undefined;
}

/** @param now Time of the newest block, unix seconds. */
export function trialFacts(
  state: Pick<ChainState, "requests" | "results">,
  me: Hex,
  now: number,
): TrialFacts {
  const own = me.toLowerCase();
  const games: OwnGame[] = [];
  const moves: OwnMove[] = [];
  const losing: LostTrial[] = [];
  for (const result of state.results.values()) {
    const side = result.operator.toLowerCase() === own ? "operator" : "challenger";
    const mine = result.games.get(own);
    const concern = side === "operator" ? [...result.games.values()] : mine === undefined ? [] : [mine];
    const parameters = state.requests.get(result.requestId)?.request.parameters;
    for (const game of concern) {
      const outcome = outcomeOf(result, game, side);
      games.push({ disputeId: game.disputeId, side, outcome });
      const move =
        outcome === "open" && parameters !== undefined
          ? moveOf(result, game, side, parameters, now)
          : undefined;
      if (move !== undefined) moves.push(move);
    }
    const loss = lossOf(result, concern, side);
    if (loss !== undefined) losing.push(loss);
  }
  const tightest = moves.reduce((least, { deadline }) => Math.min(least, deadline - now), Infinity);
  return { games, moves, losing, tightestSeconds: moves.length === 0 ? undefined : tightest };
}
