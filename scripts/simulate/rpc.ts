/** JSON-RPC as an endpoint sees it, and the way on to the real chain. */
import { Agent, request, type IncomingMessage, type ServerResponse } from "node:http";
import { z } from "zod/v4";
import { serve, type Served } from "../serve.ts";

export interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface Reply {
  readonly result?: unknown;
  readonly error?: unknown;
}

export type Forward = (call: Call) => Promise<Reply>;

const callSchema = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).optional().default([]),
});
export type NumberedCall = z.infer<typeof callSchema>;
/** One call or a batch of them. */
export const bodySchema = z.union([callSchema.transform((call) => [call]), z.array(callSchema)]);
const replySchema = z.object({ result: z.unknown().optional(), error: z.unknown().optional() });

const MAX_BODY_BYTES = 16 * 2 ** 20;

export async function readBody(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error("the body is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** @param url Of the chain's own endpoint. */
export function forwarder(url: string): { readonly forward: Forward; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true });

  function post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request(url, { method: "POST", agent, headers }, (response) => {
        readBody(response).then(resolve, reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  return {
    async forward({ method, params }) {
      const text = await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
      return replySchema.parse(JSON.parse(text));
    },
    close: () => agent.destroy(),
  };
}

/** Simulated on the newest block, as most endpoints do; the development chain would apply what is pending first. */
export function onLatest(call: Call): Call {
  const { method, params } = call;
  if (method !== "eth_estimateGas" && method !== "eth_call") return call;
  const [transaction, tag = "pending", ...rest] = params;
  return { method, params: [transaction, tag === "pending" ? "latest" : tag, ...rest] };
}

/** Answers each call, one after the other. @param answer undefined: it has dealt with the response itself. */
export function serveRpc(
  answer: (call: Call, response: ServerResponse) => Promise<Reply | undefined>,
): Promise<Served> {
  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const json: unknown = JSON.parse(await readBody(incoming));
    const replies: unknown[] = [];
    for (const { id, ...call } of bodySchema.parse(json)) {
      const reply = await answer(call, response);
      if (reply === undefined) return;
      replies.push({ jsonrpc: "2.0", id, ...reply });
    }
    const text = JSON.stringify(Array.isArray(json) ? replies : replies[0]);
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  }
  return serve((incoming, response) => void handle(incoming, response).catch(() => response.destroy()));
}
