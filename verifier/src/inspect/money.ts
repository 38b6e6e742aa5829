/** Who paid and who got what in a trial, from its events. Pure; wei. */
import { shareDown } from "../economics/share.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { eventsOf, type History } from "./history.ts";

export interface GameMoney {
  readonly disputeId: Hex;
  readonly challenger: Hex;
  /** Bond and deposits that were locked. */
  readonly escrowWei: bigint;
  readonly settled: boolean;
  readonly returnedWei: bigint;
  /** Share of the operator's bond. */
  readonly shareWei: bigint;
  readonly forfeitedWei: bigint;
}

export interface Money {
  readonly operator: Hex;
  readonly bondWei: bigint;
  readonly feeWei: bigint;
  readonly games: readonly GameMoney[];
  /** Burned so far: of the operator's bond, and of what challengers lost. */
  readonly burnedWei: bigint;
  /** Forfeited by challengers to the operator so far. */
  readonly toOperatorWei: bigint;
  /** The fee, if it went back. */
  readonly refundedWei: bigint;
  readonly refundTo: Hex | undefined;
  /** What is locked until somebody settles: the rest of a lost bond, games that have not been paid out. */
  readonly unsettledWei: bigint;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n);
}

/** @returns undefined while nobody has answered. */
export function moneyOf(history: History): Money | undefined {
  const { result, request } = history;
  if (result === undefined) return undefined;
  const { bond: bondWei, fee: feeWei } = request.request;
  const overturned = result.verdict !== "none";
  const records = [...result.games.values()];
  const games = records.map(({ disputeId, challenger, bondWei: gameBond }): GameMoney => {
    const mine = <T extends { readonly event: { readonly disputeId: Hex } }>(entries: readonly T[]): T[] =>
      entries.filter(({ event }) => sameHex(event.disputeId, disputeId));
    const deposits = mine(eventsOf(history, "Selected")).map(({ event }) => event.depositWei);
    const [paid] = mine(eventsOf(history, "GameSettled"));
    return {
      disputeId,
      challenger,
      escrowWei: gameBond + sum(deposits),
      settled: paid !== undefined,
      returnedWei: paid?.event.returnedWei ?? 0n,
      shareWei: paid?.event.shareWei ?? 0n,
      forfeitedWei: paid?.event.forfeitedWei ?? 0n,
    };
  });
  const forfeited = sum(games.map(({ forfeitedWei }) => forfeitedWei));
  const toOperatorWei = overturned ? 0n : sum(games.map(({ forfeitedWei }) => forfeitedWei / 2n));
  // The share of a challenger that had lost its own game is burned with its stake.
  const lostShares = records
    .filter((_, i) => overturned && games[i]?.settled === true && games[i].forfeitedWei > 0n)
    .map(({ entry }) => shareDown(bondWei, entry));
  const rest = sum(eventsOf(history, "BondSettled").map(({ event }) => event.burnedWei));
  const [refund] = eventsOf(history, "Refunded");
  const open = games.filter(({ settled }) => !settled);
  const owed = records
    .filter((_, i) => games[i]?.settled === false)
    .map(({ entry }) => shareDown(bondWei, entry));
  const bondRest = bondWei - sum(records.map(({ entry }) => shareDown(bondWei, entry)));
  return {
    operator: result.operator,
    bondWei,
    feeWei,
    games,
    burnedWei: rest + forfeited - toOperatorWei + sum(lostShares),
    toOperatorWei,
    refundedWei: refund?.event.feeWei ?? 0n,
    refundTo: refund?.event.refundTo,
    unsettledWei:
      sum(open.map(({ escrowWei }) => escrowWei)) +
      (overturned ? sum(owed) + (result.bondSettled ? 0n : bondRest) : 0n),
  };
}
