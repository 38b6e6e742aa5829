/** What the outbox reads of the chain. Answers are checked before anything trusts them. */
import { toQuantity, type JsonRpcApiProvider, type TransactionReceipt } from "ethers";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../../sdk/src/error.ts";
import { asRevert } from "../../../../sdk/src/revert.ts";
import { bytes32, sameHex, wideQuantity, type Hex } from "../../../../sdk/src/structs.ts";
import type { Head } from "../rpc/roster.ts";
import { TIP_PERCENTILES } from "./fees.ts";
import type { Priority } from "./intent.ts";
import type { Inclusion } from "./journal.ts";
import { insufficient } from "./nonce.ts";

export interface Call {
  readonly from: Hex;
  readonly to: Hex;
  readonly data: string;
  readonly value: bigint;
}

const FEE_BLOCKS = 10;

const historySchema = z.object({
  reward: z.array(z.array(wideQuantity).max(8)).max(1024).nullish(),
  gasUsedRatio: z.array(z.number()).max(1024),
});

/** @throws {AssayError} RPC_FAILED */
export async function ask<T>(what: string, question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (cause) {
    throw new AssayError("RPC_FAILED", `${what}: ${messageOf(cause)}`, { retryable: true, cause });
  }
}

export async function readHead(provider: JsonRpcApiProvider): Promise<Head> {
  const block = await ask("latest block", provider.getBlock("latest"));
  if (block === null) throw new AssayError("RPC_FAILED", "the chain has no head", { retryable: true });
  const { number, timestamp, baseFeePerGas, gasLimit } = block;
  return { number, timestamp, baseFee: baseFeePerGas ?? 0n, gasLimit: Number(gasLimit) };
}

function median(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[sorted.length >> 1] ?? 0n;
}

/** Of `eth_feeHistory`, for {@link tipIn}. */
export function tipQuestion(priority: Priority): unknown[] {
  return [toQuantity(FEE_BLOCKS), "latest", [TIP_PERCENTILES[priority]]];
}

/** The median of the blocks that were not empty. */
export function tipIn(history: unknown): bigint {
  const { reward, gasUsedRatio } = historySchema.parse(history);
  const rewards = (reward ?? []).filter((_, block) => (gasUsedRatio[block] ?? 0) > 0);
  return median(rewards.map(([tip = 0n]) => tip));
}

/** @returns the receipt of one of our transactions; undefined: an endpoint knows of none, or answers with another. */
export async function readReceipt(
  provider: Pick<JsonRpcApiProvider, "getTransactionReceipt">,
  hash: Hex,
  from: Hex,
): Promise<TransactionReceipt | undefined> {
  const receipt = await ask("receipt", provider.getTransactionReceipt(hash));
  if (receipt === null || !sameHex(receipt.hash, hash) || !sameHex(receipt.from, from)) return undefined;
  return receipt;
}

export function inclusionOf(receipt: TransactionReceipt, hash: Hex, minedAt: number): Inclusion {
  return {
    hash,
    block: receipt.blockNumber,
    blockHash: bytes32.parse(receipt.blockHash),
    gasUsed: Number(receipt.gasUsed),
    gasPriceWei: receipt.gasPrice,
    minedAt,
  };
}

/** Gas that a call needs, as far as endpoints tell the truth. @throws {AssayError} REVERTED, INSUFFICIENT_FUNDS, RPC_FAILED. */
export async function simulate(provider: JsonRpcApiProvider, label: string, call: Call): Promise<number> {
  try {
    return Number(await provider.estimateGas(call));
  } catch (cause) {
    if (refusalOf(cause) !== "funds") throw failureOf(label, cause);
    // Endpoints word it in many ways, or leave the amounts out.
    const balance = await ask("balance", provider.getBalance(call.from));
    throw balance < call.value ? insufficient(label, balance, call.value) : failureOf(label, cause);
  }
}

/** Why a transaction failed in its block. @returns a retryable error if the call succeeds there now. */
export async function explainRevert(
  provider: JsonRpcApiProvider,
  label: string,
  call: Call,
  block: number,
): Promise<AssayError> {
  try {
    await provider.call({ ...call, blockTag: block });
  } catch (cause) {
    const revert = asRevert(label, cause);
    if (revert !== undefined) return revert;
  }
  return new AssayError("REVERTED", `${label} reverted; repeated at the end of its block it does not`, {
    retryable: true,
  });
}

/** Everything that an error says, however deeply a client has wrapped it. */
function wordsOf(error: unknown, depth = 0): string {
  if (depth > 5 || typeof error !== "object" || error === null) return "";
  const inner = ["info", "error", "cause"].map((key): unknown => Reflect.get(error, key));
  const words = "message" in error ? String(error.message) : "";
  return [words, ...inner.map((value) => wordsOf(value, depth + 1))].join(" ").toLowerCase();
}

export type Refusal = "known" | "nonce" | "underpriced" | "funds";

/** An endpoint's refusal by its usual words; there are no codes for them. */
export function refusalOf(error: unknown): Refusal | undefined {
  const text = wordsOf(error);
  if (/already known|already imported|known transaction/.test(text)) return "known";
  if (/nonce too low|nonce has already been used|nonce_expired/.test(text)) return "nonce";
  if (/underpriced|fee too low|less than block base fee/.test(text)) return "underpriced";
  if (/insufficient funds/.test(text)) return "funds";
  return undefined;
}

export function failureOf(label: string, error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  if (refusalOf(error) === "funds")
    return new AssayError("INSUFFICIENT_FUNDS", `${label}: the wallet cannot pay for value and gas`, {
      retryable: true,
    });
  const revert = asRevert(label, error);
  if (revert !== undefined) return revert;
  return new AssayError("RPC_FAILED", `${label}: ${messageOf(error)}`, { retryable: true, cause: error });
}
