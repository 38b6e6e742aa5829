/** Server-sent events (WHATWG HTML, 9.2): tells pages that there is a new block, so that they ask for what is new. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { BlockRef } from "../chain/log.ts";

export interface Live {
  head(head: BlockRef): void;
  readonly routes: (app: FastifyInstance) => void;
  /** Ends all streams. */
  close(): void;
}

/** A connection without traffic is closed by either side. */
const HEARTBEAT_MS = 5000;
/** A reader this far behind is cut off, bytes; it comes back by itself. */
const MAX_BEHIND = 2 ** 16;

export function createLive(): Live {
  const readers = new Set<ServerResponse>();

  function tell(text: string): void {
    for (const reader of readers)
      if (reader.writableLength > MAX_BEHIND) reader.destroy();
      else reader.write(text);
  }

  const heartbeat = setInterval(() => tell(":\n\n"), HEARTBEAT_MS);
  heartbeat.unref();
  return {
    head: ({ number }) => tell(`data: ${number}\n\n`),
    routes(app) {
      app.get("/api/events", { config: { stream: true }, exposeHeadRoute: false }, (_request, reply) => {
        reply.hijack();
        const { raw } = reply;
        raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        raw.write(":\n\n");
        readers.add(raw);
        raw.once("close", () => readers.delete(raw));
      });
    },
    close() {
      clearInterval(heartbeat);
      for (const reader of readers) reader.end();
    },
  };
}
