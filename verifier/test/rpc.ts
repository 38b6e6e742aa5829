/** Servers between a node and a real chain that lie, stall and break off as told. */
import type { ServerResponse } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { forwarder, serveRpc, type Call, type Reply } from "../../scripts/simulate/rpc.ts";
import { loggerTo, type Logger } from "../src/log.ts";

/** What to do instead of passing a call on, or its answer. */
export type Trick =
  | Reply
  /** What never resolves is never answered. */
  | { readonly change: (result: unknown) => unknown }
  | { readonly respond: (response: ServerResponse) => void };

export interface Proxy {
  readonly url: string;
  /** In the order in which they came. */
  readonly calls: Call[];
  /** undefined: honest. */
  bend: ((call: Call) => Trick | undefined) | undefined;
  stop(): Promise<void>;
}

/** Never answers. */
export const STALL: Trick = { respond: () => undefined };
/** Breaks the connection. */
export const CUT: Trick = { respond: (response) => void response.destroy() };

/** JSON-RPC over HTTP in front of `target`. */
export async function startProxy(target: string): Promise<Proxy> {
  const { forward, close } = forwarder(target);
  const server = await serveRpc(async (call, response) => {
    proxy.calls.push(call);
    const trick = proxy.bend?.(call);
    if (trick === undefined) return forward(call);
    if ("respond" in trick) {
      trick.respond(response);
      return undefined;
    }
    if (!("change" in trick)) return trick;
    const reply = await forward(call);
    return "result" in reply ? { result: await trick.change(reply.result) } : reply;
  });
  const proxy: Proxy = {
    url: server.url,
    calls: [],
    bend: undefined,
    async stop() {
      close();
      await server.close();
    },
  };
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
  const server = createServer((client) => {
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
  return { log: loggerTo("trace", { write }), lines };
}
