/**
 * The node's HTTP server. Others may hold it up no longer and no more than the limits say; health answers whatever they do.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Logger } from "../log.ts";
import { createThrottle, logErrorThrottled } from "../observe/throttle.ts";
import { createClients, type ClientLimits } from "./limits.ts";
import { watchReaders } from "./readers.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The answer stays open. */
    stream?: boolean;
    /** POST, with a body of at most the route's `bodyLimit`. */
    upload?: boolean;
  }
}

export interface Health {
  readonly ready: boolean;
  readonly [field: string]: unknown;
}

/** Adds routes; their handlers answer GET and HEAD, or POST (`config: { upload: true }`). */
export type Routes = (app: FastifyInstance) => void;

export interface HttpLimits {
  readonly connections: number;
  /** Requests that are being answered, of all clients. */
  readonly concurrent: number;
  /** For each client: an IPv4 address, or an IPv6 network of 64 bits. Behind a proxy all are one. */
  readonly client: ClientLimits;
  /** Answers that stay open (`config: { stream: true }`), of all clients and of one; they count as none of the others. */
  readonly streams: { readonly all: number; readonly client: number };
  /** Uploads (`config: { upload: true }`), of all clients and of each; they count as none of the others. */
  readonly uploads: { readonly all: number; readonly client: ClientLimits };
  /** Milliseconds for a request's headers, and for a connection without any traffic. */
  readonly idleMs: number;
  /** Milliseconds; in each such time a reader must take `readerBytes`, or the rest of its answer. */
  readonly readerMs: number;
  readonly readerBytes: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  connections: 512,
  concurrent: 128,
  client: { connections: 64, concurrent: 32, perSecond: 200 },
  streams: { all: 128, client: 8 },
  uploads: { all: 256, client: { connections: 64, concurrent: 64, perSecond: 2000 } },
  idleMs: 15_000,
  readerMs: 10_000,
  readerBytes: 2 ** 17,
};

export interface HttpOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly log: Logger;
  readonly health: () => Health;
  readonly routes: readonly Routes[];
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  /** http://host:port, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Lets answers that are under way end, for a short while. */
  close(): Promise<void>;
}

const MAX_HEADER_BYTES = 8192;
const MAX_PARAMETER = 128;
const CLOSE_MS = 2000;
const HEALTH = /^\/health(\/|\?|$)/;

function addHealth(app: FastifyInstance, health: () => Health): void {
  app.get("/health/live", (_request, reply) =>
    reply.header("cache-control", "no-store").send({ live: true }),
  );
  const state = (_request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const now = health();
    return reply
      .code(now.ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send(now);
  };
  app.get("/health", state);
  app.get("/health/ready", state);
}

/** Turns away who asks too much. */
function addLimits(app: FastifyInstance, { concurrent, client, streams, uploads }: HttpLimits): void {
  const answers = { clients: createClients(client), most: concurrent, open: 0 };
  const streaming = {
    clients: createClients({ ...client, concurrent: streams.client }),
    most: streams.all,
    open: 0,
  };
  const uploading = { clients: createClients(uploads.client), most: uploads.all, open: 0 };
  /** Of requests that have a slot: keeps it until something has ended. */
  const slots = new WeakMap<IncomingMessage, (work: unknown) => void>();

  app.server.on("connection", (socket: Socket) => {
    const close = answers.clients.connect(socket.remoteAddress ?? "");
    if (close === undefined) socket.destroy();
    else socket.once("close", close);
  });
  app.addHook("onRequest", (request, reply, next) => {
    if (HEALTH.test(request.url)) return next();
    const { stream, upload } = request.routeOptions.config;
    // Browsers ask before they post.
    const posts = (request.method === "POST" || request.method === "OPTIONS") && upload === true;
    if (!posts && request.method !== "GET" && request.method !== "HEAD") {
      void reply.code(405).headers({ allow: "GET, HEAD", connection: "close" }).send({ error: "read only" });
      return;
    }
    const kind = posts ? uploading : stream === true ? streaming : answers;
    const end = kind.open < kind.most ? kind.clients.begin(request.ip) : undefined;
    if (end === undefined) {
      const status = kind.open < kind.most ? 429 : 503;
      void reply.code(status).header("retry-after", "1").send({ error: "too many requests" });
      return;
    }
    kind.open++;
    let holders = 1;
    const letGo = (): void => {
      if (--holders > 0) return;
      slots.delete(request.raw);
      kind.open--;
      end();
    };
    slots.set(request.raw, (work) => {
      holders++;
      void Promise.resolve(work).then(letGo, letGo);
    });
    // Answered, broken off or given up.
    reply.raw.once("close", letGo);
    next();
  });
  // What a client asked for is often still being done when it is gone.
  app.addHook("onRoute", (route) => {
    const { handler } = route;
    route.handler = function (request, reply) {
      const answer: unknown = handler.call(this, request, reply);
      slots.get(request.raw)?.(answer);
      return answer;
    };
  });
}

/** @throws {AssayError} BAD_CONFIG if the address cannot be listened on. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, port, log, health, routes } = options;
  const limits: HttpLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const app = fastify({
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.idleMs / 3,
    },
    requestTimeout: limits.idleMs,
    connectionTimeout: limits.idleMs,
    keepAliveTimeout: limits.idleMs,
    // Routes that take more say so.
    bodyLimit: 1,
    exposeHeadRoutes: true,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PARAMETER },
  });
  app.server.maxConnections = limits.connections;
  // Whoever finds a way to fail does not fill the log.
  const seldom = { log, throttle: createThrottle() };
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
    if (status === 503)
      return reply.code(503).header("retry-after", "1").send({ error: "too much is asked at once" });
    if (status < 500) return reply.code(status).send({ error: "bad request" });
    logErrorThrottled(seldom, error, "an HTTP request failed");
    return reply.code(500).send({ error: "internal error" });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: "nothing here" }));
  addLimits(app, limits);
  addHealth(app, health);
  for (const add of routes) add(app);
  const unwatch = watchReaders(app, limits);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    unwatch();
    await app.close();
    throw new AssayError("BAD_CONFIG", `cannot listen on ${host}:${port}: choose another --http`, { cause });
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    async close() {
      unwatch();
      const closed = new Promise<void>((resolve) => app.server.close(() => resolve()));
      app.server.closeIdleConnections();
      const late = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(late);
      await app.close();
    },
  };
}
