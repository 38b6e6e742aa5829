/** Stable codes; messages may change. Each message says what to do; docs/errors.md says it of all. */
export const ERROR_CODES = [
  /** The RPC endpoint serves another chain than the deployment file names. */
  "WRONG_CHAIN",
  "BAD_DEPLOYMENT",
  "BAD_CONFIG",
  "BAD_KEYSTORE",
  /** Tensors, names, dtypes or shapes that do not fit a signature. */
  "BAD_TENSOR",
  /** A log of our contracts that does not decode: another contract version. */
  "BAD_EVENT",
  "RPC_FAILED",
  /** No endpoint takes so long a range of blocks, or so large an answer: ask for less. */
  "RANGE_TOO_LARGE",
  /** RPC endpoints contradict each other, and too few agree. */
  "ENDPOINTS_DISAGREE",
  /** The chain's contents contradict each other while it reorganises; reading again helps. */
  "CHAIN_MOVED",
  /** The chain replaced blocks that were held to be final. A person must look. */
  "REORG_TOO_DEEP",
  /** A contract refused; `details.error` names its custom error. */
  "REVERTED",
  /** Not mined in time; it may still be. */
  "TRANSACTION_STUCK",
  /** Something else of the same account was mined in its place. */
  "TRANSACTION_REPLACED",
  /** Whoever holds the key would not sign. */
  "DECLINED",
  /** The wallet cannot pay for gas or value. */
  "INSUFFICIENT_FUNDS",
  /** Routine work has used what it may spend, or gas is dearer than it may pay. */
  "BUDGET_EXHAUSTED",
  /** The remote signer does not answer, refuses, or signs something else. */
  "SIGNER_FAILED",
  /** Signed by another, or by nobody. */
  "BAD_SIGNATURE",
  "BAD_PAYMENT",
  "PAYMENT_REQUIRED",
  /** An answer over HTTP without a good receipt. */
  "BAD_RECEIPT",
  /** An operator, or another node, that is asked over HTTP: unreachable, or no sense in what it says. */
  "PEER_FAILED",
  "BUSY",
  "NOT_FOUND",
  "TIMED_OUT",
  "UNANSWERED",
  "OVERTURNED",
  "CONTENT_UNAVAILABLE",
  "CONTENT_MISMATCH",
  "CONTENT_TOO_LARGE",
  /** The disk, a quota or the content directory's limit has no room; retryable, and nothing is half-written. */
  "STORAGE_FULL",
  /** A release is not what its file lowers to, or cannot be disputed within the limits. */
  "RELEASE_REFUSED",
  "MODEL_REFUSED",
  "INFERENCE_FAILED",
  "INFERENCE_TIMED_OUT",
  /** A process took more memory than its limit, and was ended. */
  "INFERENCE_OUT_OF_MEMORY",
  /** Our own traces do not explain what the chain says; a bug, or a referee of another format. */
  "DISPUTE_INCONSISTENT",
  /** The node's database cannot be opened or used. */
  "STATE_FAILED",
  /** Another process has the state directory open. */
  "STATE_LOCKED",
  "CLOSED",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorContext {
  /** The same call may succeed later without anybody's doing. Default: false. */
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Every error that this project throws on purpose, other than `ModelError` of the lowering. */
export class AssayError extends Error {
  override readonly name = "AssayError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.retryable = context.retryable ?? false;
    this.details = context.details ?? {};
  }
}

export function isRetryable(error: unknown): boolean {
  return error instanceof AssayError && error.retryable;
}

/** A short text. Of a client's error the part without the request, whose address may hold an access key. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && "shortMessage" in error && typeof error.shortMessage === "string")
    return error.shortMessage;
  return error instanceof Error ? error.message : String(error);
}
