/**
 * What the node knows of the market and its trials, derived from events alone: the same events give the same state, so a
 * restart or a reorganisation just replays them.
 */
import { parseEvent, type AssayEvent, type EventOf, type Verdict } from "../../../sdk/src/events.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import {
  sameHex,
  ZERO_ADDRESS,
  type Hex,
  type Node,
  type Release,
  type Request,
} from "../../../sdk/src/structs.ts";
import { applyToOperators, type OperatorRecord } from "../../../sdk/src/operators.ts";
import type { ChainLog } from "./log.ts";

/** Places of one release's file that are remembered: its owner may announce as many as it likes. */
const MAX_URIS = 32;

export interface ReleaseRecord {
  readonly releaseId: Hex;
  readonly release: Release;
  readonly header: Hex;
  /** The newest few, newest first. */
  readonly contentUris: string[];
}

export interface RequestRecord {
  readonly requestId: Hex;
  readonly request: Request;
  readonly input: Hex;
  status: "requested" | "answered" | "final" | "delivered" | "overturned" | "refunded";
  /** Of the only answer that a request can get. */
  resultId: Hex | undefined;
  inputsRoot: Hex | undefined;
  /** Callbacks that failed, and the time of the last one, unix seconds. */
  failedDeliveries: number;
  failedAt: number;
  /** Block of the newest event about it. */
  lastBlock: number;
}

export interface Commit {
  readonly traceRoot: Hex;
  readonly traceDepth: number;
  readonly top: Hex;
  readonly at: number;
}

export interface Reveal {
  readonly node: Hex;
  readonly tensor: boolean;
  readonly height: number;
  readonly children: Hex;
  readonly at: number;
}

export interface GameRecord {
  readonly disputeId: Hex;
  readonly challenger: Hex;
  readonly entry: number;
  readonly bondWei: bigint;
  /** Bond and deposits, locked until the game is settled. */
  escrowWei: bigint;
  status: "open" | "lost" | "settled";
  /** In the order in which they were made; the last one stands. */
  readonly selections: Node[];
  /** As in `IDisputeGame.Game`. */
  movedAt: number;
  operatorSeconds: number;
  challengerSeconds: number;
}

export interface ResultRecord {
  readonly resultId: Hex;
  readonly requestId: Hex;
  readonly operator: Hex;
  readonly output: Hex;
  /** Unix seconds. */
  readonly answeredAt: number;
  readonly endsAt: number;
  openGames: number;
  commit: Commit | undefined;
  /** By {@link revealKey}. */
  readonly reveals: Map<string, Reveal>;
  /** By challenger, lower case. */
  readonly games: Map<string, GameRecord>;
  verdict: Verdict;
  bondSettled: boolean;
  /** Events applied so far: what was derived from this record holds while this stays. */
  version: number;
}

export interface ChainState {
  readonly releases: Map<Hex, ReleaseRecord>;
  readonly requests: Map<Hex, RequestRecord>;
  readonly results: Map<Hex, ResultRecord>;
  /** What the directory says, by account, lower case. */
  readonly operators: Map<string, OperatorRecord>;
  /** Packed parameters of later requests; undefined until the deployment has been read. */
  parameters: bigint | undefined;
}

export interface ChainEvent {
  readonly event: AssayEvent;
  readonly blockNumber: number;
  /** Of the block, unix seconds. */
  readonly timestamp: number;
}

/** A node repeats a failed callback this often. */
export const MAX_DELIVERIES = 4;

export function emptyState(): ChainState {
  return {
    releases: new Map(),
    requests: new Map(),
    results: new Map(),
    operators: new Map(),
    parameters: undefined,
  };
}

export function revealKey(node: Pick<Node, "hash" | "tensor" | "height">): string {
  return `${node.hash.toLowerCase()}:${node.tensor ? "tensor" : "trace"}:${node.height}`;
}

const FOLLOWED = ["registry", "market", "game", "vault", "directory"] as const;

/** The contracts whose events make the state. */
export function followedAddresses({ addresses }: Deployment): Hex[] {
  return FOLLOWED.map((contract) => addresses[contract]);
}

