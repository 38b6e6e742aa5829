/** Errors of paid calls as HTTP. */
import { AssayError } from "../../../sdk/src/error.ts";

const STATUS: Readonly<Record<string, number>> = {
  BAD_PAYMENT: 400,
  BAD_SIGNATURE: 400,
  BAD_TENSOR: 400,
  PAYMENT_REQUIRED: 402,
  NOT_FOUND: 404,
  NONCE_USED: 409,
  INFERENCE_FAILED: 422,
  INFERENCE_TIMED_OUT: 422,
  INFERENCE_OUT_OF_MEMORY: 422,
  BUSY: 503,
};

export interface HttpFailure {
  readonly status: number;
  readonly body: { readonly error: string; readonly code: string };
}

/** @returns undefined for what is nobody's business but ours. */
export function failureOf(error: unknown): HttpFailure | undefined {
  if (!(error instanceof AssayError)) return undefined;
  const status = STATUS[error.code];
  return status === undefined ? undefined : { status, body: { error: error.message, code: error.code } };
}

/** What the client owes, where an error says so. */
export function owedOf(error: AssayError): bigint | undefined {
  const owed = error.details["owedWei"];
  return typeof owed === "string" ? BigInt(owed) : undefined;
}
