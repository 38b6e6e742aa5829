/** The HTTP API as OpenAPI 3.1; the schemas are those that the code checks with. */
import { z } from "zod/v4";
import { ANCHORS_PATH, underSchema } from "../../../sdk/src/infer/anchors.ts";
import {
  AUDIT_PATH,
  HEADERS,
  INFER_PATH,
  paymentSchema,
  receiptFileSchema,
  requiredSchema,
  settlementSchema,
  TERMS_PATH,
} from "../../../sdk/src/infer/wire.ts";

function schemaOf(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

function json(name: string): unknown {
  return { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } };
}

function failure(description: string): unknown {
  return { description, content: json("Failure") };
}

const HASH = { type: "string", pattern: "^0x[0-9a-fA-F]{64}$" };
const BYTES = { schema: { type: "string", format: "binary" } };
const PERIOD = {
  root: HASH,
  count: { type: "integer" },
  from: { type: "integer", description: "Unix seconds." },
  until: { type: "integer", description: "Unix seconds; not included." },
};
const releaseParameter = {
  name: "release",
  in: "query",
  required: false,
  description: "Terms of this release only.",
  schema: HASH,
};

/** @param maxBytes Largest body. */
export function openApi({ maxBytes }: { readonly maxBytes: number }): unknown {
  return {
    openapi: "3.1.0",
    info: {
      title: "Assay inference",
      version: "1",
      description:
        "Answers of ONNX models with receipts that slash the operator if they are wrong. Paid in the shape of x402 version 2: headers are base64 of JSON.",
    },
    paths: {
      [INFER_PATH]: {
        post: {
          summary: "One inference, for an order and a voucher",
          description: `Without ${HEADERS.payment} the answer is 402 with the terms. The same order again gets the same receipt. Bodies have at most ${maxBytes} bytes.`,
          parameters: [
            releaseParameter,
            {
              name: HEADERS.payment,
              in: "header",
              required: false,
              description: "Base64 of Payment.",
              schema: { type: "string" },
            },
          ],
          requestBody: {
            required: true,
            content: {
              "application/octet-stream": BYTES,
              "application/json": { schema: { $ref: "#/components/schemas/Inputs" } },
            },
          },
          responses: {
            200: {
              description: "The output blob, or JSON if JSON was sent.",
              headers: {
                [HEADERS.response]: { description: "Base64 of Settlement.", schema: { type: "string" } },
              },
              content: {
                "application/octet-stream": BYTES,
                "application/json": { schema: { $ref: "#/components/schemas/Outputs" } },
              },
            },
            400: failure("The payment or the input is not what it should be."),
            402: {
              description: "Not paid, or not enough.",
              headers: {
                [HEADERS.required]: { description: "Base64 of the body.", schema: { type: "string" } },
              },
              content: json("PaymentRequired"),
            },
            404: failure("The release is not served here."),
            413: failure("The body is too large."),
            422: failure("The model cannot be run on this input within the limits; nothing is charged."),
            429: failure("Too many requests from this address."),
            503: failure("Too much to do; see retry-after. Nothing is charged."),
          },
        },
      },
      [TERMS_PATH]: {
        get: {
          summary: "Prices and terms",
          parameters: [releaseParameter],
          responses: {
            200: { description: "One entry for each release.", content: json("PaymentRequired") },
          },
        },
      },
      [AUDIT_PATH]: {
        post: {
          summary: "Hands a receipt to a verifier, who challenges it if it is wrong",
          requestBody: { required: true, content: json("ReceiptFile") },
          responses: {
            202: { description: "It will be judged.", content: json("Audit") },
            400: failure("Not a receipt, or it cannot be challenged any more."),
            404: failure("This node does not judge receipts."),
            413: failure("The body is longer than a receipt can be."),
            503: failure("Too many receipts are handed in; see retry-after."),
          },
        },
      },
      [`${AUDIT_PATH}/{digest}`]: {
        get: {
          summary: "What became of it",
          parameters: [{ name: "digest", in: "path", required: true, schema: { type: "string" } }],
          responses: {
            200: { description: "The verdict so far.", content: json("Audit") },
            404: failure("Not known here."),
          },
        },
      },
      [ANCHORS_PATH]: {
        get: {
          summary: "Roots of the receipts of past periods that the operator has published on chain",
          responses: { 200: { description: "Oldest first.", content: json("Anchors") } },
        },
      },
      [`${ANCHORS_PATH}/{root}`]: {
        get: {
          summary: "A receipt under a root, by its number or its digest",
          parameters: [
            { name: "root", in: "path", required: true, schema: HASH },
            { name: "index", in: "query", required: false, schema: { type: "integer", minimum: 0 } },
            { name: "receipt", in: "query", required: false, schema: HASH },
          ],
          responses: {
            200: { description: "With its path to the root.", content: json("Under") },
            400: failure("Give an index, or a receipt's digest."),
            404: failure("No such root, or no such receipt under it, or not kept any more."),
            503: failure("Other periods are being read; see retry-after."),
          },
        },
      },
    },
    components: {
      schemas: {
        Payment: schemaOf(paymentSchema),
        PaymentRequired: schemaOf(requiredSchema),
        Settlement: schemaOf(settlementSchema),
        ReceiptFile: schemaOf(receiptFileSchema),
        Under: schemaOf(underSchema),
        Anchors: {
          type: "array",
          items: { type: "object", properties: PERIOD, required: Object.keys(PERIOD) },
        },
        Inputs: { type: "object", properties: { inputs: { type: "object" } }, required: ["inputs"] },
        Outputs: { type: "object", properties: { outputs: { type: "object" } }, required: ["outputs"] },
        Audit: {
          type: "object",
          properties: {
            digest: { type: "string" },
            state: { enum: ["pending", "right", "wrong"] },
            challenge: { enum: ["none", "sent", "queued", "open", "won", "lost"] },
            reason: { type: "string", description: "Why a wrong receipt is not challenged (yet)." },
          },
        },
        Failure: {
          type: "object",
          properties: { error: { type: "string" }, code: { type: "string" } },
          required: ["error"],
        },
      },
    },
  };
}
