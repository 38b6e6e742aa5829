/** `POST /v1/infer` and what belongs to it; serve/openapi.ts describes them. */
import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod/v4";
import { decodeOutput } from "../../../sdk/src/decode.ts";
import { encodeInput, type TensorValues } from "../../../sdk/src/encode.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import {
  fromHeader,
  HEADERS,
  INFER_PATH,
  networkOf,
  paymentSchema,
  TERMS_PATH,
  toHeader,
  toJson,
  type Payment,
} from "../../../sdk/src/infer/wire.ts";
import { bytes32, type Hex } from "../../../sdk/src/structs.ts";
import { MAX_BLOB_BYTES, type Signature } from "../../../sdk/src/tensor.ts";
import { atMost } from "../http/body.ts";
import { failureOf, owedOf } from "./errors.ts";
import { allowFromPages } from "./pages.ts";
import { openApi } from "./openapi.ts";
import type { Answered, Checked, Service } from "./service.ts";
import { requiredFor, type Offering } from "./terms.ts";

export interface InferRoutes {
  readonly service: Service;
  readonly offering: Offering;
  /** Releases that can be ordered now. */
  readonly served: () => readonly Hex[];
  /** @throws {AssayError} NOT_FOUND, BUSY. */
  readonly signatureOf: (releaseId: Hex) => Signature;
}

const JSON_TYPE = "application/json";
const BINARY_TYPE = "application/octet-stream";
/** Bytes of JSON for a byte of a tensor, at most, and for what is around them. */
const JSON_SIZE = 8;
const ROOM = 2 ** 16;
const EXPOSED = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": Object.values(HEADERS).join(", "),
};

/** Of a body, bytes. */
function mostFor(inputBytes: number): number {
  return JSON_SIZE * inputBytes + ROOM;
}

const MAX_BODY_BYTES = mostFor(MAX_BLOB_BYTES);
const querySchema = z.object({ release: bytes32.optional() });
const bodySchema = z.object({ inputs: z.record(z.string(), z.unknown()) });

function isTensors(values: Record<string, unknown>): values is Record<string, TensorValues[string]> {
  return Object.values(values).every((value) => value !== null && value !== undefined);
}

/** The input blob of a body. @throws {AssayError} BAD_PAYMENT, BAD_TENSOR. */
function inputOf({ body }: FastifyRequest, signature: () => Signature): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success || !isTensors(parsed.data.inputs))
    throw new AssayError(
      "BAD_PAYMENT",
      `the body is the input blob as ${BINARY_TYPE}, or {"inputs": {name: values}}`,
    );
  return encodeInput(signature(), parsed.data.inputs);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  // JSON has no infinities.
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