/** @returns undefined for logs of other contracts or of no interest. */
export function eventOf({ addresses }: Deployment, log: ChainLog): ChainEvent | undefined {
  const contract = FOLLOWED.find((name) => sameHex(log.address, addresses[name]));
  const event = contract === undefined ? undefined : parseEvent(contract, log);
  return event === undefined ? undefined : { event, blockNumber: log.blockNumber, timestamp: log.timestamp };
}

/** When the operator answered what a game asks of it (the trace, or the node selected last); undefined: not yet. */
export function answeredAt(result: ResultRecord, game: GameRecord): number | undefined {
  const node = game.selections.at(-1);
  return node === undefined ? result.commit?.at : result.reveals.get(revealKey(node))?.at;
}

export interface Clocks {
  readonly operatorOnMove: boolean;
  readonly operatorSeconds: number;
  readonly challengerSeconds: number;
}

/** Chess clocks at a time, as `IDisputeGame.clocksOf` has them. */
export function clocksAt(result: ResultRecord, game: GameRecord, now: number): Clocks {
  const answered = answeredAt(result, game);
  const { movedAt, operatorSeconds, challengerSeconds } = game;
  const stop = answered ?? now;
  return {
    operatorOnMove: answered === undefined,
    operatorSeconds: operatorSeconds + Math.max(0, stop - movedAt),
    challengerSeconds:
      challengerSeconds + (answered === undefined ? 0 : Math.max(0, now - Math.max(answered, movedAt))),
  };
}

function onChallenged(state: ChainState, event: EventOf<"Challenged">, at: number): void {
  const result = state.results.get(event.resultId);
  if (result === undefined) return;
  result.games.set(event.challenger.toLowerCase(), {
    disputeId: event.disputeId,
    challenger: event.challenger,
    entry: event.entry,
    bondWei: event.bondWei,
    escrowWei: event.bondWei,
    status: "open",
    selections: [],
    movedAt: at,
    operatorSeconds: 0,
    challengerSeconds: 0,
  });
}

function onSelected(result: ResultRecord, event: EventOf<"Selected">, at: number): void {
  const game = result.games.get(event.challenger.toLowerCase());
  if (game === undefined) return;
  const { operatorSeconds, challengerSeconds } = clocksAt(result, game, at);
  Object.assign(game, { operatorSeconds, challengerSeconds, movedAt: at });
  game.escrowWei += event.depositWei;
  game.selections.push(event.node);
}

function gameById(result: ResultRecord, disputeId: Hex): GameRecord | undefined {
  return [...result.games.values()].find((game) => game.disputeId === disputeId);
}

/** Events about one result. */
function applyToResult(result: ResultRecord, event: AssayEvent, at: number): void {
  switch (event.name) {
    case "GameOpened":
    case "GameClosed":
      result.openGames = event.openGames;
      break;
    case "TraceCommitted": {
      const { traceRoot, traceDepth, top } = event;
      result.commit = { traceRoot, traceDepth, top, at };
      break;
    }
    case "Revealed": {
      const { node, tensor, height, children } = event;
      result.reveals.set(revealKey({ hash: node, tensor, height }), { node, tensor, height, children, at });
      break;
    }
    case "Selected":
      onSelected(result, event, at);
      break;
    case "OperatorLost":
      result.verdict = event.verdict;
      break;
    case "ChallengerLost":
    case "GameSettled": {
      const game = gameById(result, event.disputeId);
      if (game !== undefined) game.status = event.name === "GameSettled" ? "settled" : "lost";
      break;
    }
    case "BondSettled":
      result.bondSettled = true;
      break;
    default:
  }
}

/** Events about one request's life. */
function applyToRequest(request: RequestRecord, event: AssayEvent, at: number): void {
  switch (event.name) {
    case "Fulfilled":
      request.status = "answered";
      request.resultId = event.resultId;
      break;
    case "Finalized":
      request.status = "final";
      break;
    case "Delivered":
      if (event.success) request.status = "delivered";
      else Object.assign(request, { failedDeliveries: request.failedDeliveries + 1, failedAt: at });
      break;
    case "Overturned":
      request.status = "overturned";
      break;
    case "Refunded":
      request.status = "refunded";
      break;
    case "InputOpened":
      request.inputsRoot = event.inputsRoot;
      break;
    default:
  }
}

