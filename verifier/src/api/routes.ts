/** The node's data for the explorer: what its database has of the chain, and what it found about releases. Read only, nothing private. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod/v4";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { bytes32, hex, type Hex } from "../../../sdk/src/structs.ts";
import type { BlockRef } from "../chain/log.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import type { FastPath } from "../compute/selfCheck.ts";
import type { Outline } from "../releases/outlined.ts";
import type { PreparedRelease, Releases } from "../releases/prepare.ts";
import type { LogStore } from "../state/logs.ts";
import { createBounded, createLine, QUERIES } from "./bounded.ts";
import type { ChainReads } from "./chainReads.ts";
import type { ReleaseReport, RELEASE_STATES, statusSchema } from "./schema.ts";

export interface ApiOptions {
  readonly deployment: Deployment;
  readonly account: Hex;
  readonly roles: readonly ("operator" | "verifier")[];
  readonly finality: number;
  readonly logs: Pick<LogStore, "position" | "page">;
  readonly reads: ChainReads;
  readonly releases: Pick<Releases, "ready" | "failure">;
  readonly known: () => Iterable<ReleaseRecord>;
  readonly head: () => BlockRef | undefined;
  readonly selfCheckOf: (releaseId: Hex) => FastPath["kind"] | undefined;
  /** Lowers a file again. */
  readonly outline: (release: PreparedRelease) => Promise<Outline>;
}

type ReleaseState = (typeof RELEASE_STATES)[number];

const PAGE_LOGS = 500;
/** Characters of a page of logs; one log may be more. */
const PAGE_CHARACTERS = 2 ** 20;
/** Releases that a status names, the newest. */
const MAX_RELEASES = 1000;
const MAX_OUTLINE = 20_000;
/** Of a signature as JSON: names come from a stranger's file. */
const MAX_SIGNATURE = 2 ** 16;
const OUTLINES = { atOnce: 1, waiting: 4, kept: 16 } as const;
/** As of most releases' calls; a question is not an upload. */
const callQuery = z.object({ to: z.string().length(42), data: hex.refine((data) => data.length <= 2050) });
const placeSchema = z.object({
  origin: z.string(),
  epoch: z.coerce.number().int().nonnegative(),
  block: z.coerce.number().int().min(0),
  index: z.coerce
    .number()
    .int()
    .min(-1)
    .max(2 ** 31 - 1),
});
const idSchema = z.object({ id: bytes32 });

function fresh(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header("cache-control", "no-store").send(body);
}

function lasting(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.header("cache-control", "public, max-age=31536000, immutable").send(body);
}

function missing(reply: FastifyReply): FastifyReply {
  return reply.code(404).header("cache-control", "no-store").send({ error: "nothing here" });
}

