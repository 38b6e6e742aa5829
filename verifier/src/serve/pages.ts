/** Lets web pages of other origins post (the Fetch standard's CORS protocol): they are asked for nothing but the payment itself. */
import type { FastifyInstance } from "fastify";
import { HEADERS } from "../../../sdk/src/infer/wire.ts";

export function allowFromPages(app: FastifyInstance, path: string): void {
  app.options(path, { config: { upload: true } }, (_request, reply) =>
    reply
      .code(204)
      .headers({
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": `content-type, ${HEADERS.payment}`,
        "access-control-max-age": "86400",
      })
      .send(),
  );
}
