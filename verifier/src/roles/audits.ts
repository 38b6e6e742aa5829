/** Where receipts that were handed in stand on the chain, and whether a wrong one is challenged. Pure. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { bondOfClass } from "../../../sdk/src/receipts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ChainState, RequestRecord, ResultRecord } from "../chain/state.ts";
import {
  considerChallenge,
  estimateChallenge,
  type ChallengeFacts,
  type ChallengeTerms,
} from "../economics/challenge.ts";
import type { Refusal } from "../economics/decision.ts";
import { ether } from "../economics/ether.ts";
import { lockedInGames } from "../economics/locked.ts";
import { lowerHex } from "../lowerHex.ts";
import type { Audit } from "../state/audits.ts";
import { expiryOf } from "./handed.ts";
import { challengeable, leftIn, roundsOf, type RoleContext } from "./role.ts";

export const CHALLENGE_STATES = ["none", "sent", "queued", "open", "won", "lost"] as const;
export type ChallengeState = (typeof CHALLENGE_STATES)[number];

/** Free wei in the receipts' vault, and what a challenge that was declined for want of it takes. */
export interface ShortStake {
  readonly freeWei: bigint;
  readonly neededWei: bigint;
}

/** Whether a wrong receipt is challenged now. */
export type Plan =
  | { readonly take: true; readonly lockWei: bigint }
  | {
      readonly take: false;
      readonly reason: string;
      readonly refusal?: Refusal;
      readonly short?: ShortStake;
    };

/** What is the same for all receipts at a block. */
export interface View {
  readonly state: ChainState;
  readonly head: BlockRef;
  readonly context: RoleContext;
  /** By digest, lower case. */
  readonly trials: ReadonlyMap<Hex, RequestRecord>;
  /** What own games lock, and may come to lock, wei. */
  readonly lockedWei: bigint;
  /** Free wei in the receipts' vault that no own game or challenge there may come to need; undefined until it is known. */
  readonly freeWei: bigint | undefined;
}

const MORE_STAKE = "in the receipts' vault; `assay stake ETHER --receipts` adds to it";

/** @param freeWei In the receipts' vault, nothing taken off. */
export function viewOf(
  context: RoleContext,
  state: ChainState,
  head: BlockRef,
  freeWei: bigint | undefined,
): View {
  const trials = new Map<Hex, RequestRecord>();
  for (const record of state.requests.values())
    if (record.court === "receipts") trials.set(lowerHex(record.request.inputHash), record);
  const { baseFee } = context.gasPrice(head);
  return {
    ...{ state, head, context, trials },
    lockedWei: lockedInGames(state, context.sender.address, baseFee, roundsOf(context, state)),
    freeWei: challengeable(context, leftIn("receipts", freeWei, context, state, head)),
  };
}

function resultOn({ state, trials }: View, { digest }: Audit): ResultRecord | undefined {
  const id = trials.get(digest)?.resultId;
  return id === undefined ? undefined : state.results.get(id);
}

/** Of our own challenge. @param sent Whether it was sent since the start. */
export function challengeOf(view: View, audit: Audit, sent: boolean): ChallengeState {
  const { receipt, digest } = audit;
  const me = view.context.sender.address;
  const game = resultOn(view, audit)?.games.get(me.toLowerCase());
  if (view.trials.get(digest)?.status === "overturned") return game === undefined ? "none" : "won";
  if (game !== undefined) return game.status === "open" ? "open" : "lost";
  const line = view.state.queues.get(receipt.operator.toLowerCase()) ?? [];
  const waits = line.some(
    (queued) =>
      sameHex(queued.challenger, me) &&
      sameHex(queued.receipt.requestHash, receipt.requestHash) &&
      sameHex(queued.receipt.outputHash, receipt.outputHash),
  );
  if (waits) return "queued";
  return sent ? "sent" : "none";
}

/**
 * Of a receipt that was judged wrong and not challenged yet.
 * @param promisedWei What other challenges, which the chain does not show yet, may lock.
 * @param reserveWei Its operator's.
 * @returns undefined while it is not known.
 */
export function planOf(
  view: View,
  terms: ChallengeTerms,
  audit: Audit,
  promisedWei: bigint,
  reserveWei: bigint | undefined,
): Plan | undefined {
  const { state, head, context } = view;
  const { digest, receipt } = audit;
  const bondWei = bondOfClass(receipt.bondClass);
  if (view.trials.get(digest)?.status === "overturned")
    return { take: false, reason: "another's challenge has won" };
  if (head.timestamp >= expiryOf(receipt))
    return { take: false, reason: "it has expired: it cannot be challenged any more" };
  const record = state.releases.get(receipt.releaseId);
  if (record === undefined || state.parameters === undefined) return undefined;
  if (view.freeWei === undefined || reserveWei === undefined) return undefined;
  if (reserveWei < bondWei)
    return { take: false, reason: `nothing to win: its operator's reserve is down to ${ether(reserveWei)}` };
  const { baseFee, tip } = context.gasPrice(head);
  const facts: ChallengeFacts = {
    release: record.release,
    rules: unpackParameters(state.parameters),
    bondWei,
    entries: resultOn(view, audit)?.games.size ?? 0,
    baseFee,
    feePerGas: baseFee + tip,
    rounds: roundsOf(context, state)(record.releaseId),
    lockedWei: view.lockedWei,
    freeWei: view.freeWei - promisedWei,
  };
  const decision = considerChallenge(terms, facts);
  const neededWei = estimateChallenge(facts).lockWei;
  if (decision.take) return { take: true, lockWei: neededWei };
  if (decision.code !== "stake-too-low") return { take: false, reason: decision.reason, refusal: decision };
  const refusal = { ...decision, reason: `${decision.reason} ${MORE_STAKE}` };
  return {
    take: false,
    reason: refusal.reason,
    refusal,
    short: { freeWei: view.freeWei - promisedWei, neededWei },
  };
}
