/** A trial as a game record: each move, by whom, what it cost, what it says, and the clocks after it. Pure. */
import type { AssayEvent } from "../../../sdk/src/events.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { idsOf } from "./disputes.ts";
import type { GameClock, Step } from "./history.ts";
import { targetOf, targetText, type KnownModel, type Target } from "./target.ts";

/** What a transaction's receipt says. */
export interface Paid {
  readonly from: Hex;
  readonly gas: number;
  readonly feeWei: bigint;
}

export interface Move {
  /** The contracts' event. */
  readonly event: AssayEvent["name"];
  /** What happened, for people. */
  readonly text: string;
  /** Block time, unix seconds. */
  readonly at: number;
  readonly block: number;
  readonly transaction: Hex;
  /** Undefined if the endpoint has no receipt any more. A transaction's gas is counted at its first event. */
  readonly paid: Paid | undefined;
  readonly disputeId: Hex | undefined;
  readonly target: Target | undefined;
  readonly clocks: readonly GameClock[];
}

export interface MoveContext {
  /** Instructions of the program. */
  readonly instructions: number;
  readonly model: KnownModel | undefined;
  readonly receipts: ReadonlyMap<Hex, Paid>;
}

/** Events that only say again what another one of their transaction says. */
const ECHOES: ReadonlySet<AssayEvent["name"]> = new Set([
  ...(["GameOpened", "GameClosed", "Overturned", "ReceiptOnTrial"] as const),
]);

const VERDICT_TEXT = {
  none: "no verdict",
  clock: "the operator's clock had run out",
  step: "an element of its trace is wrong",
  output: "the published output is not its trace's",
} as const;

function short(id: string): string {
  return `${id.slice(0, 10)}...`;
}

function textOf(event: AssayEvent, target: Target | undefined): string {
  switch (event.name) {
    case "Requested":
      return `${event.requester} asks for an answer`;
    case "Fulfilled":
      return `${event.operator} answers`;
    case "Challenged":
      return `${event.challenger} challenges, as number ${event.entry + 1}`;
    case "ChallengeQueued":
      return `${event.challenger} challenges, and waits in line as number ${event.number}`;
    case "ChallengeDequeued":
      return event.begun
        ? `number ${event.number} in line has its turn`
        : `number ${event.number} in line comes to nothing: its bond is free again`;
    case "TraceCommitted":
      return `the operator commits its trace, root ${short(event.traceRoot)}`;
    case "Selected":
      return `the challenger points at ${target === undefined ? "a node" : targetText(target)}`;
    case "Revealed": {
      if (event.tensor && event.height === 0)
        return `the 256 bytes of leaf ${short(event.node)} are revealed`;
      return `${(event.children.length - 2) / 64} nodes below ${short(event.node)} are revealed`;
    }
    case "InputOpened":
      return "the input's Merkle root is derived from its bytes";
    case "OperatorLost":
      return `the operator loses, proved by ${event.by}: ${VERDICT_TEXT[event.verdict]}`;
    case "ChallengerLost":
      return "the challenger's clock had run out: it loses its game";
    case "GameSettled":
      return event.forfeitedWei > 0n
        ? "the challenger's bond and deposits are forfeited"
        : "the challenger is paid";
    case "BondSettled":
      return "what is nobody's share of the operator's bond is burned";
    case "Finalized":
      return "the answer is final";
    case "Delivered":
      return event.success ? "the requester is called back" : "the call back fails";
    case "Refunded":
      return `the fee goes back to ${event.refundTo}`;
    default:
      // Of no request, or echoes.
      return event.name;
  }
}

/** The game that an event is about; of events in a receipt's line, the one that begins, or will. */
function gamesOf(steps: readonly Step[]): (event: AssayEvent) => Hex | undefined {
  const lined = new Map<number, Hex>();
  for (const { event } of steps)
    if (event.event.name === "ChallengeQueued") lined.set(event.event.number, idsOf(event.event).disputeId);
  return (event) => {
    if ("disputeId" in event) return event.disputeId;
    return event.name === "ChallengeQueued" || event.name === "ChallengeDequeued"
      ? lined.get(event.number)
      : undefined;
  };
}

/** @param dispute Leave out what belongs to other games alone. */
export function movesOf(steps: readonly Step[], context: MoveContext, dispute?: Hex): Move[] {
  const counted = new Set<Hex>();
  const gameOf = gamesOf(steps);
  const ofOthers = (event: AssayEvent): boolean =>
    dispute !== undefined && !sameHex(gameOf(event) ?? dispute, dispute);
  return steps.flatMap(({ event: { event, timestamp, blockNumber, transaction }, clocks }) => {
    if (ECHOES.has(event.name) || ofOthers(event)) return [];
    const target =
      event.name === "Selected" ? targetOf(event.node, context.instructions, context.model) : undefined;
    const receipt = context.receipts.get(transaction);
    const paid = receipt && counted.has(transaction) ? { ...receipt, gas: 0, feeWei: 0n } : receipt;
    counted.add(transaction);
    return {
      event: event.name,
      text: textOf(event, target),
      at: timestamp,
      block: blockNumber,
      transaction,
      paid,
      disputeId: gameOf(event),
      target,
      clocks: clocks.filter(({ disputeId }) => dispute === undefined || sameHex(disputeId, dispute)),
    };
  });
}

/** Gas and its price by account. */
export function spentBy(moves: readonly Move[]): Map<Hex, { gas: number; feeWei: bigint }> {
  const spent = new Map<Hex, { gas: number; feeWei: bigint }>();
  for (const { paid } of moves) {
    if (paid === undefined) continue;
    const known = spent.get(paid.from) ?? { gas: 0, feeWei: 0n };
    spent.set(paid.from, { gas: known.gas + paid.gas, feeWei: known.feeWei + paid.feeWei });
  }
  return spent;
}
