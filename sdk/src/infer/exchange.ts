/** HTTP with strangers: what comes is counted and must be there in time, and no redirect is followed. */
import { z } from "zod/v4";
import { AssayError, ERROR_CODES, messageOf, type ErrorCode } from "../error.ts";
import { isPrivateHost } from "./hosts.ts";

export interface HttpAsk {
  readonly url: string;
  /** Default GET without a body, POST with one. */
  readonly body?: Uint8Array<ArrayBuffer> | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the answer's body. */
  readonly maxBytes: number;
  /** Until the last byte of it. */
  readonly timeoutMs: number;
  /** Whether the host may be on a private network: where its owner chose it. */
  readonly trusted: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpSaid {
  readonly status: number;
  /** Null: not there. */
  header(name: string): string | null;
  readonly body: Uint8Array;
}

/** @throws {AssayError} PEER_FAILED, TIMED_OUT; the signal's reason. */
export type Exchange = (ask: HttpAsk) => Promise<HttpSaid>;

export function peerFailed(url: string, why: string, cause?: unknown): AssayError {
  const { origin } = new URL(url);
  return new AssayError("PEER_FAILED", `${origin}: ${why}`, { retryable: true, cause });
}

async function bodyOf(response: Response, { url, maxBytes }: HttpAsk): Promise<Uint8Array> {
  const tooLong = (): AssayError => peerFailed(url, `more than ${maxBytes} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > maxBytes) throw tooLong();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    length += part.value.length;
    if (length > maxBytes) throw tooLong();
    chunks.push(part.value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/**
 * By the platform's `fetch`. Of names it does not see what they resolve to: in Node, where that matters, bring an exchange that does.
 */
export const fetchExchange: Exchange = async (ask) => {
  const { url, body, headers = {}, timeoutMs, trusted, signal } = ask;
  if (!trusted && isPrivateHost(new URL(url).hostname))
    throw peerFailed(url, "not a public host: name the endpoint yourself if you trust it");
  signal?.throwIfAborted();
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), timeoutMs);
  const stop = (): void => ended.abort();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const method = body === undefined ? "GET" : "POST";
    const response = await fetch(url, {
      ...{ method, headers, redirect: "error", signal: ended.signal, credentials: "omit", cache: "no-store" },
      ...(body === undefined ? {} : { body }),
    });
    const read = await bodyOf(response, ask);
    return { status: response.status, header: (name) => response.headers.get(name), body: read };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AssayError) throw error;
    if (ended.signal.aborted)
      throw new AssayError("TIMED_OUT", `${new URL(url).origin}: not all there after ${timeoutMs} ms`, {
        retryable: true,
        cause: error,
      });
    const why = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw peerFailed(url, messageOf(why), error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    // Whatever of the body was not read is not wanted.
    ended.abort();
  }
};

const refusalSchema = z.object({ error: z.string(), code: z.string().optional() });
const MAX_WORDS = 300;

function parsedJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** @throws {AssayError} PEER_FAILED */
export function readJson<S extends z.ZodType>(schema: S, url: string, { body }: HttpSaid): z.output<S> {
  const parsed = schema.safeParse(parsedJson(body));
  if (parsed.success) return parsed.data;
  throw peerFailed(url, `its answer makes no sense: ${z.prettifyError(parsed.error).slice(0, MAX_WORDS)}`);
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code);
}

/** What a peer says that is no success; its words, its code if it is one of ours. */
export function refusalIn({ status, body }: HttpSaid): {
  readonly code: ErrorCode | undefined;
  readonly words: string;
} {
  const parsed = refusalSchema.safeParse(parsedJson(body));
  if (!parsed.success) return { code: undefined, words: `HTTP status ${status}` };
  const { error, code } = parsed.data;
  // A stranger's text may end up at a terminal.
  const words = error.replace(/\p{C}+/gu, " ").slice(0, MAX_WORDS);
  return { code: isErrorCode(code) ? code : undefined, words: `HTTP status ${status}: ${words}` };
}