function create(state: ChainState, { event, timestamp: at, blockNumber }: ChainEvent): void {
  if (event.name === "Released") {
    const { releaseId, release, header, contentUri } = event;
    state.releases.set(releaseId, { releaseId, release, header, contentUris: [contentUri] });
  } else if (event.name === "ContentAnnounced") {
    const uris = state.releases.get(event.releaseId)?.contentUris;
    uris?.unshift(event.contentUri);
    uris?.splice(MAX_URIS);
  } else if (event.name === "Requested") {
    const { requestId, request, input } = event;
    const fresh = { resultId: undefined, inputsRoot: undefined, failedDeliveries: 0, failedAt: 0 };
    state.requests.set(requestId, {
      requestId,
      request,
      input,
      status: "requested",
      ...fresh,
      lastBlock: blockNumber,
    });
  } else if (event.name === "Fulfilled") {
    const { resultId, requestId, operator, output, endsAt } = event;
    const fresh = { openGames: 0, commit: undefined, reveals: new Map(), games: new Map() };
    const trial = { verdict: "none", bondSettled: false, version: 0 } as const;
    state.results.set(resultId, {
      resultId,
      requestId,
      operator,
      output,
      endsAt,
      answeredAt: at,
      ...fresh,
      ...trial,
    });
  } else if (event.name === "Challenged") onChallenged(state, event, at);
}

/** The request that an event is about, if the state knows it. */
export function requestOf(state: ChainState, event: AssayEvent): Hex | undefined {
  if ("requestId" in event) return event.requestId;
  return "resultId" in event ? state.results.get(event.resultId)?.requestId : undefined;
}

/** Applies one event, in chain order. Changes `state`; depends on nothing else. */
export function apply(state: ChainState, chainEvent: ChainEvent): void {
  const { event, timestamp, blockNumber } = chainEvent;
  create(state, chainEvent);
  applyToOperators(state.operators, event);
  if (event.name === "ParametersChanged") state.parameters = event.parameters;
  const id = requestOf(state, event);
  const request = id === undefined ? undefined : state.requests.get(id);
  if (request !== undefined) {
    request.lastBlock = blockNumber;
    applyToRequest(request, event, timestamp);
  }
  const result = "resultId" in event ? state.results.get(event.resultId) : undefined;
  if (result === undefined) return;
  applyToResult(result, event, timestamp);
  result.version++;
}

/** Deadlines are kept by clocks of blocks; a refund can come any time after, and is nothing that a node acts on. */
const FORGOTTEN_SECONDS = 3600;

/** Whether anything may still be done or paid about a request, seen from an account that answers or challenges. */
function isOpen(state: ChainState, request: RequestRecord, me: Hex, now: number): boolean {
  const result = request.resultId === undefined ? undefined : state.results.get(request.resultId);
  const games = [...(result?.games.values() ?? [])];
  const mine = (game: GameRecord): boolean =>
    sameHex(game.challenger, me) || sameHex(result?.operator ?? ZERO_ADDRESS, me);
  if (games.some((game) => game.status !== "settled" && mine(game))) return true;
  switch (request.status) {
    case "requested":
      return now <= request.request.deadline + FORGOTTEN_SECONDS;
    case "answered":
      return true;
    case "final":
      return request.request.callbackGas > 0 && request.failedDeliveries < MAX_DELIVERIES;
    case "overturned":
      return games.some(mine) || now <= request.request.deadline + FORGOTTEN_SECONDS;
    default:
      return request.status === "refunded" && result !== undefined && games.some(mine) && !result.bondSettled;
  }
}

/** Requests about which nothing is left to do, with no event after block `until`. */
export function finishedRequests(state: ChainState, me: Hex, now: number, until: number): Hex[] {
  return [...state.requests.values()]
    .filter((request) => request.lastBlock <= until && !isOpen(state, request, me, now))
    .map(({ requestId }) => requestId);
}

/** Forgets requests and their results. */
export function forget(state: ChainState, requestIds: readonly Hex[]): void {
  for (const requestId of requestIds) {
    const resultId = state.requests.get(requestId)?.resultId;
    if (resultId !== undefined) state.results.delete(resultId);
    state.requests.delete(requestId);
  }
}
