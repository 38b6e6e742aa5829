/** The life of one request, from its events. Pure. */
import type { EventName, EventOf } from "../../../sdk/src/events.ts";
import { unpackParameters, type ParameterSet } from "../../../sdk/src/parameters.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import {
  apply,
  clocksAt,
  emptyState,
  isTold,
  type ChainEvent,
  type ChainState,
  type GameRecord,
  type ResultRecord,
  type ToldRequest,
  type ToldResult,
} from "../chain/state.ts";

/** An event and the transaction that emitted it. */
export interface HistoryEvent extends ChainEvent {
  readonly transaction: Hex;
}

export interface History {
  readonly request: ToldRequest;
  /** Undefined while nobody has answered. */
  readonly result: ToldResult | undefined;
  readonly rules: ParameterSet;
  /** In the order of the chain. */
  readonly events: readonly HistoryEvent[];
}

/** Both sides' clocks of a game that is open. */
export interface GameClock {
  readonly disputeId: Hex;
  readonly challenger: Hex;
  readonly onMove: "operator" | "challenger";
  /** Seconds; negative: time is up. */
  readonly operatorLeft: number;
  readonly challengerLeft: number;
}

/** @returns undefined if the events do not begin with a request. */
export function historyOf(events: readonly HistoryEvent[]): History | undefined {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return historyIn(state, events);
}

function historyIn(state: ChainState, events: readonly HistoryEvent[]): History | undefined {
  const request = [...state.requests.values()][0];
  if (request === undefined || !isTold(request)) return undefined;
  const found = request.resultId === undefined ? undefined : state.results.get(request.resultId);
  const result = found !== undefined && isTold(found) ? found : undefined;
  return { request, result, rules: unpackParameters(request.request.parameters), events };
}

function gameClock(result: ResultRecord, game: GameRecord, rules: ParameterSet, now: number): GameClock {
  const clocks = clocksAt(result, game, now);
  return {
    disputeId: game.disputeId,
    challenger: game.challenger,
    onMove: clocks.operatorOnMove ? "operator" : "challenger",
    operatorLeft: rules.operatorClock - clocks.operatorSeconds,
    challengerLeft: rules.challengerClock - clocks.challengerSeconds,
  };
}

/** Clocks of the games that are still open at a time (unix seconds); none once the answer has been judged. */
export function openClocks({ result, rules }: Pick<History, "result" | "rules">, now: number): GameClock[] {
  if (result === undefined || result.verdict !== "none") return [];
  return [...result.games.values()]
    .filter(({ status }) => status === "open")
    .map((game) => gameClock(result, game, rules, now));
}

export interface Step {
  readonly event: HistoryEvent;
  /** Right after it. */
  readonly clocks: readonly GameClock[];
}

/** Each event with the clocks as it left them. */
export function replay({ events }: History): Step[] {
  const state = emptyState();
  return events.map((event) => {
    apply(state, event);
    const now = historyIn(state, []);
    return { event, clocks: now === undefined ? [] : openClocks(now, event.timestamp) };
  });
}

/** The history's events of one name. */
export function eventsOf<N extends EventName>(
  { events }: Pick<History, "events">,
  name: N,
): (HistoryEvent & { readonly event: EventOf<N> })[] {
  return events.filter(
    (entry): entry is HistoryEvent & { readonly event: EventOf<N> } => entry.event.name === name,
  );
}

export function gameOf({ result }: History, id: Hex): GameRecord | undefined {
  return [...(result?.games.values() ?? [])].find(({ disputeId }) => sameHex(disputeId, id));
}
