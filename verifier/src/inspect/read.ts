/** Reads the history of a request from the chain; an endpoint that serves logs is all it needs. */
import type { Log, Provider } from "ethers";
import pLimit from "p-limit";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { readLogs, type LogFilter, type OnBlocks } from "../../../sdk/src/logs.ts";
import { address, bytes32, hex, type Hex } from "../../../sdk/src/structs.ts";
import { apply, emptyState, eventOf, followedAddresses, type ChainState } from "../chain/state.ts";
import { eventsOf, historyOf, type History, type HistoryEvent } from "./history.ts";
import type { Paid } from "./moves.ts";
import { provenBy, type Proven } from "./proof.ts";

const BLOCKS_AT_ONCE = 4;
/** Of one request: each game costs its challenger a bond, and still somebody might pay for it. */
const MAX_EVENTS = 20_000;

export interface Place {
  readonly contracts: Contracts;
  readonly provider: Provider;
  readonly onBlocks?: OnBlocks | undefined;
}

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

function parse({ deployment }: Contracts, log: Log, timestamp: number): HistoryEvent | undefined {
  const transaction = bytes32.parse(log.transactionHash);
  const { address, topics, data, blockNumber } = log;
  const event = eventOf(deployment, { address, topics, data, blockNumber, timestamp });
  return event && { ...event, transaction };
}

async function search(
  { contracts, provider, onBlocks }: Place,
  filter: LogFilter,
  from?: number,
  until?: number,
): Promise<Log[]> {
  return readLogs(provider, filter, from ?? contracts.deployment.block, onBlocks, until);
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

/** What an id is of. */
export interface Subject {
  readonly requestId: Hex;
  /** Of the one game that was asked for. */
  readonly disputeId: Hex | undefined;
}

/**
 * The request that a request's, result's or dispute's id is about.
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
  throw new AssayError("NOT_FOUND", `the chain knows no request, result or dispute ${id}`);
}

/** @throws {AssayError} NOT_FOUND, RPC_FAILED, CHAIN_MOVED. */
export async function readHistory(place: Place, requestId: Hex): Promise<History> {
  const { contracts, provider } = place;
  const { market, game } = contracts.deployment.addresses;
  const ours = await search(place, { address: market, topics: [null, requestId] });
  const first = ours[0];
  const resultId = ours
    .map((log) => parse(contracts, log, 0)?.event)
    .find((event) => event?.name === "Fulfilled")?.resultId;
  const ids = resultId === undefined ? [requestId] : [requestId, resultId];
  const trial =
    first === undefined ? [] : await search(place, { address: game, topics: [null, ids] }, first.blockNumber);
  if (ours.length + trial.length > MAX_EVENTS)
    throw new AssayError("NOT_FOUND", `request ${requestId} has more than ${MAX_EVENTS} events`);
  const logs = [...ours, ...trial].sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);
  const times = await timesOf(
    provider,
    logs.map(({ blockNumber }) => blockNumber),
  );
  const events = logs.flatMap((log) => parse(contracts, log, times.get(log.blockNumber) ?? 0) ?? []);
  const history = historyOf(events);
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
  return data.success ? provenBy(contracts, data.data, lost.event.resultId) : undefined;
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
