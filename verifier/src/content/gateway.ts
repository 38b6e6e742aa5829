/**
 * The IPFS trustless gateway (specs.ipfs.tech/http-gateways/trustless-gateway): blocks and CARs of what this node stores. Whoever asks checks every
 * block by its CID.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { CID } from "multiformats/cid";
import { z } from "zod/v4";
import { carStream, type ByteRange, type CarOptions } from "./car.ts";
import { isKnown, parseCid } from "./cid.ts";
import { inPieces } from "./pieces.ts";
import type { ContentStore } from "./store.ts";

const RAW_TYPE = "application/vnd.ipld.raw";
const CAR_TYPE = "application/vnd.ipld.car";
/** The empty identity CID, by which clients probe for gateways. */
const PROBE = "bafkqaaa";

/** Each at most once: a repeated one is a list, and refused. */
const querySchema = z.object({
  format: z.string().optional(),
  "dag-scope": z.enum(["block", "entity", "all"]).default("all"),
  "entity-bytes": z.string().optional(),
  "car-version": z.literal("1").optional(),
  "car-order": z.enum(["dfs", "unk"]).optional(),
  "car-dups": z.enum(["y", "n"]).optional(),
});
type Query = z.infer<typeof querySchema>;

interface Wanted {
  readonly type: "raw" | "car";
  readonly duplicates: boolean;
}

interface Refusal {
  readonly status: number;
  readonly error: string;
}

/** What the client wants, by `format` or else the best that it accepts. */
function negotiate({ format, "car-dups": dups }: Query, accept: string | undefined): Wanted | Refusal {
  if (format !== undefined) {
    if (format === "raw" || format === "car") return { type: format, duplicates: dups === "y" };
    return { status: 406, error: "formats are raw and car" };
  }
  if (accept === undefined) return { status: 400, error: "say what you want: ?format=raw or ?format=car" };
  for (const entry of accept.split(",")) {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    if (type === RAW_TYPE) return { type: "raw", duplicates: false };
    if (type !== CAR_TYPE) continue;
    const given = new Map(parameters.map((part) => [part.split("=")[0] ?? "", part.split("=")[1] ?? ""]));
    if ((given.get("version") ?? "1") !== "1" || !["dfs", "unk"].includes(given.get("order") ?? "unk"))
      continue;
    return { type: "car", duplicates: (dups ?? given.get("dups")) === "y" };
  }
  return { status: 406, error: `acceptable types are ${RAW_TYPE} and ${CAR_TYPE}; version=1` };
}

/** @returns undefined if it is malformed. */
function parseBytes(text: string): ByteRange | undefined {
  const [, from, to] = /^(-?[0-9]{1,15}):(-?[0-9]{1,15}|\*)$/.exec(text) ?? [];
  return from === undefined ? undefined : { from: Number(from), to: to === "*" ? undefined : Number(to) };
}

function refuse(reply: FastifyReply, { status, error }: Refusal): FastifyReply {
  return reply.code(status).header("cache-control", "no-store").send({ error });
}

/** Headers of whatever never changes. */
export function immutable(reply: FastifyReply, etag: string): FastifyReply {
  return reply.headers({
    etag,
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",
  });
}

/** Whether the client has it already. */
export function isKnownTo(request: FastifyRequest, etag: string): boolean {
  const tags = request.headers["if-none-match"]?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags !== undefined && (tags.includes("*") || tags.includes(etag.replace(/^W\//, "")));
}

function blockHeaders(reply: FastifyReply, cid: CID, query: Query): void {
  const text = cid.toString();
  reply.headers({
    "content-type": RAW_TYPE,
    "content-disposition": `attachment; filename="${text}.bin"`,
    "x-ipfs-path": `/ipfs/${text}`,
    "x-ipfs-roots": text,
    vary: "accept",
    ...(query.format === undefined ? { "content-location": `/ipfs/${text}?format=raw` } : {}),
  });
}

function carHeaders(reply: FastifyReply, cid: CID, duplicates: boolean): void {
  const text = cid.toString();
  reply.headers({
    "content-type": `${CAR_TYPE}; version=1; order=dfs; dups=${duplicates ? "y" : "n"}`,
    "content-disposition": `attachment; filename="${text}.car"`,
    "x-ipfs-path": `/ipfs/${text}`,
    "x-ipfs-roots": text,
    vary: "accept",
  });
}

function carEtag(cid: CID, { scope, duplicates, bytes }: CarOptions): string {
  const part = bytes === undefined ? scope : `${bytes.from}:${bytes.to ?? "*"}`;
  return `W/"${cid.toString()}.car.${part}.dfs.${duplicates ? "y" : "n"}"`;
}

async function answer(
  store: Pick<ContentStore, "block">,
  request: FastifyRequest<{ Params: { cid: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const cid = parseCid(request.params.cid);
  if (cid === undefined) return refuse(reply, { status: 400, error: "not a CID" });
  const parsed = querySchema.safeParse(request.query);
  if (!parsed.success) return refuse(reply, { status: 400, error: "a parameter has no meaning here" });
  const query = parsed.data;
  const wanted = negotiate(query, request.headers.accept);
  if ("status" in wanted) return refuse(reply, wanted);
  const range = query["entity-bytes"];
  const bytes = range === undefined ? undefined : parseBytes(range);
  if (range !== undefined && bytes === undefined)
    return refuse(reply, { status: 400, error: "entity-bytes is from:to" });
  const scope = bytes === undefined && query["dag-scope"] === "block" ? "block" : "all";
  const car: CarOptions = { scope, duplicates: wanted.duplicates, bytes };
  const probe = request.params.cid === PROBE;
  const first = probe ? new Uint8Array() : isKnown(cid) ? await store.block(cid) : undefined;
  if (first === undefined) {
    const cached = /\bonly-if-cached\b/.test(request.headers["cache-control"] ?? "");
    return refuse(reply, { status: cached ? 412 : 404, error: "this node does not have it" });
  }
  const etag = wanted.type === "raw" ? `"${cid.toString()}.raw"` : carEtag(cid, car);
  immutable(reply, etag);
  if (isKnownTo(request, etag)) return reply.code(304).send();
  if (wanted.type === "raw") {
    blockHeaders(reply, cid, query);
    reply.header("content-length", first.length);
    return request.method === "HEAD" ? reply.send() : reply.send(inPieces(first));
  }
  carHeaders(reply, cid, wanted.duplicates);
  if (request.method === "HEAD") return reply.send();
  // An identity block is in its CID already.
  return reply.send(carStream(cid, first, store, probe ? { ...car, scope: "none" } : car));
}

/** Adds GET and HEAD /ipfs/{cid}. */
export function gatewayRoutes(store: Pick<ContentStore, "block">): (app: FastifyInstance) => void {
  return (app) => {
    app.route<{ Params: { cid: string } }>({
      method: ["GET", "HEAD"],
      url: "/ipfs/:cid",
      handler: (request, reply) => answer(store, request, reply),
    });
  };
}
