/** What an account has to do with the market and the court for receipts now. Pure. */
import { sameHex, ZERO_ADDRESS, type Hex } from "../../../sdk/src/structs.ts";
import { isExpired, type ChainState, type RequestRecord, type ResultRecord } from "../chain/state.ts";

export interface Party {
  readonly account: Hex;
  readonly operator: boolean;
  readonly verifier: boolean;
  /** Releases that are answered. */
  readonly serve: "all" | readonly Hex[];
}

export interface Disputed {
  readonly requestId: Hex;
  readonly as: "operator" | "challenger";
  /** Absent: it is about an answer on chain. */
  readonly court?: "receipts";
}

export interface Work {
  /** Requests that wait for an answer which this operator may give. */
  readonly requests: {
    readonly count: number;
    readonly feesWei: bigint;
    readonly firstDeadline: number | undefined;
  };
  /** Own answers on chain that are not final yet. */
  readonly answers: {
    readonly count: number;
    readonly bondsWei: bigint;
    /** End of the last window, unix seconds. */
    readonly lastEnd: number | undefined;
    /** Those whose window is over and that no game holds up. */
    readonly finalizable: number;
  };
  /** Others' answers on chain that can still be challenged. */
  readonly challengeable: number;
  /** Requests and receipts with open games in which the account takes part. */
  readonly disputed: readonly Disputed[];
  /** Own games and bonds in trials that are over, but not paid out. */
  readonly unsettled: number;
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function mayAnswer({ request, status }: RequestRecord, { account, serve }: Party, now: number): boolean {
  const open = sameHex(request.operator, ZERO_ADDRESS) || sameHex(request.operator, account);
  const served = serve === "all" || serve.some((id) => sameHex(id, request.releaseId));
  return status === "requested" && request.deadline >= now && open && served;
}

function isOver(state: ChainState, request: RequestRecord, now: number): boolean {
  if (request.status === "answered") return request.court === "receipts" && isExpired(state, request, now);
  return request.status !== "requested";
}

function unsettledOf(state: ChainState, result: ResultRecord, account: Hex, now: number): number {
  const request = state.requests.get(result.requestId);
  if (request === undefined || !isOver(state, request, now)) return 0;
  const waiting = [...result.games.values()].filter((game) => game.status !== "settled");
  if (sameHex(result.operator, account)) return waiting.length;
  return waiting.filter(({ challenger }) => sameHex(challenger, account)).length;
}

/** @param now Time of the newest block, unix seconds. */
export function workOf(state: ChainState, party: Party, now: number): Work {
  const { account } = party;
  const requests = party.operator
    ? [...state.requests.values()].filter((request) => mayAnswer(request, party, now))
    : [];
  const provisional = [...state.results.values()].filter(
    ({ requestId }) => state.requests.get(requestId)?.status === "answered",
  );
  const isMine = ({ operator }: ResultRecord): boolean => sameHex(operator, account);
  const isReceipt = ({ requestId }: ResultRecord): boolean =>
    state.requests.get(requestId)?.court === "receipts";
  const answers = provisional.filter((result) => !isReceipt(result));
  const own = answers.filter(isMine);
  const bondOf = ({ requestId }: ResultRecord): bigint => state.requests.get(requestId)?.request.bond ?? 0n;
  const plays = (result: ResultRecord): boolean =>
    [...result.games.values()].some(
      ({ challenger, status }) => status === "open" && (isMine(result) || sameHex(challenger, account)),
    );
  return {
    requests: {
      count: requests.length,
      feesWei: requests.reduce((sum, { request }) => sum + request.fee, 0n),
      firstDeadline: least(requests.map(({ request }) => request.deadline)),
    },
    answers: {
      count: own.length,
      bondsWei: own.reduce((sum, result) => sum + bondOf(result), 0n),
      lastEnd: own.length === 0 ? undefined : Math.max(...own.map(({ endsAt }) => endsAt)),
      finalizable: own.filter(({ endsAt, openGames }) => endsAt <= now && openGames === 0).length,
    },
    challengeable: party.verifier
      ? answers.filter((result) => !isMine(result) && now < result.endsAt).length
      : 0,
    disputed: provisional.filter(plays).map((result) => ({
      requestId: result.requestId,
      as: isMine(result) ? "operator" : "challenger",
      ...(isReceipt(result) ? { court: "receipts" } : {}),
    })),
    unsettled: [...state.results.values()].reduce(
      (sum, result) => sum + unsettledOf(state, result, account, now),
      0,
    ),
  };
}