export function apiRoutes(options: ApiOptions): (app: FastifyInstance) => void {
  const { deployment, logs, releases, reads, finality } = options;
  const outlines = createBounded<Outline>(OUTLINES);
  const queries = createLine(QUERIES);
  const { vault, receiptsVault, deposits } = deployment.addresses;
  /** Of whose events pages show nothing. */
  const but = [vault, receiptsVault, deposits];

  function stateOf(releaseId: Hex): ReleaseState {
    if (releases.ready(releaseId) !== undefined) return "ready";
    const failure = releases.failure(releaseId);
    return failure === undefined ? "waiting" : failure === "final" ? "failed" : "passing";
  }

  /** The block of the first event: chains that begin alike are one. */
  async function origin(): Promise<string> {
    const [first] = await logs.page({ block: 0, index: -1 }, Number.MAX_SAFE_INTEGER, 1, but);
    return first === undefined ? "none" : first.blockHash.slice(2, 18);
  }

  async function status(): Promise<z.input<typeof statusSchema>> {
    const head = options.head();
    const known = [...options.known()].slice(-MAX_RELEASES);
    return {
      deployment,
      account: options.account,
      roles: [...options.roles],
      head:
        head === undefined
          ? null
          : { number: head.number, timestamp: head.timestamp, baseFee: head.baseFee?.toString() ?? null },
      origin: await origin(),
      epoch: (await logs.position()).epoch,
      releases: known.map(({ releaseId }) => ({ releaseId, state: stateOf(releaseId) })),
    };
  }

  async function page(reply: FastifyReply, params: unknown): Promise<FastifyReply> {
    const place = placeSchema.safeParse(params);
    if (!place.success) return missing(reply);
    const position = await logs.position();
    const moved = place.data.epoch !== position.epoch || place.data.origin !== (await origin());
    if (moved) return reply.code(409).header("cache-control", "no-store").send({ error: "the chain moved" });
    const found = await logs.page(place.data, position.number, PAGE_LOGS, but);
    let characters = 0;
    const fitting = found.filter(
      (log, i) => (characters += 500 + log.data.length) <= PAGE_CHARACTERS || i === 0,
    );
    const more = fitting.length < found.length || found.length === PAGE_LOGS;
    const body = { logs: fitting, more };
    const last = fitting.at(-1);
    // A full page of what is never undone is the same for ever.
    const final = more && last !== undefined && last.blockNumber <= position.number - finality;
    return final ? lasting(reply, body) : fresh(reply, body);
  }

  function report(releaseId: Hex): ReleaseReport {
    const prepared = releases.ready(releaseId);
    const base = { state: stateOf(releaseId), selfCheck: options.selfCheckOf(releaseId) ?? null };
    if (prepared === undefined) return { ...base, model: null };
    const { signature, worst, fileBytes, instructions, constants, constantBytes } = prepared.model;
    const { multiplyAdds, traceBytes, disputeRounds } = prepared.model;
    const small = JSON.stringify(signature).length <= MAX_SIGNATURE;
    const copied = (specs: typeof signature.inputs) =>
      specs.map((spec) => ({ ...spec, shape: [...spec.shape] }));
    const { gas, calldataBytes, instruction, node } = worst;
    return {
      ...base,
      model: {
        signature: small
          ? { inputs: copied(signature.inputs), outputs: copied(signature.outputs) }
          : { inputs: [], outputs: [] },
        ...{ fileBytes, instructions, constants, constantBytes, multiplyAdds, traceBytes, disputeRounds },
        worst: {
          gas,
          calldataBytes,
          instruction,
          operator: `${node.operator} ${node.name}`.trim().slice(0, 120),
        },
      },
    };
  }

  return (app) => {
    app.get("/api/status", async (_request, reply) => fresh(reply, await queries(status)));
    app.get("/api/logs/:origin/:epoch/:block/:index", async (request, reply) =>
      queries(() => page(reply, request.params)),
    );
    app.get("/api/releases/:id", (request, reply) => {
      const params = idSchema.safeParse(request.params);
      return params.success ? fresh(reply, report(params.data.id)) : missing(reply);
    });
    app.get("/api/releases/:id/outline", async (request, reply) => {
      const params = idSchema.safeParse(request.params);
      const prepared = params.success ? releases.ready(params.data.id) : undefined;
      if (prepared === undefined || prepared.model.instructions > MAX_OUTLINE) return missing(reply);
      return lasting(reply, await outlines.get(prepared.releaseId, () => options.outline(prepared)));
    });
    app.get("/api/call", async (request, reply) => {
      const query = callQuery.safeParse(request.query);
      const answer = query.success ? await reads.call(query.data.to, query.data.data) : undefined;
      return answer === undefined ? missing(reply) : fresh(reply, answer);
    });
    app.get("/api/transactions/:id", async (request, reply) => {
      const params = idSchema.safeParse(request.params);
      const answer = params.success ? await reads.transaction(params.data.id) : undefined;
      return answer === undefined ? missing(reply) : fresh(reply, answer);
    });
    app.get("/api/authority", async (_request, reply) => fresh(reply, await reads.authority()));
  };
}
