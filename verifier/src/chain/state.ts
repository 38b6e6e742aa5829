/**
 * What the node knows of the market and its trials, derived from events alone: the same events give the same state, so a
 * restart or a reorganisation just replays them.
 */
import {
  parseEvent,
  type AssayEvent,
  type EventOf,
  type EventSource,
  type RawLog,
} from "../../../sdk/src/events.ts";
import { keccak, resultIdOf } from "../../../sdk/src/ids.ts";
import type { Anchored } from "../../../sdk/src/infer/anchors.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import type { Verdict } from "../../../sdk/src/states.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import {
  fromHex,
  sameHex,
  ZERO_ADDRESS,
  type Hex,
  type Node,
  type Claim,
  type Release,
  type Request,
} from "../../../sdk/src/structs.ts";
import { applyToOperators, type OperatorRecord } from "../../../sdk/src/operators.ts";
import { KEPT_SECONDS } from "../state/kept.ts";
import type { ChainLog } from "./log.ts";

/** As many as an operator that anchors each hour has receipts for. */
const MAX_ANCHORED = KEPT_SECONDS / 3600;
/** Places of one release's file that are remembered: its owner may announce as many as it likes. */
const MAX_URIS = 32;

export interface ReleaseRecord {
  readonly releaseId: Hex;
  readonly release: Release;
  readonly header: Hex;
  /** The newest few, newest first. */
  readonly contentUris: string[];
}

/** Who judges: the market, or the court for receipts, which says nothing of input and output: whoever was given them has them. */
export type Court = "market" | "receipts";

export interface RequestRecord {
  readonly requestId: Hex;
  readonly court: Court;
  /** Of the receipts' court. */
  readonly receipt: Receipt | undefined;
  readonly request: Request;
  /** Undefined: the chain was not told, and nobody has told us yet. */
  input: Hex | undefined;
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
  readonly outputHash: Hex;
  /** As `RequestRecord.input`. */
  output: Hex | undefined;
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

export type ToldRequest = RequestRecord & { readonly input: Hex };
export type ToldResult = ResultRecord & { readonly output: Hex };

export function isTold(record: RequestRecord): record is ToldRequest;
export function isTold(record: ResultRecord): record is ToldResult;
export function isTold(record: RequestRecord | ResultRecord): boolean {
  return ("input" in record ? record.input : record.output) !== undefined;
}

/** A challenge of a receipt that waits in its operator's line. */
export type Queued = Omit<EventOf<"ChallengeQueued">, "name">;

/** A client's deposit, as in `IDeposits.Account`; wei. */
export interface DepositRecord {
  readonly client: Hex;
  readonly operator: Hex;
  readonly signer: Hex;
  depositWei: bigint;
  redeemedWei: bigint;
  /** Unix seconds; 0: it stays. */
  leavesAt: number;
}

export interface ChainState {
  readonly releases: Map<Hex, ReleaseRecord>;
  readonly requests: Map<Hex, RequestRecord>;
  readonly results: Map<Hex, ResultRecord>;
  /** What the directory says, by account, lower case. */
  readonly operators: Map<string, OperatorRecord>;
  /** How often an account has announced anything in the directory, by account, lower case. */
  readonly announcements: Map<string, number>;
  /** By operator, lower case; in line, the first first. */
  readonly queues: Map<string, Queued[]>;
  /** By {@link depositKey}. */
  readonly deposits: Map<string, DepositRecord>;
  /** Keys that sign receipts, lower case, and until when what they issue is good, unix seconds. */
  readonly keys: Map<string, { readonly operator: Hex; until: number }>;
  /**
   * What operators have committed and shown of answers that were not there yet, or receipts that nobody had challenged: the game lets
   * them, and a reorganisation may put a commitment before the challenge. By result.
   */
  readonly early: Map<Hex, ChainEvent[]>;
  /** Roots of the receipts that operators gave, by operator, lower case; the newest few, the oldest first. */
  readonly anchored: Map<string, Anchored[]>;
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
    announcements: new Map(),
    queues: new Map(),
    deposits: new Map(),
    keys: new Map(),
    early: new Map(),
    anchored: new Map(),
    parameters: undefined,
  };
}

