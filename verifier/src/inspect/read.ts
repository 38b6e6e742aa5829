/** Reads the history of a request from the chain; an endpoint that serves logs is all it needs. */
import type { Log, Provider } from "ethers";
import pLimit from "p-limit";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { address, hex, type Hex } from "../../../sdk/src/structs.ts";
import { apply, emptyState, followedAddresses, resultOfClaim, type ChainState } from "../chain/state.ts";
import { findChallenged } from "./challenged.ts";
import { eventsOf, historyOf, type History, type HistoryEvent } from "./history.ts";
import type { Paid } from "./moves.ts";
import { provenBy, type Proven } from "./proof.ts";
import { parse, search, type Place, type Subject } from "./search.ts";

const BLOCKS_AT_ONCE = 4;
/** Of one request: each game costs its challenger a bond, and still somebody might pay for it. */
const MAX_EVENTS = 20_000;

async function timesOf(provider: Provider, blocks: Iterable<number>): Promise<Map<number, number>> {
  const limit = pLimit(BLOCKS_AT_ONCE);
  const times = [...new Set(blocks)].map((number) =>
    limit(async () => {
      const block = await provider.getBlock(number);
      if (block === null)
        throw new AssayError("CHAIN_MOVED", `block ${number} has gone: ask again`, { retryable: true });
      return [number, block.timestamp] as const;
    }),
  );
  return new Map(await Promise.all(times));
}

function topicsOf({
  market,
  game,
}: Contracts): Readonly<Record<"requested" | "fulfilled" | "challenged", string>> {
  return {
    requested: market.interface.getEvent("Requested").topicHash,
    fulfilled: market.interface.getEvent("Fulfilled").topicHash,
    challenged: game.interface.getEvent("Challenged").topicHash,
  };
}

/**
 * The request that a request's, result's or dispute's id, or the digest of a receipt, is about.
 * @throws {AssayError} NOT_FOUND, RPC_FAILED.
 */
export async function findSubject(place: Place, id: Hex): Promise<Subject> {
  const { contracts } = place;
  const { market, game } = contracts.deployment.addresses;
  const { requested, fulfilled, challenged } = topicsOf(contracts);
  const [log] = [
    ...(await search(place, { address: market, topics: [requested, id] })),
    ...(await search(place, { address: [market, game], topics: [[fulfilled, challenged], null, id] })),
  ];
  const event = log && parse(contracts, log, 0)?.event;
  if (event?.name === "Requested" || event?.name === "Fulfilled")
    return { requestId: event.requestId, disputeId: undefined };
  if (event?.name === "Challenged") {
    const [answer] = await search(place, { address: market, topics: [fulfilled, null, event.resultId] });
    const answered = answer && parse(contracts, answer, 0)?.event;
    if (answered?.name === "Fulfilled") return { requestId: answered.requestId, disputeId: event.disputeId };
  }
  const receipt = await findChallenged(place, id);
  if (receipt !== undefined) return receipt;
  throw new AssayError(
    "NOT_FOUND",
    `the chain knows no request, result or dispute ${id}, nor a receipt so named that was challenged`,
  );
}

/** The answer that events about a request are about, as far as they tell. */
function answerIn(events: readonly HistoryEvent[]): Hex | undefined {
  for (const { event } of events) {
    if (event.name === "Fulfilled") return event.resultId;
    if (event.name === "ReceiptOnTrial") return resultOfClaim(event.requestId, event.claim);
  }
  return undefined;
}

/** Logs of when challenges left an operator's line, which do not name the request: found by their numbers. */
async function searchLine(
  place: Place,
  events: readonly HistoryEvent[],
  from: number,
): Promise<readonly Log[]> {
  const { contracts } = place;
  const queued = events.flatMap(({ event }) => (event.name === "ChallengeQueued" ? [event] : []));
  const [first] = queued;
  if (first === undefined) return [];
  const numbers = new Set(queued.map(({ number }) => number));
  const topics = contracts.receipts.interface.encodeFilterTopics("ChallengeDequeued", [first.operator]);
  const logs = await search(place, { address: contracts.deployment.addresses.receipts, topics }, from);
  return logs.filter((log) => {
    const event = parse(contracts, log, 0)?.event;
    return event?.name === "ChallengeDequeued" && numbers.has(event.number);
  });
}

