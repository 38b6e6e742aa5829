/** What a node shows its owner over HTTP. */
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import ipaddr from "ipaddr.js";
import type { Metrics } from "./metrics.ts";

const OWN_NETWORKS: ReadonlySet<string> = new Set(["loopback", "private", "uniqueLocal", "linkLocal"]);

/** Whether a request comes from this machine or its own network, and was not passed on by a proxy for somebody else. */
function isFromNearby({ socket, headers }: FastifyRequest): boolean {
  const address = socket.remoteAddress;
  if (address === undefined || !ipaddr.isValid(address)) return false;
  const forwarded = headers["x-forwarded-for"] ?? headers.forwarded ?? headers["x-real-ip"];
  return forwarded === undefined && OWN_NETWORKS.has(ipaddr.process(address).range());
}

/**
 * GET /metrics in Prometheus' text format. The port that peers fetch files from may be open to the world, what the node earns need
 * not be.
 * @param options `everywhere`: answer strangers too, who otherwise get 404.
 */
export function metricsRoute(
  metrics: Metrics,
  { everywhere = false }: { readonly everywhere?: boolean } = {},
): (app: FastifyInstance) => void {
  return (app) => {
    app.get("/metrics", async (request, reply) => {
      if (!everywhere && !isFromNearby(request)) return reply.code(404).send({ error: "not found" });
      const { contentType, body } = await metrics.text();
      return reply.type(contentType).header("cache-control", "no-store").send(body);
    });
  };
}

/** Measures all routes of a server. */
export function measureHttp(metrics: Metrics): (app: FastifyInstance) => void {
  return (app) => {
    app.addHook("onResponse", (request, reply, done) => {
      // The pattern, not the path: a stranger chooses paths.
      const route = request.routeOptions.url ?? "none";
      const status = `${Math.floor(reply.statusCode / 100)}xx`;
      metrics.http.seconds.observe({ route, status }, reply.elapsedTime / 1000);
      done();
    });
    app.server.on("connection", (socket: Socket) =>
      socket.once("close", () => metrics.http.sentBytes.inc(socket.bytesWritten)),
    );
    metrics.beforeScrape(
      () =>
        new Promise((resolve) => {
          app.server.getConnections((error, count) => {
            if (error === null) metrics.http.open.set(count);
            resolve();
          });
        }),
    );
  };
}
