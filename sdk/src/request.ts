/** Asking for one inference. */
import { randomBytes, toBigInt, type Provider, type TransactionReceipt } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { parseEvent } from "./events.ts";
import { readLogs } from "./logs.ts";
import { reading, send } from "./send.ts";
import { fromHex, toHex, ZERO_ADDRESS, type Ask, type Hex, type Request } from "./structs.ts";

export interface RequestOptions {
  readonly releaseId: Hex;
  /** Input blob; see `encodeInput`. */
  readonly input: Uint8Array;
  /** Wei for the operator, the model's royalty and the protocol. */
  readonly fee: bigint;
  /** Operator's bond, wei. Default: the market's floor for this release, which also raises any lower bond. */
  readonly bond?: bigint;
  /** An answer is accepted for this many seconds. Default 600. */
  readonly answerSeconds?: number;
  /** Challenge window, seconds from the answer. Default: the market's shortest. */
  readonly windowSeconds?: number;
  /** The only account that may answer. Default: any staked operator. */
  readonly operator?: Hex;
  /** Ledger account for refunds. Default: the sender. */
  readonly refundTo?: Hex;
}

/** A request on chain; `request` is what later calls bring again. */
export interface RequestHandle {
  readonly requestId: Hex;
  readonly request: Request;
  readonly input: Uint8Array;
  /** Block of the request. */
  readonly block: number;
}

export function parseRequested(contracts: Contracts, receipt: TransactionReceipt): RequestHandle {
  for (const log of receipt.logs) {
    if (log.address.toLowerCase() !== contracts.deployment.addresses.market.toLowerCase()) continue;
    const event = parseEvent("market", log);
    if (event?.name === "Requested")
      return {
        requestId: event.requestId,
        request: event.request,
        input: fromHex(event.input),
        block: receipt.blockNumber,
      };
  }
  throw new AssayError("NOT_FOUND", `transaction ${receipt.hash} made no request`);
}

/** The terms of a request; everything that options leave out at its default. */
export async function makeAsk(
  { market }: Contracts,
  sender: Hex,
  options: Omit<RequestOptions, "input" | "fee">,
): Promise<Ask> {
  return {
    releaseId: options.releaseId,
    nonce: toBigInt(randomBytes(8)),
    bond: options.bond ?? 0n,
    answerSeconds: options.answerSeconds ?? 600,
    windowSeconds: options.windowSeconds ?? Number((await market.parameters()).minWindow),
    operator: options.operator ?? ZERO_ADDRESS,
    callbackGas: 0,
    refundTo: options.refundTo ?? sender,
  };
}

/**
 * Sends the request with the contracts' runner (a signer) and waits until it is mined.
 * @param sender The runner's account.
 * @throws {AssayError} as `send`; REVERTED names the market's custom error in `details.error`.
 */
export async function request(
  contracts: Contracts,
  sender: Hex,
  options: RequestOptions,
): Promise<RequestHandle> {
  const ask = await reading("request", makeAsk(contracts, sender, options));
  const receipt = await send("request", () =>
    contracts.market.request(ask, toHex(options.input), { value: options.fee }),
  );
  return parseRequested(contracts, receipt);
}

/** A request made earlier, by anyone. @throws {AssayError} NOT_FOUND, RPC_FAILED. */
export async function findRequest(
  { market, deployment }: Contracts,
  provider: Provider,
  requestId: Hex,
): Promise<RequestHandle> {
  const filter = {
    address: deployment.addresses.market,
    topics: [market.interface.getEvent("Requested").topicHash, requestId],
  };
  const [log] = await readLogs(provider, filter, deployment.block);
  const event = log && parseEvent("market", log);
  if (log === undefined || event?.name !== "Requested")
    throw new AssayError("NOT_FOUND", `the market has no request ${requestId}: is it of another chain?`);
  const { request: made, input } = event;
  return { requestId: event.requestId, request: made, input: fromHex(input), block: log.blockNumber };
}

/**
 * Returns the fee of a request that nobody answered in time, or whose answer was overturned, to `refundTo`'s account in the vault.
 * @throws {AssayError} as {@link request}.
 */
export async function refund(
  contracts: Contracts,
  { request: made }: Pick<RequestHandle, "request">,
): Promise<void> {
  await send("refund", () => contracts.market.refund(made));
}
