/**
 * What `reveal` would post, over HTTP: an operator that answers here is spared the transactions, and a challenger the wait.
 *
 *     GET /trials/{resultId}/reveals/{trace|tensor}/{height}/{hash}?instruction=N&index=N
 *
 * answers with the packed nodes (or the 256 bytes of a leaf) below a node of the trace that the operator committed to. Instruction and index say
 * where the node is; its hash makes the answer checkable.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import pLimit from "p-limit";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { bytes32, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { isRevealOf, MAX_REVEAL_BYTES } from "../play/reveals.ts";
import type { HttpClient } from "./client.ts";
import { immutable } from "./gateway.ts";
import type { Source } from "./sources.ts";

/** The traces that this node defends. */
export interface TrialReveals {
  /**
   * What is below a node of the trace of a result.
   * @returns undefined if the result is not in dispute, its trace not at hand, or the node not in it. Has to be cheap: anybody may ask.
   */
  reveal(resultId: Hex, node: Node): Promise<Uint8Array | undefined>;
}

/** Strangers are shown one node at a time, lest they keep this node's own moves waiting. So many of them wait; the others can ask on chain. */
const MOST_WAITING = 16;
const DEEPEST = 32;
const MOST = 2 ** 32 - 1;
/** Operators have one endpoint; others may copy what they show. */
const MAX_SOURCES = 4;
/** Milliseconds for one source: a clock is running. */
const SOURCE_MS = 5000;

const pathSchema = z.object({
  resultId: bytes32,
  tree: z.enum(["trace", "tensor"]),
  height: z
    .string()
    .regex(/^[0-9]{1,2}$/)
    .transform(Number)
    .pipe(z.number().max(DEEPEST)),
  hash: bytes32,
});
const place = z
  .string()
  .regex(/^[0-9]{1,10}$/)
  .transform(Number)
  .pipe(z.number().max(MOST));
const querySchema = z.object({ instruction: place.default(0), index: place.default(0) });

async function answer(
  reveals: TrialReveals,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = pathSchema.safeParse(request.params);
  const query = querySchema.safeParse(request.query);
  if (!path.success || !query.success)
    return reply.code(400).header("cache-control", "no-store").send({ error: "not a node of a trace" });
  const { resultId, tree, height, hash } = path.data;
  const node: Node = { hash, tensor: tree === "tensor", height, ...query.data };
  const children = await reveals.reveal(resultId, node);
  // What does not hash to the node is no use to anybody.
  if (children === undefined || !isRevealOf(node, children))
    return reply.code(404).header("cache-control", "no-store").send({ error: "this node does not show it" });
  immutable(reply, `"${hash}.${tree}.${height}"`);
  return reply.header("content-type", "application/octet-stream").send(Buffer.from(children));
}

/** Adds GET and HEAD /trials/{resultId}/reveals/... */
export function revealRoutes(reveals: TrialReveals): (app: FastifyInstance) => void {
  const turn = pLimit(1);
  return (app) => {
    app.get(
      "/trials/:resultId/reveals/:tree/:height/:hash",
      async (request, reply): Promise<FastifyReply> => {
        if (turn.pendingCount < MOST_WAITING) return turn(() => answer(reveals, request, reply));
        void reply.header("retry-after", "1").header("cache-control", "no-store");
        return reply.code(503).send({ error: "too many ask at once" });
      },
    );
  };
}

export function revealPath(resultId: Hex, { hash, tensor, height, instruction, index }: Node): string {
  const tree = tensor ? "tensor" : "trace";
  return `/trials/${resultId}/reveals/${tree}/${height}/${hash}?instruction=${instruction}&index=${index}`;
}

/**
 * What others show below a node, checked against its hash.
 * @param sources Where to ask, in this order: the operator's endpoint first.
 * @returns undefined if nobody shows it; the chain's way remains.
 */
export async function fetchReveal(
  client: HttpClient,
  sources: readonly Source[],
  resultId: Hex,
  node: Node,
): Promise<Uint8Array | undefined> {
  for (const { base, trusted } of sources.slice(0, MAX_SOURCES)) {
    try {
      const children = await client.bytes({
        url: `${base}${revealPath(resultId, node)}`,
        trusted,
        maxBytes: MAX_REVEAL_BYTES,
        signal: AbortSignal.timeout(SOURCE_MS),
      });
      if (isRevealOf(node, children)) return children;
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
    }
  }
  return undefined;
}