/** Everything about a request or a receipt, in order; none of one that nobody knows. @throws {AssayError} NOT_FOUND, RPC_FAILED, CHAIN_MOVED. */
export async function readEvents(place: Place, requestId: Hex): Promise<HistoryEvent[]> {
  const { contracts, provider } = place;
  const { market, game, receipts, receiptsGame } = contracts.deployment.addresses;
  const ours = await search(place, { address: [market, receipts], topics: [null, requestId] });
  const from = ours[0]?.blockNumber;
  if (from === undefined) return [];
  const told = ours.flatMap((log) => parse(contracts, log, 0) ?? []);
  const resultId = answerIn(told);
  const ids = resultId === undefined ? [requestId] : [requestId, resultId];
  const trial = await search(place, { address: [game, receiptsGame], topics: [null, ids] }, from);
  const line = await searchLine(place, told, from);
  if (ours.length + trial.length > MAX_EVENTS)
    throw new AssayError("NOT_FOUND", `request ${requestId} has more than ${MAX_EVENTS} events`);
  const logs = [...ours, ...trial, ...line].sort(
    (a, b) => a.blockNumber - b.blockNumber || a.index - b.index,
  );
  const times = await timesOf(
    provider,
    logs.map(({ blockNumber }) => blockNumber),
  );
  return logs.flatMap((log) => parse(contracts, log, times.get(log.blockNumber) ?? 0) ?? []);
}

/** @throws {AssayError} NOT_FOUND, also of a receipt that has not been on trial; RPC_FAILED, CHAIN_MOVED. */
export async function readHistory(place: Place, requestId: Hex): Promise<History> {
  const history = historyOf(await readEvents(place, requestId));
  if (history === undefined) throw new AssayError("NOT_FOUND", `the market has no request ${requestId}`);
  return history;
}

/** Who paid for each transaction; what the endpoint has no receipt of is left out. */
export async function readPaid(
  provider: Provider,
  transactions: Iterable<Hex>,
  onReceipts?: (read: number, total: number) => void,
): Promise<Map<Hex, Paid>> {
  const limit = pLimit(BLOCKS_AT_ONCE);
  const hashes = [...new Set(transactions)];
  let read = 0;
  const found = await Promise.all(
    hashes.map((hash) =>
      limit(async () => {
        const receipt = await provider.getTransactionReceipt(hash);
        onReceipts?.(++read, hashes.length);
        if (receipt === null) return undefined;
        const { gasUsed, gasPrice } = receipt;
        const paid = { from: address.parse(receipt.from), gas: Number(gasUsed), feeWei: gasUsed * gasPrice };
        return [hash, paid] as const;
      }),
    ),
  );
  return new Map(found.filter((entry) => entry !== undefined));
}

/** What decided a trial, where a proof did and its calldata can be had. */
export async function readProven(
  { contracts, provider }: Place,
  history: History,
): Promise<Proven | undefined> {
  const [lost] = eventsOf(history, "OperatorLost");
  if (lost === undefined || lost.event.verdict === "clock") return undefined;
  const sent = await provider.getTransaction(lost.transaction);
  const data = hex.safeParse(sent?.data);
  return data.success
    ? provenBy(contracts, data.data, lost.event.resultId, history.request.court)
    : undefined;
}

export interface Everything {
  /** In the order of the chain, without times: clocks of games are not in the state ({@link readHistory} has them). */
  readonly events: readonly HistoryEvent[];
  readonly state: ChainState;
}

/** Everything that happened up to a block. @throws {AssayError} RPC_FAILED. */
export async function readEverything(place: Place, until?: number): Promise<Everything> {
  const { deployment } = place.contracts;
  const state = emptyState();
  const events: HistoryEvent[] = [];
  for (const log of await search(place, { address: followedAddresses(deployment) }, undefined, until)) {
    const event = parse(place.contracts, log, 0);
    if (event === undefined) continue;
    events.push(event);
    apply(state, event);
  }
  return { events, state };
}
