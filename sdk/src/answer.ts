/** Waiting for the answer to a request, and what the chain says of it. */
import type { Provider } from "ethers";
import { needAuthentic } from "./authentic.ts";
import type { Contracts } from "./contracts.ts";
import { AssayError, isRetryable, messageOf } from "./error.ts";
import { parseEvent, type EventOf } from "./events.ts";
import { readLogs } from "./logs.ts";
import type { RequestHandle } from "./request.ts";
import { reading } from "./send.ts";
import { sleep } from "./sleep.ts";
import { REQUEST_STATES, type RequestStateName } from "./states.ts";
import { fromHex, toHex, type Hex } from "./structs.ts";

export interface Answer {
  readonly requestId: Hex;
  readonly resultId: Hex;
  readonly operator: Hex;
  readonly output: Uint8Array;
  /** False: it may still be challenged until `endsAt`, unix seconds, or while games are open. */
  readonly final: boolean;
  readonly endsAt: number;
}

export interface WaitOptions {
  /** Wait until the answer can never be overturned (and somebody has finalised it). Default: the provisional answer. */
  readonly final?: boolean;
  /** Give up after this many seconds of our own clock. Default 3600. */
  readonly timeoutSeconds?: number;
  /** Default 1. */
  readonly pollSeconds?: number;
  /** Ends the waiting: its reason is thrown. */
  readonly signal?: AbortSignal;
}

type RequestKey = Pick<RequestHandle, "requestId" | "request" | "block">;

/** @returns the answer, or the state in which there is none yet. */
async function look(
  contracts: Contracts,
  provider: Provider,
  { requestId, request, block }: RequestKey,
  untilFinal: boolean,
): Promise<Answer | RequestStateName> {
  const status = await reading("statusOf", contracts.market.statusOf(requestId));
  const state = REQUEST_STATES[Number(status.state)] ?? "none";
  const final = state === "final" || state === "delivered";
  const details = { requestId, state };
  if (state === "overturned")
    throw new AssayError("OVERTURNED", "the answer was judged wrong: the fee can be refunded", { details });
  if (final || (state === "answered" && !untilFinal)) {
    const event = await answerEvent(contracts, provider, requestId, block, status.resultKey);
    if (event === undefined) return state;
    const { resultId, operator, endsAt, output } = event;
    return { requestId, resultId, operator, endsAt, output: fromHex(output), final };
  }
  if (state === "refunded")
    throw new AssayError("UNANSWERED", "no answer stands, and the fee was refunded", { details });
  if (state === "requested" && (await chainTime(provider)) > request.deadline)
    throw new AssayError("UNANSWERED", "nobody answered before the deadline: the fee can be refunded", {
      details,
    });
  return state;
}

/** Looks at the chain after a request was mined before an endpoint that is behind knows it. */
const UNKNOWN_LOOKS = 10;

/**
 * Polls until the request is answered. An endpoint that fails is asked again until the time is up.
 * @throws {AssayError} UNANSWERED once the deadline has passed (`refund` then returns the fee), OVERTURNED, TIMED_OUT, all with the
 * request's id and state in `details`; NOT_FOUND, RPC_FAILED if the endpoint failed to the end.
 */
export async function waitForAnswer(
  contracts: Contracts,
  provider: Provider,
  key: RequestKey,
  options: WaitOptions = {},
): Promise<Answer> {
  const { timeoutSeconds = 3600, pollSeconds = 1, signal } = options;
  const until = Date.now() + timeoutSeconds * 1000;
  for (let unknown = 0; ;) {
    signal?.throwIfAborted();
    let trouble: AssayError;
    try {
      const found = await look(contracts, provider, key, options.final ?? false);
      if (typeof found === "object") return found;
      if (found === "none" && ++unknown > UNKNOWN_LOOKS)
        throw new AssayError("NOT_FOUND", `the market knows no request ${key.requestId}`);
      trouble = new AssayError("TIMED_OUT", `no answer yet; its state is ${found}`, {
        retryable: true,
        details: { requestId: key.requestId, state: found },
      });
    } catch (error) {
      if (error instanceof AssayError && !isRetryable(error)) throw error;
      trouble =
        error instanceof AssayError
          ? error
          : new AssayError("RPC_FAILED", messageOf(error), { retryable: true, cause: error });
    }
    if (Date.now() > until) throw trouble;
    await sleep(pollSeconds * 1000, signal);
  }
}

/** Time of the newest block, unix seconds; 0 of a chain without blocks. @throws {AssayError} RPC_FAILED. */
export async function chainTime(provider: Provider): Promise<number> {
  return (await reading("eth_getBlockByNumber", provider.getBlock("latest")))?.timestamp ?? 0;
}

/** @param resultKey First 24 bytes of the standing answer's id: another one may be in a block that has gone. */
async function answerEvent(
  contracts: Contracts,
  provider: Provider,
  requestId: Hex,
  fromBlock: number,
  resultKey: string,
): Promise<EventOf<"Fulfilled"> | undefined> {
  const topics = contracts.market.interface.encodeFilterTopics("Fulfilled", [requestId]);
  const address = contracts.deployment.addresses.market;
  const logs = await readLogs(provider, { address, topics }, fromBlock);
  const event = logs
    .map((log) => parseEvent("market", log))
    .find((found) => found?.name === "Fulfilled" && found.resultId.startsWith(resultKey.toLowerCase()));
  return event?.name === "Fulfilled" ? event : undefined;
}

/** What the market's record says of an answer now. */
export interface Standing {
  /** This operator published exactly these bytes for exactly this request, and they have not been overturned. */
  readonly standing: boolean;
  /** It can never be overturned. */
  readonly final: boolean;
  /** First second in which it can no longer be challenged, unix seconds. */
  readonly endsAt: number;
  /** Disputes in progress against it. */
  readonly openGames: number;
}

/**
 * Whether request, input and answer are what the chain holds: their ids are computed again, and the market is asked. It does not run
 * the model: that the answer is right, the operator's bond and the verifiers stand for (`verify` of the Node entry recomputes it).
 * @throws {AssayError} RPC_FAILED if an id is not the hash of what it names, REVERTED.
 */
export async function checkRecord(
  contracts: Contracts,
  { requestId, request, input }: Pick<RequestHandle, "requestId" | "request" | "input">,
  { resultId, operator, output }: Answer,
): Promise<Standing> {
  const bytes = toHex(output);
  needAuthentic(contracts.deployment, {
    request: { requestId, request, input: toHex(input) },
    result: { resultId, operator, output: bytes },
  });
  const said = await reading("checkAnswer", contracts.market.checkAnswer(requestId, operator, bytes));
  const { standing, isFinal, endsAt, openGames } = said;
  return { standing, final: isFinal, endsAt: Number(endsAt), openGames: Number(openGames) };
}
