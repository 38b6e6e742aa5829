/** Whole files over HTTP, by their SHA-256, with ranges (RFC 9110, one range at a time). */
import { createReadStream } from "node:fs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { immutable, isKnownTo } from "./gateway.ts";
import type { ContentStore } from "./store.ts";

interface Range {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** @returns undefined: all of it; "none": nothing of it. Lists of ranges are not looked at, as the RFC allows. */
export function parseRange(header: string | undefined, size: number): Range | "none" | undefined {
  const [, from = "", to = ""] = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "none" : { start: size - length, end: size - 1 };
  }
  const start = Number(from);
  const end = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < start) return undefined;
  return start >= size ? "none" : { start, end };
}

async function answer(
  store: Pick<ContentStore, "find">,
  request: FastifyRequest<{ Params: { sha256: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { sha256 } = request.params;
  const file = /^[0-9a-f]{64}$/.test(sha256) ? await store.find(`0x${sha256}`) : undefined;
  if (file === undefined)
    return reply.code(404).header("cache-control", "no-store").send({ error: "no such content" });
  const etag = `"${sha256}"`;
  const conditional = request.headers["if-range"];
  const header = conditional === undefined || conditional === etag ? request.headers.range : undefined;
  const range = parseRange(header, file.size);
  if (range === "none")
    return reply
      .code(416)
      .headers({ "content-range": `bytes */${file.size}`, "cache-control": "no-store" })
      .send({ error: "no such bytes" });
  immutable(reply, etag);
  if (isKnownTo(request, etag)) return reply.code(304).send();
  const length = range === undefined ? file.size : range.end - range.start + 1;
  reply.headers({
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    "content-length": length,
  });
  if (range !== undefined)
    reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${file.size}`);
  return request.method === "HEAD" ? reply.send() : reply.send(createReadStream(file.path, range ?? {}));
}

/** Adds GET and HEAD /content/{sha256}. */
export function fileRoutes(store: Pick<ContentStore, "find">): (app: FastifyInstance) => void {
  return (app) => {
    app.route<{ Params: { sha256: string } }>({
      method: ["GET", "HEAD"],
      url: "/content/:sha256",
      handler: (request, reply) => answer(store, request, reply),
    });
  };
}
