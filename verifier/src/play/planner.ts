/** What to do next in a trial. Pure: the chain's facts and our own run in, moves out. */
import type { ClaimedTrace } from "../../../program/src/claim.ts";
import { sameHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { answeredAt, clocksAt, revealKey, type GameRecord } from "../chain/state.ts";
import type { Evidence } from "./evidence.ts";
import { childrenOf } from "./tree.ts";
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

/** The trace that an operator stands by: its own run's, unless it lies. */
export interface DefendedTrace {
  /** Levels of the trace tree. */
  readonly depth: number;
  readonly claimed: ClaimedTrace;
}

function gameOf(trial: Trial, challenger: Hex): GameRecord | undefined {
  return trial.result.games.get(challenger.toLowerCase());
}

function planned(move: Move, deadline?: number): PlannedMove {
  return { move, deadline };
}

/** When the clock of the side on the move runs out, if nothing happens. */
function clockEnd(trial: Trial, game: GameRecord): { readonly operatorOnMove: boolean; readonly at: number } {
  const { operatorClock, challengerClock } = rulesOf(trial);
  const clocks = clocksAt(trial.result, game, trial.now);
  const left = clocks.operatorOnMove
    ? operatorClock - clocks.operatorSeconds
    : challengerClock - clocks.challengerSeconds;
  return { operatorOnMove: clocks.operatorOnMove, at: trial.now + left };
}

/** A side has lost on time once it has used more than its clock; the operator is looked at first, as in the contract. */
function lostOnTime(trial: Trial, game: GameRecord): "operator" | "challenger" | undefined {
  const { operatorClock, challengerClock } = rulesOf(trial);
  const { operatorSeconds, challengerSeconds } = clocksAt(trial.result, game, trial.now);
  if (operatorSeconds > operatorClock) return "operator";
  return challengerSeconds > challengerClock ? "challenger" : undefined;
}

/**
 * Moves of a challenger who knows that the answer is wrong.
 * @param evidence What the committed trace lets us show; asked for only if a trace has been committed.
 * @returns undefined: nothing to do now.
 */
export function planChallenger(trial: Trial, me: Hex, evidence: () => Evidence): PlannedMove | undefined {
  if (isOver(trial) || isOverturned(trial)) return undefined;
  const game = gameOf(trial, me);
  if (game === undefined) {
    const { endsAt } = trial.result;
    return trial.now < endsAt ? planned({ kind: "challenge" }, endsAt - 1) : undefined;
  }
  const { commit } = trial.result;
  if (game.status === "open" && lostOnTime(trial, game) === "operator")
    return planned({ kind: "timeout", challenger: me, node: selectedNode(trial.result, game) });
  return commit === undefined ? undefined : fromEvidence(trial, game, evidence());
}

function fromEvidence(trial: Trial, game: GameRecord, evidence: Evidence): PlannedMove | undefined {
  const { operatorOnMove, at } = clockEnd(trial, game);
  if (evidence.kind === "none") return undefined;
  if (evidence.kind === "proof") {
    const input = evidence.readsInputs && trial.request.inputsRoot === undefined;
    return planned(input ? { kind: "openInput" } : evidence.move, operatorOnMove ? undefined : at);
  }
  if (operatorOnMove || game.status !== "open" || lostOnTime(trial, game) !== undefined) return undefined;
  const from = selectedNode(trial.result, game);
  return planned({ kind: "select", from, selection: evidence.below(from) }, at);
}

function topOf({ claimed, depth }: DefendedTrace): Uint8Array {
  return childrenOf("trace", claimed.node, depth, 0);
}

/** What a reveal of a node of the trace posts. */
export function childrenOfNode(
  { claimed }: DefendedTrace,
  { tensor, height, instruction, index }: Node,
): Uint8Array {
  if (!tensor) return childrenOf("trace", claimed.node, height, index);
  if (height === 0) return claimed.leaf(instruction, index);
  const node = (level: number, i: number): Uint8Array => claimed.tensorNode(instruction, level, i);
  return childrenOf("tensor", node, height, index);
}

function openGames(trial: Trial): GameRecord[] {
  return [...trial.result.games.values()].filter((game) => game.status === "open");
}

/** Whether the operator owes the trial an answer: its trace, or a reveal. */
export function operatorOwes(trial: Trial): boolean {
  if (isOver(trial) || isOverturned(trial)) return false;
  return openGames(trial).some((game) => answeredAt(trial.result, game) === undefined);
}

/** Ends games whose challengers ran out of time. */
function timeouts(trial: Trial): PlannedMove[] {
  return openGames(trial)
    .filter((game) => lostOnTime(trial, game) === "challenger")
    .map((game) =>
      planned({ kind: "timeout", challenger: game.challenger, node: selectedNode(trial.result, game) }),
    );
}

/**
 * Moves of the operator in all games about one of its answers, most urgent first.
 * @param trace Needed only if {@link operatorOwes}.
 */
export function planOperator(trial: Trial, trace: DefendedTrace | undefined): PlannedMove[] {
  if (isOver(trial) || isOverturned(trial)) return [];
  const moves = new Map<string, PlannedMove>();
  for (const game of openGames(trial)) {
    if (trace === undefined || answeredAt(trial.result, game) !== undefined) continue;
    const { at } = clockEnd(trial, game);
    const move = answerOf(trial, game, trace);
    const key = move.kind === "reveal" ? revealKey(move.node) : move.kind;
    // One reveal answers every game that asks for it.
    if (at < (moves.get(key)?.deadline ?? Infinity)) moves.set(key, planned(move, at));
  }
  const urgent = [...moves.values()].sort((a, b) => (a.deadline ?? 0) - (b.deadline ?? 0));
  return [...urgent, ...timeouts(trial)];
}

function answerOf(trial: Trial, game: GameRecord, trace: DefendedTrace): Move {
  if (trial.result.commit === undefined)
    return { kind: "commitTrace", root: trace.claimed.node(trace.depth, 0), top: topOf(trace) };
  const node = selectedNode(trial.result, game);
  return { kind: "reveal", node, children: childrenOfNode(trace, node) };
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
