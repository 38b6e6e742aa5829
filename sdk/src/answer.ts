/** Waiting for the answer to a request. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Provider } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { parseEvent, type EventOf } from "./events.ts";
import { readLogs } from "./logs.ts";
import type { RequestHandle } from "./request.ts";
import { fromHex, type Hex } from "./structs.ts";

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
  readonly signal?: AbortSignal;
}

/** States of a request, in the order of `RequestState` in contracts/interfaces/Types.sol. */
export const REQUEST_STATES = [
  "none",
  "requested",
  "answered",
  "final",
  "delivered",
  "overturned",
  "refunded",
] as const;
export type RequestStateName = (typeof REQUEST_STATES)[number];

type RequestKey = Pick<RequestHandle, "requestId" | "request" | "block">;

/**
 * Polls until the request is answered.
 * @throws {AssayError} UNANSWERED once the deadline has passed (`refund` then returns the fee), OVERTURNED, NOT_FOUND,
 * TIMED_OUT.
 */
export async function waitForAnswer(
  contracts: Contracts,
  provider: Provider,
  { requestId, request, block }: RequestKey,
  options: WaitOptions = {},
): Promise<Answer> {
  const until = Date.now() + (options.timeoutSeconds ?? 3600) * 1000;
  for (;;) {
    const status = await contracts.market.statusOf(requestId);
    const state = REQUEST_STATES[Number(status.state)] ?? "none";
    const final = state === "final" || state === "delivered";
    if (state === "none") throw new AssayError("NOT_FOUND", `the market knows no request ${requestId}`);
    if (state === "overturned")
      throw new AssayError("OVERTURNED", "the answer was judged wrong; refund() returns the fee");
    if (final || (state === "answered" && options.final !== true)) {
      const event = await answerEvent(contracts, provider, requestId, block);
      if (event !== undefined) {
        const { resultId, operator, endsAt, output } = event;
        return { requestId, resultId, operator, endsAt, output: fromHex(output), final };
      }
    }
    const expired = state === "requested" && (await chainTime(provider)) > request.deadline;
    if (state === "refunded" || expired)
      throw new AssayError("UNANSWERED", "nobody answered before the deadline; refund() returns the fee");
    if (Date.now() > until)
      throw new AssayError("TIMED_OUT", `no answer yet; its state is ${state}`, { retryable: true });
    await sleep((options.pollSeconds ?? 1) * 1000, undefined, { signal: options.signal });
  }
}

/** Time of the newest block, unix seconds; 0 of a chain without blocks. */
export async function chainTime(provider: Provider): Promise<number> {
  return (await provider.getBlock("latest"))?.timestamp ?? 0;
}

async function answerEvent(
  contracts: Contracts,
  provider: Provider,
  requestId: Hex,
  fromBlock: number,
): Promise<EventOf<"Fulfilled"> | undefined> {
  const topics = contracts.market.interface.encodeFilterTopics("Fulfilled", [requestId]);
  const address = contracts.deployment.addresses.market;
  const logs = await readLogs(provider, { address, topics }, fromBlock);
  const event = logs.map((log) => parseEvent("market", log)).at(-1);
  return event?.name === "Fulfilled" ? event : undefined;
}
