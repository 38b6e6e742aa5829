/** `/v1/audit`: receipts that others hand to this node, to be judged and, if they are wrong, challenged. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { AUDIT_PATH, receiptFileSchema } from "../../../sdk/src/infer/wire.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import { bytes32, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { createLine, QUERIES } from "../api/bounded.ts";
import type { Auditor } from "../roles/auditor.ts";
import type { Handed } from "../roles/handed.ts";
import { signerOf, type Digests } from "./digests.ts";
import { failureOf } from "./errors.ts";
import { allowFromPages } from "./pages.ts";
import { lowerHex } from "../lowerHex.ts";

export interface AuditRoutes {
  readonly auditor: Auditor;
  readonly place: Place;
  readonly digests: Digests;
  /** Largest body, bytes. */
  readonly maxBytes: number;
}

const paramsSchema = z.object({ digest: bytes32 });

function keyOf(digest: Hex, signature: Hex): Hex {
  const key = signerOf(digest, signature);
  if (key === undefined) throw new AssayError("BAD_SIGNATURE", "the receipt's signature is none");
  return key;
}

export function auditRoutes({
  auditor,
  place,
  digests,
  maxBytes,
}: AuditRoutes): (app: FastifyInstance) => void {
  const handing = createLine(QUERIES);
  const asking = createLine(QUERIES);

  async function hand(body: unknown): Promise<unknown> {
    const parsed = receiptFileSchema.safeParse(body);
    if (!parsed.success)
      throw new AssayError("BAD_PAYMENT", `not a receipt: ${z.prettifyError(parsed.error)}`);
    const { chainId, receipts, receipt, signature, input, output } = parsed.data;
    if (chainId !== place.chainId || !sameHex(receipts, place.receipts))
      throw new AssayError("BAD_PAYMENT", `this node judges for ${place.receipts} on chain ${place.chainId}`);
    const digest = digests.digestOf("Receipt", receipt);
    const handed: Handed = {
      digest,
      receipt: {
        ...receipt,
        requestHash: lowerHex(receipt.requestHash),
        releaseId: lowerHex(receipt.releaseId),
        inputsRoot: lowerHex(receipt.inputsRoot),
        outputHash: lowerHex(receipt.outputHash),
        operator: lowerHex(receipt.operator),
      },
      signature,
      key: keyOf(digest, signature),
    };
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
    return handing(() => auditor.accept(handed, { input: bytes(input), output: bytes(output) }));
  }

  return (app) => {
    app.post(
      AUDIT_PATH,
      { bodyLimit: maxBytes, config: { upload: true } },
      async (request, reply): Promise<FastifyReply> => {
        void reply.header("access-control-allow-origin", "*").header("cache-control", "no-store");
        try {
          return await reply.code(202).send(await hand(request.body));
        } catch (error) {
          const failure = failureOf(error);
          if (failure === undefined) throw error;
          return reply.code(failure.status).send(failure.body);
        }
      },
    );
    allowFromPages(app, AUDIT_PATH);
    app.get(`${AUDIT_PATH}/:digest`, async (request, reply): Promise<FastifyReply> => {
      const params = paramsSchema.safeParse(request.params);
      const standing = params.success
        ? await asking(() => auditor.standing(lowerHex(params.data.digest)))
        : undefined;
      void reply.header("access-control-allow-origin", "*").header("cache-control", "no-store");
      if (standing === undefined)
        return reply.code(404).send({ error: "no such receipt was handed in here" });
      return reply.send(standing);
    });
  };
}
