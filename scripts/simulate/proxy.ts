/** An endpoint between a node and the chain that fails as the forecast says. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { keccak256 } from "ethers";
import type { Rng } from "../../program/src/testing/rng.ts";
import type { FaultKind, Spell } from "./faults.ts";
import {
  bodySchema,
  forwarder,
  onLatest,
  readBody,
  type Call,
  type Forward,
  type NumberedCall,
  type Reply,
} from "./rpc.ts";
import { serve, type Served } from "../serve.ts";
import { answerStale } from "./stale.ts";

export interface ProxyOptions {
  /** The chain's own endpoint. */
  readonly target: string;
  readonly forecast: readonly Spell[];
  /** Which calls a spell hits, and how. */
  readonly rng: Rng;
  /** Seconds since the play began; negative before. */
  readonly elapsed: () => number;
  /** Told of each fault. */
  readonly onFault: (kind: FaultKind, method: string) => void;
}

export type Proxy = Served;

/** How providers word it. */
const ERRORS: readonly Readonly<{ code: number; message: string; data?: unknown }>[] = [
  { code: -32000, message: "header not found" },
  { code: -32603, message: "Internal error" },
  { code: -32005, message: "rate limit exceeded", data: { see: "https://example.invalid/limits" } },
  { code: 429, message: "Your app has exceeded its compute units per second capacity." },
  { code: -32046, message: "Cannot fulfill request" },
  { code: -32002, message: "request timed out" },
];
const RANGE_ERRORS: readonly Readonly<{ code: number; message: string }>[] = [
  { code: -32005, message: "query returned more than 10000 results" },
  {
    code: -32600,
    message: "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
  },
  { code: -32000, message: "block range is too wide" },
  { code: -32602, message: "exceed maximum block range: 50" },
  { code: 35, message: "ranges over 10000 blocks are not supported on freetier" },
];
const GARBAGE = [
  "<html><body>502 Bad Gateway</body></html>",
  "",
  "null",
  "{}",
  '{"jsonrpc":"2.0","id":1}',
  "\u0000\u0001",
];

const WHOLE: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(["http500", "http429", "rpcError", "dropped", "truncated", "garbage", "stalled", "delayed"] as const),
]);

function rangeOf({ method, params }: Call): number {
  const [filter] = params as readonly [{ fromBlock?: string; toBlock?: string; blockHash?: string }?];
  if (method !== "eth_getLogs" || filter === undefined || filter.blockHash !== undefined) return 0;
  return Number(filter.toBlock) - Number(filter.fromBlock) + 1;
}

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { forecast, rng, elapsed, onFault } = options;
  const { forward: pass, close } = forwarder(options.target);
  const forward: Forward = (call) => pass(onLatest(call));

  function spellNow(): Spell | undefined {
    const now = elapsed();
    const spell = forecast.find(({ from, to }) => from <= now && now < to);
    return spell !== undefined && rng.chance(spell.share) ? spell : undefined;
  }

  /** A transaction on its way; undefined: the caller gets no answer. */
  async function send(call: Call, kind: FaultKind): Promise<Reply | undefined> {
    const raw = String(call.params[0]);
    if (kind === "swallowed") return { result: keccak256(raw) };
    const reply = await forward(call);
    if (kind === "answerLost") return undefined;
    const again = await forward(call);
    return rng.chance(0.5) ? again : reply;
  }

  /** One call in the weather of the moment. */
  async function answer(call: Call, spell: Spell | undefined): Promise<Reply | undefined> {
    const hit = (kind: FaultKind): void => onFault(kind, call.method);
    if (spell?.kind === "stale") {
      hit("stale");
      const head = Number((await forward({ method: "eth_blockNumber", params: [] })).result);
      return answerStale(call, Math.max(0, head - spell.size), forward);
    }
    if (spell?.kind === "logRange" && rangeOf(call) > spell.size) {
      hit("logRange");
      return { error: rng.pick(RANGE_ERRORS) };
    }
    const sends = call.method === "eth_sendRawTransaction";
    if (spell !== undefined && sends && ["swallowed", "answerLost", "duplicated"].includes(spell.kind)) {
      hit(spell.kind);
      return send(call, spell.kind);
    }
    return forward(call);
  }

  async function answerAll(
    calls: readonly NumberedCall[],
    isBatch: boolean,
    spell: Spell | undefined,
    response: ServerResponse,
  ): Promise<void> {
    const replies: unknown[] = [];
    for (const { id, ...call } of calls) {
      const reply = await answer(call, spell);
      if (reply === undefined) return void response.destroy();
      replies.push({ jsonrpc: "2.0", id, ...reply });
    }
    const body = JSON.stringify(isBatch ? replies : replies[0]);
    if (spell?.kind === "truncated") {
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end(body.slice(0, Math.floor(body.length / 2)));
    }
    reply(response, 200, body);
  }

  function reply(response: ServerResponse, status: number, body: string): void {
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const json: unknown = JSON.parse(await readBody(incoming));
    const calls = bodySchema.parse(json);
    const spell = spellNow();
    if (spell !== undefined && WHOLE.has(spell.kind))
      for (const { method } of calls) onFault(spell.kind, method);
    switch (spell?.kind) {
      case "http500":
        return reply(response, rng.pick([500, 502, 503]), "upstream connect error");
      case "http429":
        return reply(response, 429, JSON.stringify({ error: { code: 429, message: "Too Many Requests" } }));
      case "rpcError": {
        const error = rng.pick(ERRORS);
        const replies = calls.map(({ id }) => ({ jsonrpc: "2.0", id, error }));
        return reply(response, 200, JSON.stringify(Array.isArray(json) ? replies : replies[0]));
      }
      case "dropped":
        return void response.destroy();
      case "garbage":
        return reply(response, 200, rng.pick(GARBAGE));
      case "stalled":
        // Whoever called gives up one day.
        return;
      case "delayed":
        await sleep(rng.int(1, spell.size));
        return answerAll(calls, Array.isArray(json), undefined, response);
      default:
        return answerAll(calls, Array.isArray(json), spell, response);
    }
  }

  const server = await serve((incoming, response) => {
    // The chain may be gone at the end, and callers are killed in mid-sentence.
    handle(incoming, response).catch(() => response.destroy());
  });
  return {
    url: server.url,
    close: async () => {
      close();
      await server.close();
    },
  };
}
