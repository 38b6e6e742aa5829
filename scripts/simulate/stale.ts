/** The answers of an endpoint that has not seen the chain's last blocks. */
import type { Call, Forward, Reply } from "./rpc.ts";

function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Number of a block that has one, undefined for tags and hashes. */
function numberOf(tag: unknown): number | undefined {
  return typeof tag === "string" && /^0x[0-9a-f]{1,12}$/i.test(tag) ? Number(tag) : undefined;
}

/** Where each method says which block it means. */
const TAG_AT: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getBlockByNumber: 0,
};

interface Range {
  readonly fromBlock?: unknown;
  readonly toBlock?: unknown;
  readonly blockHash?: unknown;
}

function blockNumberIn(result: unknown, key: "number" | "blockNumber"): number | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  return numberOf((result as Readonly<Record<string, unknown>>)[key]);
}

const UNKNOWN_BLOCK = { error: { code: -32000, message: "unknown block" } };

async function staleLogs(call: Call, newest: number, forward: Forward): Promise<Reply> {
  const range = (call.params[0] ?? {}) as Range;
  if (typeof range.blockHash === "string") {
    const block = await forward({ method: "eth_getBlockByHash", params: [range.blockHash, false] });
    const number = blockNumberIn(block.result, "number");
    return number === undefined || number > newest ? UNKNOWN_BLOCK : forward(call);
  }
  if ((numberOf(range.fromBlock) ?? 0) > newest) return { result: [] };
  const to = Math.min(numberOf(range.toBlock) ?? newest, newest);
  return forward({ ...call, params: [{ ...range, toBlock: quantity(to) }] });
}

/** @param newest Number of the last block that this endpoint knows. */
export async function answerStale(call: Call, newest: number, forward: Forward): Promise<Reply> {
  const { method, params } = call;
  if (method === "eth_blockNumber") return { result: quantity(newest) };
  if (method === "eth_getLogs") return staleLogs(call, newest, forward);
  if (method === "eth_getTransactionReceipt" || method === "eth_getTransactionByHash") {
    const reply = await forward(call);
    return (blockNumberIn(reply.result, "blockNumber") ?? 0) > newest ? { result: null } : reply;
  }
  if (method === "eth_getBlockByHash") {
    const reply = await forward(call);
    return (blockNumberIn(reply.result, "number") ?? 0) > newest ? { result: null } : reply;
  }
  const at = TAG_AT[method];
  if (at === undefined) return forward(call);
  const number = numberOf(params[at]);
  if (method === "eth_getBlockByNumber" && number !== undefined && number > newest) return { result: null };
  const shifted = [...params];
  shifted[at] = quantity(Math.min(number ?? newest, newest));
  return forward({ ...call, params: shifted });
}
