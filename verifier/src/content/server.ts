/** Read-only HTTP: the files of a content store, and the node's health. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { ContentStore } from "./store.ts";

export interface Health {
  readonly ready: boolean;
  readonly [field: string]: unknown;
}

export interface ContentServer {
  /** http://host:port, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const IDLE_MS = 30_000;
const MAX_CONNECTIONS = 256;
const CONTENT = /^\/content\/([0-9a-f]{64})$/;

async function sendFile(path: string, head: boolean, response: ServerResponse): Promise<void> {
  const size = await stat(path).then(
    (file) => file.size,
    () => undefined,
  );
  if (size === undefined) return sendJson(response, 404, { error: "no such content" });
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": size,
    "cache-control": "public, immutable, max-age=31536000",
    "x-content-type-options": "nosniff",
  });
  if (head) response.end();
  else await pipeline(createReadStream(path), response);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** @param port 0: any free one. */
export async function serveContent(
  store: ContentStore,
  health: () => Health,
  host: string,
  port: number,
): Promise<ContentServer> {
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD")
      return sendJson(response, 405, { error: "read only" });
    const path = request.url ?? "";
    const hash = CONTENT.exec(path)?.[1];
    if (hash !== undefined) return sendFile(store.pathOf(`0x${hash}`), request.method === "HEAD", response);
    if (path !== "/health") return sendJson(response, 404, { error: "try /health or /content/<sha256>" });
    const state = health();
    sendJson(response, state.ready ? 200 : 503, state);
  }

  const server = createServer({ requestTimeout: IDLE_MS }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  // Readers that do not read are cut off.
  server.setTimeout(IDLE_MS, (socket) => socket.destroy());
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