export function inferRoutes({
  service,
  offering,
  served,
  signatureOf,
}: InferRoutes): (app: FastifyInstance) => void {
  function urlOf({ protocol, host }: FastifyRequest): string {
    return `${protocol}://${host}${INFER_PATH}`;
  }

  function required(
    reply: FastifyReply,
    releaseIds: readonly Hex[],
    why: string,
    owedWei?: bigint,
  ): FastifyReply {
    const terms = requiredFor(offering, urlOf(reply.request), releaseIds, why, owedWei);
    return reply
      .code(402)
      .headers({ ...EXPOSED, "cache-control": "no-store", [HEADERS.required]: toHeader(terms) })
      .type(JSON_TYPE)
      .send(toJson(terms));
  }

  function refuse(reply: FastifyReply, error: unknown, releaseId?: Hex): FastifyReply {
    const failure = failureOf(error);
    if (failure === undefined || !(error instanceof AssayError)) throw error;
    if (failure.status === 402)
      return required(reply, releaseId === undefined ? served() : [releaseId], error.message, owedOf(error));
    if (failure.status === 503) void reply.header("retry-after", "1");
    return reply
      .code(failure.status)
      .headers({ ...EXPOSED, "cache-control": "no-store" })
      .send(failure.body);
  }

  function answer(
    reply: FastifyReply,
    { order }: Payment,
    answered: Answered,
    asJson: boolean,
  ): FastifyReply {
    const { receipt, signature, output } = answered;
    const settlement = {
      success: true,
      transaction: "",
      network: networkOf(offering.place),
      payer: order.client,
      extensions: { receipt, signature },
    };
    void reply.headers({ ...EXPOSED, "cache-control": "no-store", [HEADERS.response]: toHeader(settlement) });
    if (!asJson)
      return reply.type(BINARY_TYPE).send(Buffer.from(output.buffer, output.byteOffset, output.length));
    const outputs = Object.entries(decodeOutput(signatureOf(order.releaseId), output)).map(
      ([name, values]) => [name, Array.from<unknown>(values)] as const,
    );
    return reply.type(JSON_TYPE).send(JSON.stringify({ outputs: Object.fromEntries(outputs) }, plain));
  }

  /** Of requests whose bodies are being read. */
  const checked = new WeakMap<FastifyRequest, Checked>();

  function paymentOf(header: string): Payment {
    const { payload, accepted } = fromHeader(paymentSchema, HEADERS.payment, header);
    if (accepted.network === networkOf(offering.place)) return payload;
    throw new AssayError("BAD_PAYMENT", `this is ${networkOf(offering.place)}, not ${accepted.network}`);
  }

  /** Before anything of the body is read: whoever does not pay gets no memory either. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const { [HEADERS.payment]: header, "content-type": type, "content-length": length } = request.headers;
    const query = querySchema.safeParse(request.query);
    const asked = query.success ? query.data.release : undefined;
    if (typeof header !== "string")
      return required(reply, asked === undefined ? served() : [asked], `${HEADERS.payment} is missing`);
    let payment: Payment | undefined;
    try {
      payment = paymentOf(header);
      const found = service.check(payment);
      const most = mostFor(found.release.model.inputBytes);
      if (Number(length ?? 0) > most) throw new AssayError("BAD_PAYMENT", `a body has at most ${most} bytes`);
      checked.set(request, found);
      return undefined;
    } catch (error) {
      const before = payment && (await service.answered(payment));
      if (payment !== undefined && before !== undefined)
        return answer(reply, payment, before, type?.startsWith(JSON_TYPE) === true);
      return refuse(reply, error, payment?.order.releaseId);
    }
  }

  function checkedOf(request: FastifyRequest): Checked {
    const found = checked.get(request);
    if (found === undefined) throw new TypeError("a request that was not admitted");
    return found;
  }

  function read(request: FastifyRequest, body: Readable): Readable {
    return atMost(body, mostFor(checkedOf(request).release.model.inputBytes));
  }

  async function infer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const found = checkedOf(request);
    // Computing is no idling.
    request.raw.socket.setTimeout(1000 * offering.maxOrderSeconds);
    const { payment } = found;
    const { releaseId } = payment.order;
    try {
      const input = inputOf(request, () => signatureOf(releaseId));
      const answered = await service.infer(found, input);
      return await answer(reply, payment, answered, !(request.body instanceof Uint8Array));
    } catch (error) {
      return refuse(reply, error, releaseId);
    }
  }

  return (app) => {
    if (!app.hasContentTypeParser(BINARY_TYPE))
      app.addContentTypeParser(BINARY_TYPE, { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
      );
    app.post(
      INFER_PATH,
      {
        bodyLimit: MAX_BODY_BYTES,
        config: { upload: true },
        onRequest: admit,
        preParsing: (request, _reply, body, done) => done(null, read(request, body)),
      },
      infer,
    );
    allowFromPages(app, INFER_PATH);
    app.get(TERMS_PATH, (request, reply) => {
      const query = querySchema.safeParse(request.query);
      const asked = query.success ? query.data.release : undefined;
      const known = served().filter((id) => asked === undefined || id.toLowerCase() === asked.toLowerCase());
      return reply
        .headers({ ...EXPOSED, "cache-control": "no-store" })
        .type(JSON_TYPE)
        .send(toJson(requiredFor(offering, urlOf(request), known, "")));
    });
    app.get("/v1/openapi.json", (_request, reply) =>
      reply.headers(EXPOSED).send(openApi({ maxBytes: MAX_BODY_BYTES })),
    );
  };
}
