/** What accounts did, and what releases were used for: sums over the ledger. Pure. */
import type { Hex } from "../../../sdk/src/structs.ts";
import { sameHex, ZERO_ADDRESS } from "../../../sdk/src/structs.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { shareDown } from "../../../verifier/src/economics/share.ts";
import type { ChainState, RequestRecord, ResultRecord } from "../../../verifier/src/chain/state.ts";
import type { Ledger } from "./ledger.ts";

export interface AccountRecord {
  readonly address: Hex;
  /** Answers by what became of them. */
  answered: number;
  final: number;
  overturned: number;
  open: number;
  /** Requests that named it and that it let pass. */
  missed: number;
  /** Disputes begun, won and lost. */
  challenges: number;
  won: number;
  lost: number;
  /** Fees net of royalty and protocol fee, and shares of bonds, wei. */
  earnedWei: bigint;
  /** Bonds and deposits lost, wei. */
  lostWei: bigint;
  requests: number;
}

function fresh(address: Hex): AccountRecord {
  const answers = { answered: 0, final: 0, overturned: 0, open: 0, missed: 0 };
  return { address, ...answers, challenges: 0, won: 0, lost: 0, requests: 0, earnedWei: 0n, lostWei: 0n };
}

/** Answers judged wrong, challenges lost, requests left unanswered. */
export function faultsOf({ overturned, lost, missed }: AccountRecord): number {
  return overturned + lost + missed;
}

/** What an operator gets of a fee, as InferenceMarket shares it out, wei. */
function netOf({ request }: RequestRecord, state: ChainState): bigint {
  const royaltyBps = BigInt(state.releases.get(request.releaseId)?.release.royaltyBps ?? 0);
  const protocolBps = BigInt(unpackParameters(request.parameters).protocolFeeBps);
  return request.fee - (request.fee * royaltyBps) / 10_000n - (request.fee * protocolBps) / 10_000n;
}

/** An answer over HTTP is told of only where it is judged wrong. */
function countReceipt(record: AccountRecord, { request }: RequestRecord, { verdict }: ResultRecord): void {
  if (verdict === "none") return;
  record.overturned++;
  record.lostWei += request.bond;
}

function countAnswer(
  record: AccountRecord,
  request: RequestRecord,
  result: ResultRecord,
  state: ChainState,
): void {
  record.answered++;
  if (result.verdict !== "none") {
    record.overturned++;
    record.lostWei += request.request.bond;
  } else if (request.status === "final" || request.status === "delivered") {
    record.final++;
    record.earnedWei += netOf(request, state);
  } else record.open++;
}

/** Of everybody who asked, answered, challenged or announced something; by address, lower case. @param now Unix seconds. */
export function accountRecords({ state }: Ledger, now: number): Map<string, AccountRecord> {
  const records = new Map<string, AccountRecord>();
  const of = (address: Hex): AccountRecord => {
    const key = address.toLowerCase();
    const known = records.get(key) ?? fresh(address);
    records.set(key, known);
    return known;
  };
  for (const { address } of state.operators.values()) of(address);
  for (const request of state.requests.values()) {
    const onChain = request.court === "market";
    if (onChain) of(request.request.requester).requests++;
    const result = request.resultId === undefined ? undefined : state.results.get(request.resultId);
    if (result === undefined) {
      const { operator, deadline } = request.request;
      if (!sameHex(operator, ZERO_ADDRESS) && now > deadline) of(operator).missed++;
      continue;
    }
    if (onChain) countAnswer(of(result.operator), request, result, state);
    else countReceipt(of(result.operator), request, result);
    const over = result.verdict !== "none";
    for (const game of result.games.values()) {
      const record = of(game.challenger);
      record.challenges++;
      const lost = game.status === "lost" || (!over && game.status === "settled");
      if (lost) {
        record.lost++;
        record.lostWei += game.escrowWei;
      } else if (over) {
        record.won++;
        record.earnedWei += shareDown(request.request.bond, game.entry);
      }
    }
  }
  return records;
}

export function resultOf(state: ChainState, request: RequestRecord): ResultRecord | undefined {
  return request.resultId === undefined ? undefined : state.results.get(request.resultId);
}

/** Those of the market, newest first. */
export function newestRequests({ state }: Ledger): RequestRecord[] {
  return [...state.requests.values()].filter(({ court }) => court === "market").reverse();
}

export function isParty(address: string, request: RequestRecord, result: ResultRecord | undefined): boolean {
  return (
    sameHex(request.request.requester, address) ||
    (result !== undefined && (sameHex(result.operator, address) || result.games.has(address.toLowerCase())))
  );
}