/** Names a node as `DisputeGame` does: nodes of a trace's tree and of a tensor's may have the same hash. */
export function revealKey(node: Pick<Node, "hash" | "tensor" | "height">): string {
  return `${node.hash.toLowerCase()}:${node.tensor ? "tensor" : "trace"}:${node.height}`;
}

/** By address, and whose events are there. */
const FOLLOWED = {
  registry: "registry",
  market: "market",
  game: "game",
  vault: "vault",
  directory: "directory",
  receipts: "receipts",
  receiptsVault: "vault",
  receiptsGame: "game",
  deposits: "deposits",
} as const satisfies Partial<Record<keyof Deployment["addresses"], EventSource>>;
const FOLLOWED_NAMES = Object.keys(FOLLOWED).filter((name) => isFollowed(name));

function isFollowed(name: string): name is keyof typeof FOLLOWED {
  return Object.hasOwn(FOLLOWED, name);
}

export function depositKey(client: Hex, operator: Hex): string {
  return `${client}:${operator}`.toLowerCase();
}

/** The contracts whose events make the state. */
export function followedAddresses({ addresses }: Deployment): Hex[] {
  return FOLLOWED_NAMES.map((name) => addresses[name]);
}

/** @returns undefined for logs of other contracts or of no interest. */
export function eventOf(
  { addresses }: Deployment,
  log: RawLog & Pick<ChainLog, "blockNumber" | "timestamp">,
): ChainEvent | undefined {
  const contract = FOLLOWED_NAMES.find((name) => sameHex(log.address, addresses[name]));
  const event = contract === undefined ? undefined : parseEvent(FOLLOWED[contract], log);
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

/** The result that a receipt on trial stands for. */
export function resultOfClaim(requestId: Hex, { operator, outputHash }: Claim): Hex {
  return resultIdOf(requestId, operator, outputHash);
}

const FRESH_REQUEST = {
  resultId: undefined,
  inputsRoot: undefined,
  failedDeliveries: 0,
  failedAt: 0,
} as const;

function freshTrial() {
  const records = { commit: undefined, reveals: new Map(), games: new Map() };
  return { openGames: 0, ...records, verdict: "none", bondSettled: false, version: 0 } as const;
}

/** A receipt's trial is a request that has been answered. It can be begun more than once. */
function onTrial(state: ChainState, event: EventOf<"ReceiptOnTrial">, lastBlock: number): void {
  const { requestId, claim, receipt } = event;
  if (state.requests.has(requestId)) return;
  const { request, operator, outputHash } = claim;
  const resultId = resultOfClaim(requestId, claim);
  const { inputsRoot, issuedAt: answeredAt } = receipt;
  const given = { status: "answered", resultId, inputsRoot, lastBlock } as const;
  state.requests.set(requestId, {
    ...{ requestId, court: "receipts", receipt, request, input: undefined },
    ...FRESH_REQUEST,
    ...given,
  });
  const endsAt = answeredAt + request.windowSeconds;
  const made = { resultId, requestId, operator, outputHash, output: undefined, answeredAt, endsAt };
  addResult(state, { ...made, ...freshTrial() });
}

function addResult(state: ChainState, result: ResultRecord): void {
  const { resultId } = result;
  state.results.set(resultId, result);
  for (const { event, timestamp } of state.early.get(resultId) ?? []) applyToResult(result, event, timestamp);
  state.early.delete(resultId);
}

function keepEarly({ early }: ChainState, chainEvent: ChainEvent): void {
  const { event } = chainEvent;
  if (event.name !== "TraceCommitted" && event.name !== "Revealed") return;
  early.set(event.resultId, [...(early.get(event.resultId) ?? []), chainEvent]);
}

function applyToAnnouncements(announcements: Map<string, number>, event: AssayEvent): void {
  if (event.name !== "EndpointsAnnounced") return;
  const key = event.operator.toLowerCase();
  announcements.set(key, (announcements.get(key) ?? 0) + 1);
}

function applyToQueues(queues: Map<string, Queued[]>, event: AssayEvent): void {
  if (event.name === "ChallengeQueued") {
    const key = event.operator.toLowerCase();
    queues.set(key, [...(queues.get(key) ?? []), event]);
  } else if (event.name === "ChallengeDequeued") {
    const key = event.operator.toLowerCase();
    const left = (queues.get(key) ?? []).filter(({ number }) => number !== event.number);
    if (left.length === 0) queues.delete(key);
    else queues.set(key, left);
  }
}

function applyToDeposits(deposits: Map<string, DepositRecord>, event: AssayEvent): void {
  if (
    event.name !== "Funded" &&
    event.name !== "Redeemed" &&
    event.name !== "Leaving" &&
    event.name !== "Returned"
  )
    return;
  const { client, operator } = event;
  const key = depositKey(client, operator);
  const record = deposits.get(key);
  if (event.name === "Funded") {
    const { signer } = event;
    const { depositWei = 0n, redeemedWei = 0n } = record ?? {};
    const grown = { depositWei: depositWei + event.amountWei, redeemedWei, leavesAt: 0 };
    deposits.set(key, { client, operator, signer, ...grown });
  } else if (record === undefined) return;
  else if (event.name === "Redeemed") record.redeemedWei = event.totalWei;
  else if (event.name === "Leaving") record.leavesAt = event.leavesAt;
  else Object.assign(record, { depositWei: record.redeemedWei, leavesAt: 0 });
}

const ALWAYS = Number.MAX_SAFE_INTEGER;

function applyToKeys(keys: ChainState["keys"], event: AssayEvent): void {
  if (event.name === "KeyAdded")
    keys.set(event.key.toLowerCase(), { operator: event.operator, until: ALWAYS });
  else if (event.name === "KeyRevoked") {
    const key = keys.get(event.key.toLowerCase());
    if (key !== undefined) key.until = event.until;
  }
}

function applyToAnchored(anchored: ChainState["anchored"], event: AssayEvent): void {
  if (event.name !== "Anchored") return;
  const key = event.operator.toLowerCase();
  anchored.set(key, [...(anchored.get(key) ?? []), event].slice(-MAX_ANCHORED));
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
    state.requests.set(requestId, {
      ...{ requestId, court: "market", receipt: undefined, request, input, status: "requested" },
      ...FRESH_REQUEST,
      lastBlock: blockNumber,
    });
  } else if (event.name === "Fulfilled") {
    const { resultId, requestId, operator, output, endsAt } = event;
    const outputHash = keccak(fromHex(output));
    const made = { resultId, requestId, operator, outputHash, output, endsAt, answeredAt: at };
    addResult(state, { ...made, ...freshTrial() });
  } else if (event.name === "ReceiptOnTrial") onTrial(state, event, blockNumber);
  else if (event.name === "Challenged") onChallenged(state, event, at);
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
  applyToAnnouncements(state.announcements, event);
  applyToQueues(state.queues, event);
  applyToDeposits(state.deposits, event);
  applyToKeys(state.keys, event);
  applyToAnchored(state.anchored, event);
  if (event.name === "ParametersChanged") state.parameters = event.parameters;
  const id = requestOf(state, event);
  const request = id === undefined ? undefined : state.requests.get(id);
  if (request !== undefined) {
    request.lastBlock = blockNumber;
    applyToRequest(request, event, timestamp);
  }
  const result = "resultId" in event ? state.results.get(event.resultId) : undefined;
  if (result === undefined) return keepEarly(state, chainEvent);
  applyToResult(result, event, timestamp);
  result.version++;
}

/** Whether a receipt can no longer be challenged, and nothing about it is open. */
export function isExpired(
  state: Pick<ChainState, "results" | "queues">,
  { requestId, resultId }: RequestRecord,
  now: number,
): boolean {
  const result = resultId === undefined ? undefined : state.results.get(resultId);
  if (result === undefined || result.openGames > 0 || now < result.endsAt) return false;
  const queue = state.queues.get(result.operator.toLowerCase()) ?? [];
  return !queue.some((queued) => queued.requestId === requestId);
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
  if (request.court === "receipts") {
    const then = now - FORGOTTEN_SECONDS;
    if (request.status !== "overturned") return !isExpired(state, request, then);
    const { bondSettled = true, endsAt = 0 } = result ?? {};
    const tidied = bondSettled || !games.some(mine);
    // While it could be challenged, whoever was handed the receipt is to know that it need not be.
    return !tidied || then < endsAt;
  }
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
