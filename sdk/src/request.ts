/** Asking for one inference. */
import { randomBytes } from "node:crypto";
import type { TransactionReceipt } from "ethers";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { parseEvent } from "./events.ts";
import { asRevert } from "./revert.ts";
import { fromHex, toHex, ZERO_ADDRESS, type Ask, type Hex, type Request } from "./structs.ts";

export interface RequestOptions {
  readonly releaseId: Hex;
  /** Input blob; see `encodeTensors`. */
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
    nonce: randomBytes(8).readBigUInt64BE(),
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
 * @throws {AssayError} REVERTED (details.error is the market's custom error), RPC_FAILED.
 */
export async function request(
  contracts: Contracts,
  sender: Hex,
  options: RequestOptions,
): Promise<RequestHandle> {
  try {
    const ask = await makeAsk(contracts, sender, options);
    const sent = await contracts.market.request(ask, toHex(options.input), { value: options.fee });
    const receipt = await sent.wait();
    if (receipt === null)
      throw new AssayError("RPC_FAILED", "the request was sent, its receipt did not come");
    return parseRequested(contracts, receipt);
  } catch (error) {
    if (error instanceof AssayError) throw error;
    throw (
      asRevert("request", error) ??
      new AssayError("RPC_FAILED", "request failed", { retryable: true, cause: error })
    );
  }
}
