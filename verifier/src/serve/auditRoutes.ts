/** `/v1/audit`: receipts that others hand to this node, to be judged and, if they are wrong, challenged. */
import { setImmediate as turn } from "node:timers/promises";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { parseReceiptFile } from "../../../sdk/src/infer/check.ts";
import { AUDIT_PATH, type ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import { bytes32, sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { MAX_BLOB_BYTES } from "../../../sdk/src/tensor.ts";
import { createLine, QUERIES } from "../api/bounded.ts";
import type { Auditor, Standing } from "../roles/auditor.ts";
import type { Handed } from "../roles/handed.ts";
import { signerOf, type Digests } from "./digests.ts";
import { failureOf } from "./errors.ts";
import { allowFromPages } from "./pages.ts";
import { lowerHex } from "../lowerHex.ts";

export interface AuditRoutes {
  readonly auditor: Auditor;
  readonly place: Place;
  readonly digests: Digests;
}

/** Of a receipt file: two blobs in base64, and what is around them. */
const MAX_BYTES = 2 * 4 * Math.ceil(MAX_BLOB_BYTES / 3) + 2 ** 13;
/** A receipt file has 14. As many as fit in its bytes would take a hundred times as long to parse. */
const MAX_VALUES = 64;
const paramsSchema = z.object({ digest: bytes32 });

/** @throws {AssayError} BAD_PAYMENT */
function fileOf(text: string): ReceiptFile {
  // Before each value there is one of these.
  if (text.split(/[[{,]/, MAX_VALUES).length === MAX_VALUES)
    throw new AssayError("BAD_PAYMENT", "not a receipt: it says too much");
  try {
    return parseReceiptFile(text);
  } catch (cause) {
    // There it is about what a client was given, here about what it gives.
    throw new AssayError("BAD_PAYMENT", messageOf(cause), { cause });
  }
}

function keyOf(digest: Hex, signature: Hex): Hex {
  const key = signerOf(digest, signature);
  if (key === undefined) throw new AssayError("BAD_SIGNATURE", "the receipt's signature is none");
  return key;
}

export function auditRoutes({ auditor, place, digests }: AuditRoutes): (app: FastifyInstance) => void {
  const handing = createLine(QUERIES);
  const asking = createLine(QUERIES);

  async function hand(body: unknown): Promise<Standing> {
    // To find who signed takes a millisecond: those that wait are not all dealt with in one turn of the event loop.
    await turn();
    const { chainId, receipts, receipt, signature, input, output } = fileOf(String(body));
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
    return auditor.accept(handed, { input: bytes(input), output: bytes(output) });
  }

  return (app) => {
    void app.register((own, _options, done) => {
      // Not parsed before it was looked at.
      own.addContentTypeParser("application/json", { parseAs: "string" }, (_request, text, parsed) =>
        parsed(null, text),
      );
      own.post(
        AUDIT_PATH,
        { bodyLimit: MAX_BYTES, config: { upload: true } },
        async (request, reply): Promise<FastifyReply> => {
          void reply.header("access-control-allow-origin", "*").header("cache-control", "no-store");
          try {
            return await reply.code(202).send(await handing(() => hand(request.body)));
          } catch (error) {
            const failure = failureOf(error);
            if (failure === undefined) throw error;
            if (failure.status === 503) void reply.header("retry-after", "1");
            return reply.code(failure.status).send(failure.body);
          }
        },
      );
      done();
    });
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
