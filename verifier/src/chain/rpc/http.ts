/** JSON-RPC over HTTP. */
import { bodyOf } from "./body.ts";
import { answerOf, EndpointError, parseJson, type RpcAnswer, type Transport } from "./transport.ts";

/** fetch takes no credentials in URLs. */
export function splitCredentials(url: string): { target: string; headers: Record<string, string> } {
  const parsed = new URL(url);
  const { username, password } = parsed;
  if (username === "" && password === "") return { target: url, headers: {} };
  parsed.username = parsed.password = "";
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { target: parsed.href, headers: { authorization: `Basic ${basic.toString("base64")}` } };
}

function retryAfterOf(response: Response): { retryAfterMs?: number } {
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return seconds > 0 ? { retryAfterMs: 1000 * seconds } : {};
}

function failureOf(error: unknown, timedOut: boolean): EndpointError {
  if (error instanceof EndpointError) return error;
  if (timedOut) return new EndpointError("timeout", "no answer in time");
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "connection failed";
  return new EndpointError("unreachable", code);
}

export function httpTransport(url: string): Transport {
  const { target, headers } = splitCredentials(url);
  const open = new Set<AbortController>();
  let lastId = 0;

  async function exchange(
    id: number,
    request: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<RpcAnswer> {
    const response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: request,
      // An endpoint must not send our transactions elsewhere.
      redirect: "error",
      signal,
    });
    if (response.status === 429)
      throw new EndpointError("limited", "HTTP 429: too many requests", retryAfterOf(response));
    if (response.status === 413) throw new EndpointError("range", "HTTP 413: too large");
    const text = await bodyOf(
      response,
      maxBytes,
      () => new EndpointError("range", `the answer is longer than ${maxBytes} bytes`),
    );
    // Some report JSON-RPC errors with a status that is not 200.
    if (!response.ok && !text.trimStart().startsWith("{"))
      throw new EndpointError("unreachable", `HTTP ${response.status}`);
    const answer = answerOf(parseJson(text), id);
    if (answer !== undefined) return answer;
    throw response.ok
      ? new EndpointError("garbage", "the answer is not JSON-RPC")
      : new EndpointError("unreachable", `HTTP ${response.status}`);
  }

  return {
    async request(method, params, { timeoutMs, maxBytes }) {
      const id = ++lastId;
      const abort = new AbortController();
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        abort.abort();
      }, timeoutMs);
      open.add(abort);
      try {
        const request = JSON.stringify({ jsonrpc: "2.0", id, method, params });
        return await exchange(id, request, maxBytes, abort.signal);
      } catch (error) {
        throw failureOf(error, timedOut);
      } finally {
        clearTimeout(timer);
        open.delete(abort);
        // Also ends a body that nobody reads on.
        abort.abort();
      }
    },
    close() {
      for (const abort of open) abort.abort();
    },
  };
}
