/** What to do next in a trial. Pure: the chain's facts and what our own run says of them in, moves out. */
import { sameHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { answeredAt, clocksAt, revealKey, type GameRecord } from "../chain/state.ts";
import type { Evidence } from "./evidence.ts";
import {
  isFinal,
  isOver,
  isOverturned,
  rulesOf,
  selectedNode,
  type Move,
  type PlannedMove,
  type Trial,
} from "./trial.ts";

/** What an operator owes a game; its trace has the bytes (`answerWith`). */
export type Debt = { readonly kind: "commitTrace" } | { readonly kind: "reveal"; readonly node: Node };

/** A move of an operator that its trace may have to complete. */
export interface OperatorPlan {
  readonly move: Debt | Extract<Move, { readonly kind: "timeout" }>;
  /** As of {@link PlannedMove}. */
  readonly deadline: number | undefined;
}

function gameOf(trial: Trial, challenger: Hex): GameRecord | undefined {
  return trial.result.games.get(challenger.toLowerCase());
}

function planned(move: Move, deadline?: number): PlannedMove {
  return { move, deadline };
}

interface ClockEnd {
  readonly operatorOnMove: boolean;
  /** When the clock of the side on the move runs out, if nothing happens. */
  readonly at: number;
  /** When the challenger's would, if it were on the move from now on. */
  readonly challengerAt: number;
}

function clockEnd(trial: Trial, game: GameRecord): ClockEnd {
  const { operatorClock, challengerClock } = rulesOf(trial);
  const { operatorOnMove, operatorSeconds, challengerSeconds } = clocksAt(trial.result, game, trial.now);
  const challengerAt = trial.now + challengerClock - challengerSeconds;
  const at = operatorOnMove ? trial.now + operatorClock - operatorSeconds : challengerAt;
  return { operatorOnMove, at, challengerAt };
}

/** A side has lost on time once it has used more than its clock; the operator is looked at first, as in the contract. */
function lostOnTime(trial: Trial, game: GameRecord): "operator" | "challenger" | undefined {
  const { operatorClock, challengerClock } = rulesOf(trial);
  const { operatorSeconds, challengerSeconds } = clocksAt(trial.result, game, trial.now);
  if (operatorSeconds > operatorClock) return "operator";
  return challengerSeconds > challengerClock ? "challenger" : undefined;
}

/** Whether the next move of a challenger depends on what the committed trace lets it show. */
export function needsEvidence(trial: Trial, me: Hex): boolean {
  const game = gameOf(trial, me);
  if (isOver(trial) || isOverturned(trial) || game === undefined || trial.result.commit === undefined)
    return false;
  return game.status !== "open" || lostOnTime(trial, game) !== "operator";
}

/**
 * Moves of a challenger who knows that the answer is wrong.
 * @param evidence What the committed trace lets us show, as things stand; undefined: not known (yet), or nothing that
 * {@link needsEvidence}.
 * @returns undefined: nothing to do now.
 */
export function planChallenger(
  trial: Trial,
  me: Hex,
  evidence: Evidence | undefined,
): PlannedMove | undefined {
  if (isOver(trial) || isOverturned(trial)) return undefined;
  const game = gameOf(trial, me);
  if (game === undefined) {
    const { endsAt } = trial.result;
    return trial.now < endsAt ? planned({ kind: "challenge" }, endsAt - 1) : undefined;
  }
  if (game.status === "open" && lostOnTime(trial, game) === "operator")
    return planned({ kind: "timeout", challenger: me, node: selectedNode(trial.result, game) });
  return evidence === undefined ? undefined : fromEvidence(trial, game, evidence);
}

/** When a challenger's clock runs out; undefined: it is not the challenger's turn. */
export function challengerDeadline(trial: Trial, me: Hex): number | undefined {
  const game = gameOf(trial, me);
  if (game === undefined) return undefined;
  const { operatorOnMove, at } = clockEnd(trial, game);
  return operatorOnMove ? undefined : at;
}

function fromEvidence(trial: Trial, game: GameRecord, evidence: Evidence): PlannedMove | undefined {
  const { operatorOnMove, at, challengerAt } = clockEnd(trial, game);
  if (evidence.kind === "none") return undefined;
  if (evidence.kind === "proof") {
    const input = evidence.readsInputs && trial.request.inputsRoot === undefined;
    // The operator may move at any time, and then it is our clock: what is sent meanwhile is as urgent as it would be then.
    return planned(input ? { kind: "openInput" } : evidence.move, challengerAt);
  }
  if (operatorOnMove || game.status !== "open" || lostOnTime(trial, game) !== undefined) return undefined;
  const { from, selection } = evidence;
  return planned({ kind: "select", from, selection }, at);
}

function openGames(trial: Trial): GameRecord[] {
  return [...trial.result.games.values()].filter((game) => game.status === "open");
}

/** Ends games whose challengers ran out of time. */
function timeouts(trial: Trial): OperatorPlan[] {
  return openGames(trial)
    .filter((game) => lostOnTime(trial, game) === "challenger")
    .map((game) => {
      const { challenger } = game;
      const node = selectedNode(trial.result, game);
      return { move: { kind: "timeout", challenger, node }, deadline: undefined };
    });
}

/** Moves of the operator in all games about one of its answers, most urgent first. */
export function planOperator(trial: Trial): OperatorPlan[] {
  if (isOver(trial) || isOverturned(trial)) return [];
  const plans = new Map<string, OperatorPlan & { readonly deadline: number }>();
  for (const game of openGames(trial)) {
    if (answeredAt(trial.result, game) !== undefined) continue;
    const { at } = clockEnd(trial, game);
    const move = debtOf(trial, game);
    const key = move.kind === "reveal" ? revealKey(move.node) : move.kind;
    // One reveal answers every game that asks for it.
    if (at < (plans.get(key)?.deadline ?? Infinity)) plans.set(key, { move, deadline: at });
  }
  const urgent = [...plans.values()].sort((a, b) => a.deadline - b.deadline);
  return [...urgent, ...timeouts(trial)];
}

function debtOf(trial: Trial, game: GameRecord): Debt {
  if (trial.result.commit === undefined) return { kind: "commitTrace" };
  return { kind: "reveal", node: selectedNode(trial.result, game) };
}

/** Payouts that are due to an account, as the operator or a challenger of the answer, once the trial is over. */
export function planSettlement(trial: Trial, me: Hex): Move[] {
  const final = isFinal(trial);
  if (!final && !isOverturned(trial)) return [];
  const games = [...trial.result.games.values()].filter((game) => game.status !== "settled");
  const mine = games.filter((game) => sameHex(final ? trial.result.operator : game.challenger, me));
  const moves: Move[] = mine.map(({ challenger }) => ({ kind: "settleGame", challenger }));
  const first = [...trial.result.games.values()].find((game) => game.entry === 0);
  // The first challenger tidies up: what is burned pays nobody.
  const tidies = first !== undefined && sameHex(first.challenger, me);
  if (isOverturned(trial) && tidies && !trial.result.bondSettled) moves.push({ kind: "settleBond" });
  return moves;
}
