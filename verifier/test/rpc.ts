/** Servers between a node and a real chain that lie, stall and break off as told. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import type { Logger } from "../src/log.ts";

export interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What to do instead of passing an answer on. */
export type Trick =
  | { readonly change: (result: unknown) => unknown }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }
  | { readonly respond: (response: ServerResponse) => void };

export interface Proxy {
  readonly url: string;
  /** Methods, in the order in which they were asked for. */
  readonly calls: Call[];
  /** undefined: honest. */
  bend: ((call: Call) => Trick | undefined) | undefined;
  stop(): Promise<void>;
}

interface Request extends Call {
  readonly id: number;
}

async function ask(target: string, body: string): Promise<Record<string, unknown>> {
  const response = await fetch(target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return (await response.json()) as Record<string, unknown>;
}

/** JSON-RPC over HTTP in front of `target`. */
export async function startProxy(target: string): Promise<Proxy> {
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    bend: undefined,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const call = JSON.parse(body) as Request;
    proxy.calls.push(call);
    const trick = proxy.bend?.(call);
    if (trick !== undefined && "respond" in trick) return trick.respond(response);
    const answer =
      trick !== undefined && "error" in trick
        ? { jsonrpc: "2.0", id: call.id, error: trick.error }
        : await ask(target, body);
    if (trick !== undefined && "change" in trick && "result" in answer)
      answer["result"] = trick.change(answer["result"]);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  }
  return proxy;
}

export interface Pipe {
  /** ws://... */
  readonly url: string;
  /** Connections so far. */
  opened(): number;
  /** Breaks all connections. */
  cut(): void;
  /** Sends a text message to the clients, as if it came from the server. */
  inject(message: string): void;
  /** Passes nothing on any more, but keeps connections open. */
  frozen: boolean;
  stop(): Promise<void>;
}

/** The header of an unmasked WebSocket text frame (RFC 6455, section 5.2), and the text. */
function frame(message: string): Buffer {
  const body = Buffer.from(message);
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([head, body]);
}

/** Bytes between a WebSocket client and a server at `target` (http://host:port). */
export async function startPipe(target: string): Promise<Pipe> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  let opened = 0;
  const server = createSocketServer((client) => {
    opened++;
    const upstream = connect(Number(port), hostname);
    const pair = { client, upstream };
    pairs.add(pair);
    client.on("data", (data) => pipe.frozen || upstream.write(data));
    upstream.on("data", (data) => pipe.frozen || client.write(data));
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const pipe: Pipe = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: () => opened,
    cut() {
      for (const { client } of [...pairs]) client.destroy();
    },
    inject(message) {
      for (const { client } of pairs) client.write(frame(message));
    },
    frozen: false,
    async stop() {
      pipe.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return pipe;
}

/** A log in memory. */
export function recordLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { log: pino({ level: "trace", base: null }, { write }), lines };
}
