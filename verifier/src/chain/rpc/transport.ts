/** Carries single JSON-RPC requests to one URL. What comes back is hostile: bounded in size and time, and checked for form. */
import type { RpcErrorObject } from "../../../../sdk/src/refusal.ts";

export type RpcAnswer = { readonly result: unknown } | { readonly error: RpcErrorObject };

export interface Transport {
  /** @throws {EndpointError} */
  request(method: string, params: readonly unknown[], timeoutMs: number): Promise<RpcAnswer>;
  /** Only of a WebSocket: subscribes to new heads, for as long as the connection lasts. @throws {EndpointError} */
  subscribe?(onHead: (header: unknown) => void, timeoutMs: number): Promise<void>;
  close(): void;
}

export type FailureKind =
  /** No connection, or it was lost. */
  | "unreachable"
  | "timeout"
  /** No JSON-RPC, or not what the method returns. */
  | "garbage"
  | "limited"
  /** Another chain than ours. */
  | "foreign"
  /** Outvoted by the others. */
  | "outvoted"
  | "failed"
  /** These say nothing about the endpoint's health. */
  | "range"
  | "behind"
  | "unsupported"
  /** The chain's own word ({@link EndpointError.rpc}). */
  | "answer"
  /** As `answer`: the transaction has been taken already. */
  | "known";

/** Why one endpoint did not give a result. Messages never hold its URL. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
  readonly kind: FailureKind;
  readonly rpc: RpcErrorObject | undefined;
  /** The endpoint asks for this pause. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    more: { readonly rpc?: RpcErrorObject; readonly retryAfterMs?: number } = {},
  ) {
    super(message);
    this.kind = kind;
    this.rpc = more.rpc;
    this.retryAfterMs = more.retryAfterMs;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** @throws {EndpointError} garbage. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EndpointError("garbage", "the answer is not JSON");
  }
}

/** The answer in a JSON-RPC 2.0 response object to request `id`, undefined if it is none. */
export function answerOf(response: unknown, id: number): RpcAnswer | undefined {
  if (!isObject(response)) return undefined;
  const { error } = response;
  // Servers that cannot read a request answer with the id null.
  if (isObject(error) && (response["id"] === id || response["id"] === null)) {
    const code = typeof error["code"] === "number" ? error["code"] : 0;
    const message = typeof error["message"] === "string" ? error["message"] : "";
    return { error: { code, message, ...("data" in error ? { data: error["data"] } : {}) } };
  }
  return response["id"] === id && "result" in response ? { result: response["result"] } : undefined;
}
