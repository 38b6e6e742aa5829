/** What a JSON-RPC error means, in whichever provider's words. */

export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

export function isRpcError(value: unknown): value is RpcErrorObject {
  if (typeof value !== "object" || value === null) return false;
  return (
    "code" in value &&
    typeof value.code === "number" &&
    "message" in value &&
    typeof value.message === "string"
  );
}

export type Refusal =
  /** The chain's own word, which other endpoints would repeat: a revert, a transaction that cannot be taken. */
  | "answer"
  /** The transaction is in the pool or in the chain already. */
  | "known"
  /** Too many blocks, logs or bytes for one query. */
  | "range"
  /** Too many queries. */
  | "limited"
  /** A block or its state is not there, not yet or no longer. */
  | "behind"
  /** The endpoint does not offer this method. */
  | "unsupported"
  | "failed";

const RATE =
  /rate.?limit|too many requests|requests? per (second|minute|hour|day|month)|request (count|limit|rate)|compute units|credits|capacity|quota|throttl|daily|try again later|retry in \d|free.?tier limit/i;
const BEHIND =
  /header not found|unknown block|block not found|missing trie node|state (is )?not available|could not find block|resource not found|cannot be found|not yet available|after last accepted block|beyond (the )?(current )?head|greater than latest|invalid block range/i;
const UNSUPPORTED =
  /method .*(not (found|supported|available|allowed|exist|enabled|whitelisted)|does not exist|disabled)|(unsupported|unknown|unauthorized) method/i;
const REVERTED =
  /revert|out of gas|invalid (opcode|jump)|opcode|stack (under|over)flow|gas required exceeds|insufficient (funds|balance)|intrinsic gas|fee cap|max fee per gas|nonce too|write protection|execution (error|failed)|vm execution|evm error|contract creation code/i;
const KNOWN =
  /already (known|imported|exists|in (the )?(tx ?)?(pool|mempool))|known transaction|already_exists|alreadyknown/i;
const TRANSACTION =
  /nonce|underpriced|insufficient|gas|fee|balance|invalid (sender|chain|signature|transaction)|replacement|intrinsic|oversized|rlp|typed transaction|tx type|already|txpool|blob|exceeds/i;
const INVALID_PARAMS = -32602;
const INTERNAL = -32603;
const NO_METHOD = -32601;
const LIMITED_CODES = new Set([429, -32005, -32029, -32097]);

/** Texts of an error, however deep a provider has put them. */
function textOf(error: RpcErrorObject): string {
  return `${error.message} ${error.data === undefined ? "" : JSON.stringify(error.data).slice(0, 2000)}`;
}

/** Return data of a reverted call: `data` itself, or in it as `data.data`, or behind a word ("Reverted 0x..."). */
function hasReturnData(data: unknown, depth = 0): boolean {
  if (typeof data === "string") return /^(reverted )?0x([0-9a-f]{2})*$/i.test(data);
  if (typeof data !== "object" || data === null || depth > 2) return false;
  return "data" in data && hasReturnData(data.data, depth + 1);
}

function isOneBlock(filter: unknown): boolean {
  if (typeof filter !== "object" || filter === null) return false;
  if ("blockHash" in filter) return true;
  return "fromBlock" in filter && "toBlock" in filter && filter.fromBlock === filter.toBlock;
}

function refusalOfLogs(error: RpcErrorObject, text: string, params: readonly unknown[]): Refusal {
  if (isOneBlock(params[0])) return LIMITED_CODES.has(error.code) ? "limited" : "failed";
  // Whatever else is said about a range of blocks, in words that nobody foresaw: a shorter one may do.
  return error.code === INTERNAL && /^internal( json-rpc)? error\.?\s*$/i.test(text) ? "failed" : "range";
}

/** @param error As in a JSON-RPC 2.0 response to `method` with `params`. */
export function refusalOf(method: string, params: readonly unknown[], error: RpcErrorObject): Refusal {
  const text = textOf(error);
  const call = method === "eth_call" || method === "eth_estimateGas" || method === "eth_createAccessList";
  // A contract may revert with any words, also these: bytes from the EVM come first.
  if (call && (error.code === 3 || hasReturnData(error.data))) return "answer";
  if (method === "eth_sendRawTransaction" && KNOWN.test(text)) return "known";
  if (RATE.test(text) || error.code === 429) return "limited";
  if (error.code === NO_METHOD || UNSUPPORTED.test(error.message)) return "unsupported";
  if (BEHIND.test(text)) return "behind";
  if (method === "eth_getLogs") return refusalOfLogs(error, text, params);
  if (LIMITED_CODES.has(error.code)) return "limited";
  if (call) return REVERTED.test(text) ? "answer" : "failed";
  if (method === "eth_sendRawTransaction")
    return TRANSACTION.test(text) || error.code === INVALID_PARAMS ? "answer" : "failed";
  return error.code === INVALID_PARAMS ? "answer" : "failed";
}
