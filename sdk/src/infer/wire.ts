/**
 * What clients and operators say to each other over HTTP: x402 version 2 in its shape (HTTP status 402, three headers of base64
 * JSON), with a scheme of our own. docs/receipts.md says where x402 does not fit.
 */
import { z } from "zod/v4";
import { AssayError } from "../error.ts";
import {
  MAX_BOND_CLASS,
  orderSchema,
  receiptSchema,
  type Order,
  type Place,
  type Voucher,
} from "../receipts.ts";
import { address, bytes32, hex, MAX_WEI, type Hex } from "../structs.ts";

export const INFER_PATH = "/v1/infer";
export const TERMS_PATH = "/v1/terms";
export const AUDIT_PATH = "/v1/audit";

/** Of x402 version 2. */
export const HEADERS = {
  required: "payment-required",
  payment: "payment-signature",
  response: "payment-response",
} as const;
export const X402_VERSION = 2;
export const SCHEME = "assay-voucher";

/** Integers of any size are decimal strings in JSON. */
export const decimal = z
  .string()
  .regex(/^[0-9]{1,29}$/)
  .transform(BigInt);
/** Wei in a field of a contract. What has no room there could be signed, and never be redeemed. */
const wei = decimal.refine(
  (value) => value <= MAX_WEI,
  `more than ${MAX_WEI} wei, which no contract can hold`,
);
const count = z.number().int().nonnegative();
const bondClass = count.max(MAX_BOND_CLASS);

export const wireOrderSchema = orderSchema.extend({ priceWei: wei, nonce: decimal, expiresAt: count });
export const wireReceiptSchema = receiptSchema.extend({ issuedAt: count, bondClass });

/** One way to pay: what one operator takes for one answer of one release. */
export const termsSchema = z.object({
  scheme: z.literal(SCHEME),
  /** CAIP-2. */
  network: z.string().regex(/^eip155:[0-9]+$/),
  /** Zero: the chain's own currency. */
  asset: address,
  /** Wei for one answer. */
  amount: wei,
  /** The operator. */
  payTo: address,
  /** An order may expire this much later at most, seconds. */
  maxTimeoutSeconds: count,
  extra: z.object({
    releaseId: bytes32,
    receipts: address,
    deposits: address,
    /** The key that will sign, lower case: of mixed case, which has a check sum, calls would take only what is right. */
    key: address.transform((key): Hex => `0x${key.slice(2).toLowerCase()}`),
    /** The receipt's bond is `0.001 ether << bondClass`. */
    bondClass,
  }),
});
export type Terms = z.output<typeof termsSchema>;

/** The body of status 402, and its header. */
export const requiredSchema = z.object({
  x402Version: z.literal(X402_VERSION),
  error: z.string(),
  resource: z.object({ url: z.string(), description: z.string(), mimeType: z.string() }),
  accepts: z.array(termsSchema),
  extensions: z
    .object({
      /** What the client owes by now, wei; told to whoever signs as the client. */
      owedWei: wei.optional(),
    })
    .optional(),
});
export type PaymentRequired = z.output<typeof requiredSchema>;

/** An order, and the signature of the voucher that orders and pays: {@link voucherOf}. */
export const paymentSchema = z.object({
  x402Version: z.literal(X402_VERSION),
  accepted: z.object({ scheme: z.literal(SCHEME), network: z.string() }),
  payload: z.object({
    order: wireOrderSchema,
    /** Wei that the client has ever promised this operator, this order included. */
    totalWei: wei,
    signature: hex,
  }),
});
export type Payment = z.output<typeof paymentSchema>["payload"];

/** @param order Its digest. */
export function voucherOf({ client, operator }: Order, totalWei: bigint, order: Hex): Voucher {
  return { client, operator, totalWei, order };
}

/** What comes with an answer. */
export const settlementSchema = z.object({
  success: z.literal(true),
  /** None: vouchers are redeemed later, many at once. */
  transaction: z.literal(""),
  network: z.string(),
  payer: address,
  extensions: z.object({ receipt: wireReceiptSchema, signature: hex }),
});
export type Settlement = z.output<typeof settlementSchema>["extensions"];

/** A receipt with everything that anybody needs to check it, and to win by it if it is wrong. */
export const receiptFileSchema = z.object({
  version: z.literal(1),
  chainId: z.number().int().positive(),
  receipts: address,
  receipt: wireReceiptSchema,
  signature: hex,
  /** Input and output blobs. */
  input: z.base64(),
  output: z.base64(),
});
export type ReceiptFile = z.output<typeof receiptFileSchema>;

/** JSON with integers of any size as decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === "bigint" ? field.toString() : field,
  );
}

/** Base64 of JSON, as x402's headers have it. */
export function toHeader(value: unknown): string {
  return btoa(toJson(value));
}

/** @throws {AssayError} BAD_PAYMENT if it is not what the schema says. */
export function fromHeader<S extends z.ZodType>(schema: S, what: string, text: string): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(atob(text));
  } catch (cause) {
    throw new AssayError("BAD_PAYMENT", `${what} is not base64 of JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_PAYMENT", `${what}: ${z.prettifyError(parsed.error)}`);
}

export function networkOf({ chainId }: Pick<Place, "chainId">): string {
  return `eip155:${chainId}`;
}
