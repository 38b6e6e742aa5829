/** `/v1/anchors`: what lies under the roots that this operator has published. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { ANCHORS_PATH, type Anchored, type Under } from "../../../sdk/src/infer/anchors.ts";
import { toJson } from "../../../sdk/src/infer/wire.ts";
import { bytes32, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { Anchors } from "./anchors.ts";
import { failureOf } from "./errors.ts";

export interface AnchorRoutes {
  readonly anchors: Anchors;
  /** Ours, the oldest first. */
  readonly anchored: () => readonly Anchored[];
}

const paramsSchema = z.object({ root: bytes32 });
const wantedSchema = z.union([
  z.object({ index: z.coerce.number().int().nonnegative() }).strict(),
  z.object({ receipt: bytes32 }).strict(),
]);
const PUBLIC = { "access-control-allow-origin": "*" };

export function anchorRoutes({ anchors, anchored }: AnchorRoutes): (app: FastifyInstance) => void {
  async function find(root: Hex, wanted: z.output<typeof wantedSchema>): Promise<Under> {
    const period = anchored().find((one) => sameHex(one.root, root));
    if (period === undefined) throw new AssayError("NOT_FOUND", "this operator has not published that root");
    return anchors.find(period, "index" in wanted ? wanted : { digest: wanted.receipt });
  }

  return (app) => {
    app.get(ANCHORS_PATH, (_request, reply) =>
      reply
        .headers({ ...PUBLIC, "cache-control": "no-store" })
        .type("application/json")
        .send(toJson(anchored().map(({ root, count, from, until }) => ({ root, count, from, until })))),
    );
    app.get(`${ANCHORS_PATH}/:root`, async (request, reply): Promise<FastifyReply> => {
      void reply.headers(PUBLIC);
      const { data: params } = paramsSchema.safeParse(request.params);
      const { data: wanted } = wantedSchema.safeParse(request.query);
      if (params === undefined || wanted === undefined)
        return reply.code(400).send({ error: `${ANCHORS_PATH}/ROOT?index=NUMBER, or ?receipt=DIGEST` });
      try {
        return await reply.type("application/json").send(toJson(await find(params.root, wanted)));
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined) throw error;
        if (failure.status === 503) void reply.header("retry-after", "1");
        return reply.code(failure.status).send(failure.body);
      }
    });
  };
}
