/** HTTP with operators that strangers name: as the SDK's exchange, and names must lead to public addresses. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { peerFailed, type Exchange, type HttpAsk } from "../../../sdk/src/infer/exchange.ts";
import { checkHost, lookupPublic } from "../content/addresses.ts";

const MAX_HEADER_BYTES = 16_384;
const AGENT = { keepAlive: true, maxFreeSockets: 8, timeout: 60_000 };

export interface NodeExchange {
  readonly exchange: Exchange;
  readonly close: () => void;
}

async function bodyOf(response: IncomingMessage, { url, maxBytes }: HttpAsk): Promise<Uint8Array> {
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw peerFailed(url, `content encoding ${encoding.slice(0, 40)}`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw peerFailed(url, `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** @param allowPrivate Treats every host as trusted. */
export function createExchange(allowPrivate: boolean): NodeExchange {
  const open = { http: new HttpAgent(AGENT), https: new HttpsAgent(AGENT) };
  const guarded = {
    http: new HttpAgent({ ...AGENT, lookup: lookupPublic }),
    https: new HttpsAgent({ ...AGENT, lookup: lookupPublic }),
  };

  async function answerTo(ask: HttpAsk, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(ask.url);
    const free = ask.trusted || allowPrivate;
    if (!free) checkHost(url.hostname);
    const { http, https } = free ? open : guarded;
    const secure = url.protocol === "https:";
    const method = ask.body === undefined ? "GET" : "POST";
    const headers = { ...ask.headers, "accept-encoding": "identity" };
    const options = {
      agent: secure ? https : http,
      method,
      headers,
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
    };
    return new Promise((resolve, reject) => {
      const request = secure ? httpsRequest(url, options) : httpRequest(url, options);
      request.once("response", resolve);
      request.on("error", reject);
      request.end(ask.body);
    });
  }

  return {
    async exchange(ask) {
      ask.signal?.throwIfAborted();
      const limit = AbortSignal.timeout(ask.timeoutMs);
      const signal = ask.signal === undefined ? limit : AbortSignal.any([limit, ask.signal]);
      let response: IncomingMessage | undefined;
      try {
        response = await answerTo(ask, signal);
        const body = await bodyOf(response, ask);
        const { statusCode = 0, headers } = response;
        const header = (name: string): string | null => {
          const value = headers[name.toLowerCase()];
          return typeof value === "string" ? value : null;
        };
        return { status: statusCode, header, body };
      } catch (error) {
        response?.destroy();
        ask.signal?.throwIfAborted();
        if (error instanceof AssayError && error.code === "PEER_FAILED") throw error;
        if (limit.aborted)
          throw new AssayError(
            "TIMED_OUT",
            `${new URL(ask.url).origin}: not all there after ${ask.timeoutMs} ms`,
            {
              retryable: true,
              cause: error,
            },
          );
        throw peerFailed(ask.url, messageOf(error), error);
      }
    },
    close() {
      for (const agent of [open.http, open.https, guarded.http, guarded.https]) agent.destroy();
    },
  };
}
