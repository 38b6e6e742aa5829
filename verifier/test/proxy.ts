/** Stands between a node and its JSON-RPC endpoint: sees every call, and may answer, hold or fail it. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { z } from "zod/v4";

export interface RpcCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface RpcHooks {
  /** Before a call is passed on. Something other than undefined is its result instead. What never resolves is never answered. */
  before?: (call: RpcCall) => unknown;
  /** After the endpoint has answered. Something other than undefined is the result instead. */
  after?: (call: RpcCall, result: unknown) => unknown;
}

export interface RpcProxy {
  readonly url: string;
  /** May be changed at any time. */
  readonly hooks: RpcHooks;
  stop(): Promise<void>;
}

const callSchema = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
});
const bodySchema = z.union([callSchema, z.array(callSchema)]);
const answerSchema = z.looseObject({ result: z.unknown() });
type Call = z.infer<typeof callSchema>;

async function read(message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk as Uint8Array));
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

export function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address !== "object" || address === null) return reject(new Error("no address"));
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

export async function startProxy(endpoint: string, hooks: RpcHooks = {}): Promise<RpcProxy> {
  async function pass(call: Call): Promise<unknown> {
    const { id, method } = call;
    const own: unknown = await hooks.before?.(call);
    if (own !== undefined) return { jsonrpc: "2.0", id, result: own };
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ jsonrpc: "2.0", ...call });
    const answer = answerSchema.parse(
      await (await fetch(endpoint, { method: "POST", headers, body })).json(),
    );
    const other: unknown = await hooks.after?.({ method, params: call.params }, answer.result);
    return other === undefined ? answer : { jsonrpc: "2.0", id, result: other };
  }

  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const body = bodySchema.parse(await read(request));
      const result = await (Array.isArray(body) ? Promise.all(body.map(pass)) : pass(body));
      response.setHeader("content-type", "application/json").end(JSON.stringify(result));
    };
    answer().catch(() => response.destroy());
  });
  return { url: await listen(server), hooks, stop: () => close(server) };
}
