import { expect } from "chai";
import { refusalOf, type Refusal, type RpcErrorObject } from "./refusal.ts";

type Case = readonly [method: string, code: number, message: string, expected: Refusal, data?: unknown];

const CALL = "eth_call";
const ESTIMATE = "eth_estimateGas";
const RAW = "eth_sendRawTransaction";
const LOGS = "eth_getLogs";
const BLOCK = "eth_getBlockByNumber";

/** As providers word them. */
const CASES: readonly Case[] = [
  [LOGS, -32005, "query returned more than 10000 results", "range"],
  [LOGS, -32602, "range 1000000 exceeds limit of 10000", "range"],
  [
    LOGS,
    -32602,
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
    "range",
  ],
  [
    LOGS,
    -32600,
    "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.",
    "range",
  ],
  [LOGS, -32614, "eth_getLogs is limited to a 10,000 range", "range"],
  [LOGS, -32600, "block range is too wide", "range"],
  [LOGS, -32062, "Block range is too large", "range"],
  [
    LOGS,
    -32047,
    "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800",
    "range",
  ],
  [LOGS, -32000, "exceed maximum block range: 5000", "range"],
  [LOGS, -32005, "limit exceeded", "range"],
  [LOGS, -32602, "query exceeds max results 20000, retry with the range 25766988-25775072", "range"],
  [LOGS, -32602, "query exceeds max block range 100000", "range"],
  [LOGS, -32000, "block range is bigger than maxBlockRange", "range"],
  [LOGS, -32602, "invalid params", "range", { payload: "range 9009594 is bigger than range limit 2000" }],
  [LOGS, 35, "ranges over 10000 blocks are not supported on freetier", "range"],
  [LOGS, -32000, "maximum [from, to] blocks distance: 1000", "range"],
  [LOGS, -32008, "Response is too big", "range"],
  [LOGS, -32000, "query timeout exceeded", "range"],
  [LOGS, -32603, "request timed out", "range"],
  [LOGS, 1, "words that nobody foresaw", "range"],
  [LOGS, -32603, "Internal error", "failed"],
  [LOGS, -32005, "daily request count exceeded, request rate limited", "limited"],
  [LOGS, 429, "Your app has exceeded its compute units per second capacity.", "limited"],
  [LOGS, -32007, "50/second request limit reached - reduce calls per second or upgrade", "limited"],
  [
    LOGS,
    -32000,
    "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
    "behind",
  ],
  [LOGS, -32000, "unknown block", "behind"],
  [LOGS, -32601, "the method eth_getLogs does not exist/is not available", "unsupported"],
  [CALL, 3, "execution reverted", "answer", "0x08c379a0"],
  [CALL, 3, "execution reverted: rate limit exceeded", "answer"],
  [CALL, -32000, "execution reverted", "answer"],
  [CALL, -32015, "VM execution error.", "answer", "Reverted 0x1234"],
  [CALL, -32603, "error", "answer", { message: "reverted", data: "0x12345678" }],
  [CALL, -32000, "out of gas", "answer"],
  [CALL, -32005, "limit exceeded", "limited"],
  [CALL, 429, "Too Many Requests", "limited"],
  [CALL, -32000, "too many requests", "limited", { try_again_in: "1s" }],
  [CALL, -32603, "Internal error", "failed"],
  [CALL, -32000, "header not found", "behind"],
  [CALL, -32000, "missing trie node 0xab (path )", "behind"],
  [ESTIMATE, -32005, "limit exceeded", "limited"],
  [ESTIMATE, -32000, "gas required exceeds allowance (0)", "answer"],
  [ESTIMATE, -32000, "insufficient funds for gas * price + value", "answer"],
  [ESTIMATE, -32000, "something else", "failed"],
  [RAW, -32000, "already known", "known"],
  [RAW, -32010, "Transaction with the same hash was already imported.", "known"],
  [RAW, -32000, "ALREADY_EXISTS: already known", "known"],
  [RAW, -32000, "nonce too low", "answer"],
  [RAW, -32000, "replacement transaction underpriced", "answer"],
  [RAW, -32000, "insufficient funds for gas * price + value", "answer"],
  [RAW, -32005, "limit exceeded", "limited"],
  [RAW, -32603, "Internal error", "failed"],
  ["eth_maxPriorityFeePerGas", -32601, "Method not found", "unsupported"],
  [BLOCK, -32005, "limit exceeded", "limited"],
  [BLOCK, -32001, "Resource not found", "behind"],
  [BLOCK, -32602, "invalid argument 0", "answer"],
  [BLOCK, -32000, "anything", "failed"],
];

describe("refusalOf", () => {
  for (const [method, code, message, expected, data] of CASES)
    it(`${method} ${code} "${message.slice(0, 60)}" is ${expected}`, () => {
      const error: RpcErrorObject = data === undefined ? { code, message } : { code, message, data };
      expect(refusalOf(method, [{ fromBlock: "0x1", toBlock: "0x9" }], error)).to.equal(expected);
    });

  it("asks for no range shorter than one block", () => {
    const error = { code: -32000, message: "block range is too large" };
    for (const filter of [{ blockHash: "0x12" }, { fromBlock: "0x1", toBlock: "0x1" }])
      expect(refusalOf(LOGS, [filter], error)).to.equal("failed");
  });
});
