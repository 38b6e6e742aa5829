/** Which transactions of the chain an account sent, as far as their events tell. Pure. */
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { requestOf, type ChainState } from "../chain/state.ts";
import type { HistoryEvent } from "./history.ts";

/** A transaction that left events. */
export interface Sent {
  readonly transaction: Hex;
  readonly block: number;
  /** The function that was called, as the node's journal names it. */
  readonly label: string;
  readonly releaseId: Hex | undefined;
}

/** Calls by the first of their events that no other call emits. */
const LABELS: Partial<Record<AssayEvent["name"], string>> = {
  ModelCreated: "createModel",
  Released: "publish",
  ContentAnnounced: "announceContent",
  Requested: "request",
  Fulfilled: "fulfill",
  Finalized: "finalize",
  Delivered: "deliver",
  Refunded: "refund",
  Challenged: "challenge",
  TraceCommitted: "commitTrace",
  Selected: "select",
  Revealed: "reveal",
  InputOpened: "openInput",
  ChallengerLost: "timeout",
  GameSettled: "settleGame",
  BondSettled: "settleBond",
  Deposited: "deposit",
  Withdrawn: "withdraw",
  RoyaltyWithdrawn: "withdrawRoyalty",
  EndpointsAnnounced: "announce",
  OfferChanged: "announce",
  KeyAdded: "addKey",
  KeyRevoked: "revokeKey",
  ReserveAdded: "addReserve",
  ReserveLeaving: "announceLeaving",
  ReserveWithdrawn: "withdrawReserve",
  ChallengeQueued: "challenge",
  ChallengeDequeued: "dequeue",
  Anchored: "anchor",
  Redeemed: "redeem",
  Funded: "deposit",
  Leaving: "announceLeaving",
  Returned: "withdraw",
};
const VERDICT_LABELS = { none: "prove", clock: "timeout", step: "prove", output: "proveOutput" } as const;

function labelOf(event: AssayEvent): string | undefined {
  return event.name === "OperatorLost" ? VERDICT_LABELS[event.verdict] : LABELS[event.name];
}

/** Who called, where the event says so. */
function callerOf(event: AssayEvent, { results }: ChainState): Hex | undefined {
  switch (event.name) {
    case "ModelCreated":
      return event.owner;
    case "Requested":
      return event.requester;
    case "Fulfilled":
    case "EndpointsAnnounced":
    case "OfferChanged":
    case "KeyAdded":
    case "KeyRevoked":
    case "ReserveAdded":
    case "ReserveLeaving":
    case "ReserveWithdrawn":
    case "Anchored":
    case "Redeemed":
      return event.operator;
    case "Funded":
    case "Leaving":
    case "Returned":
      return event.client;
    case "TraceCommitted":
      return results.get(event.resultId)?.operator;
    case "Challenged":
    case "ChallengeQueued":
    case "Selected":
      return event.challenger;
    case "OperatorLost":
      return event.by;
    case "Deposited":
    case "Withdrawn":
      return event.account;
    default:
      return undefined;
  }
}

/** Whether the account is somebody in a request. */
function takesPart(account: Hex, { requests, results }: ChainState, requestId: Hex): boolean {
  const record = requests.get(requestId);
  const result = results.get(record?.resultId ?? "0x");
  const parties = [record?.request.requester, record?.request.refundTo, result?.operator];
  return (
    parties.some((party) => party !== undefined && sameHex(party, account)) ||
    result?.games.has(account.toLowerCase()) === true
  );
}

function createdBy(account: Hex, events: readonly HistoryEvent[]): ReadonlySet<bigint> {
  return new Set(
    events.flatMap(({ event }) =>
      event.name === "ModelCreated" && sameHex(event.owner, account) ? [event.modelId] : [],
    ),
  );
}

/**
 * Transactions of blocks `from` to `to` that the account sent or, where anybody might have, could have sent: their receipts tell.
 * Calls through contracts and for strangers' requests are not among them.
 */
export function maySend(
  account: Hex,
  events: readonly HistoryEvent[],
  state: ChainState,
  from: number,
  to: number,
): Sent[] {
  const models = createdBy(account, events);
  const calls = new Map<Hex, HistoryEvent>();
  for (const entry of events) {
    const { transaction, blockNumber, event } = entry;
    if (blockNumber < from || blockNumber > to || labelOf(event) === undefined) continue;
    if (!calls.has(transaction)) calls.set(transaction, entry);
  }

  function concerns(event: AssayEvent): boolean {
    const requestId = requestOf(state, event);
    if (requestId !== undefined) return takesPart(account, state, requestId);
    // Anybody may call, and does for whoever waits.
    if (event.name === "ChallengeDequeued") return true;
    if (event.name === "RoyaltyWithdrawn") return sameHex(event.to, account) || models.has(event.modelId);
    if (event.name === "Released") return models.has(event.modelId);
    if (event.name !== "ContentAnnounced") return false;
    const modelId = state.releases.get(event.releaseId)?.release.modelId;
    return modelId !== undefined && models.has(modelId);
  }

  function releaseOf(event: AssayEvent): Hex | undefined {
    if (event.name === "Released" || event.name === "ContentAnnounced") return event.releaseId;
    return state.requests.get(requestOf(state, event) ?? "0x")?.request.releaseId;
  }

  return [...calls].flatMap(([transaction, { event, blockNumber: block }]): Sent[] => {
    const caller = callerOf(event, state);
    const may = caller === undefined ? concerns(event) : sameHex(caller, account);
    const label = labelOf(event) ?? "";
    return may ? [{ transaction, block, label, releaseId: releaseOf(event) }] : [];
  });
}
