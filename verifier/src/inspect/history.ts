/** The life of one request, from its events. Pure. */
import type { EventName, EventOf } from "../../../sdk/src/events.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
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
  type Queued,
  type RequestRecord,
  type ResultRecord,
  type ToldRequest,
  type ToldResult,
} from "../chain/state.ts";

/** An event and the transaction that emitted it. */
export interface HistoryEvent extends ChainEvent {
  readonly transaction: Hex;
}

export interface History {
  readonly request: RequestRecord;
  /** Undefined while nobody has answered. */
  readonly result: ResultRecord | undefined;
  readonly rules: ParameterSet;
  /** In the order of the chain. */
  readonly events: readonly HistoryEvent[];
}

/** Of a request whose input and answer the chain was told: not of a receipt. */
export interface ToldHistory extends History {
  readonly request: ToldRequest;
  readonly result: ToldResult | undefined;
}

export function isToldHistory(history: History): history is ToldHistory {
  const { request, result } = history;
  return isTold(request) && (result === undefined || isTold(result));
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

function stateAfter(events: readonly HistoryEvent[]): ChainState {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return state;
}

/** @returns undefined if there is no request among the events, as of a receipt whose challenges only wait. */
export function historyOf(events: readonly HistoryEvent[]): History | undefined {
  return historyIn(stateAfter(events), events);
}

/** The receipt that events are about; undefined: they are about a request of the market. */
export function receiptIn(events: readonly HistoryEvent[]): Receipt | undefined {
  for (const { event } of events)
    if (event.name === "ReceiptOnTrial" || event.name === "ChallengeQueued") return event.receipt;
  return undefined;
}

/** Challenges of a receipt that wait in line after these events, the first first. */
export function waitingAfter(events: readonly HistoryEvent[]): Queued[] {
  return [...stateAfter(events).queues.values()].flat();
}

function historyIn(state: ChainState, events: readonly HistoryEvent[]): History | undefined {
  const request = [...state.requests.values()][0];
  if (request === undefined) return undefined;
  const result = request.resultId === undefined ? undefined : state.results.get(request.resultId);
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
export function replay({ events }: Pick<History, "events">): Step[] {
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
