/** HTTP GET for content: what comes is counted, must keep coming, and no redirect or encoding is followed. */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { checkHost, lookupPublic } from "./addresses.ts";

/** How fast a source must be at least. */
export interface Pace {
  /** Milliseconds; an answer must begin within one such window, and each later one must bring `minBytes`. */
  readonly windowMs: number;
  readonly minBytes: number;
}

export const DEFAULT_PACE: Pace = { windowMs: 10_000, minBytes: 256 * 2 ** 10 };

export interface Get {
  readonly url: string;
  /** Whether the host may be on a private network: where the node's owner chose it. */
  readonly trusted: boolean;
  readonly maxBytes: number;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface HttpClient {
  /**
   * The body, as it comes.
   * @throws {AssayError} CONTENT_UNAVAILABLE (`details.status`, if there was an answer), CONTENT_TOO_LARGE (`details.declared` tells
   * whether the answer said so itself).
   */
  stream(get: Get): AsyncGenerator<Uint8Array>;
  /** The whole body. @throws {AssayError} as `stream`. */
  bytes(get: Get): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

const MAX_URL = 2048;
const AGENT = { keepAlive: true, maxSockets: 8, maxTotalSockets: 64, maxFreeSockets: 16, timeout: 30_000 };
const MAX_HEADER_BYTES = 16_384;

function unavailable(message: string, details: Readonly<Record<string, unknown>> = {}): AssayError {
  return new AssayError("CONTENT_UNAVAILABLE", message, { retryable: true, details });
}

function tooLarge(maxBytes: number, declared: boolean): AssayError {
  const message = `more than ${maxBytes} bytes: raise the limit to accept it`;
  return new AssayError("CONTENT_TOO_LARGE", message, { details: { declared } });
}

/** @throws {AssayError} CONTENT_UNAVAILABLE */
export function parseUrl(text: string): URL {
  const url = text.length > MAX_URL ? null : URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw unavailable("not an http(s) address");
  // A login in a stranger's address is none of ours.
  if (url.username !== "" || url.password !== "") throw unavailable("an address with a login");
  return url;
}

/** @throws {AssayError} if the answer is not the content itself. */
function checkAnswer({ statusCode, headers }: IncomingMessage, maxBytes: number): void {
  // Nobody that is asked decides whom we ask next, nor makes many bytes of few.
  if (statusCode !== 200) throw unavailable(`HTTP status ${statusCode ?? 0}`, { status: statusCode });
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw unavailable(`content encoding ${encoding.slice(0, 40)}`, { status: 200 });
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes, true);
}

/** One download, looked at every now and then. */
interface Watch {
  received: number;
  /** At the last look; negative: there was none yet. */
  before: number;
  slow: boolean;
  request: ClientRequest | undefined;
}

function look(watch: Watch, pace: Pace): void {
  const { received, before } = watch;
  watch.slow = before < 0 ? received === 0 : received - before < pace.minBytes;
  watch.before = received;
  if (watch.slow) watch.request?.destroy();
}

/** Sends a request, and once more if the other side closed a connection that was kept just as it was used again. */
async function send(watch: Watch, make: () => ClientRequest): Promise<IncomingMessage> {
  for (let again = false; ; again = true) {
    const request = make();
    watch.request = request;
    try {
      return await new Promise((resolve, reject) => {
        request.once("response", resolve);
        request.on("error", reject);
        request.end();
      });
    } catch (error) {
      if (again || !request.reusedSocket || watch.slow) throw error;
      if (!(error instanceof Error && "code" in error && error.code === "ECONNRESET")) throw error;
    }
  }
}

/** @param allowPrivate Treats every address as trusted. @param onReceived Told of the bytes of bodies as they come, bad ones too. */
export function createClient(
  allowPrivate: boolean,
  pace: Pace = DEFAULT_PACE,
  onReceived: (bytes: number) => void = () => undefined,
): HttpClient {
  // Connections to trusted hosts are never used for others, however they are spelled.
  const open = { http: new HttpAgent(AGENT), https: new HttpsAgent(AGENT) };
  const guarded = {
    http: new HttpAgent({ ...AGENT, lookup: lookupPublic }),
    https: new HttpsAgent({ ...AGENT, lookup: lookupPublic }),
  };

  async function* stream({ url: text, trusted, maxBytes, accept, signal }: Get): AsyncGenerator<Uint8Array> {
    const url = parseUrl(text);
    const free = trusted || allowPrivate;
    if (!free) checkHost(url.hostname);
    const { http, https } = free ? open : guarded;
    const secure = url.protocol === "https:";
    const watch: Watch = { received: 0, before: -1, slow: false, request: undefined };
    const timer = setInterval(() => look(watch, pace), pace.windowMs);
    const options = {
      agent: secure ? https : http,
      headers: { "accept-encoding": "identity", ...(accept === undefined ? {} : { accept }) },
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(signal && { signal }),
    };
    try {
      const answer = await send(watch, () =>
        secure ? httpsRequest(url, options) : httpRequest(url, options),
      );
      checkAnswer(answer, maxBytes);
      const body: AsyncIterable<Buffer> = answer;
      for await (const chunk of body) {
        watch.received += chunk.length;
        onReceived(chunk.length);
        if (watch.received > maxBytes) throw tooLarge(maxBytes, false);
        yield chunk;
      }
      // The connection is another request's from now on.
      watch.request = undefined;
    } catch (error) {
      if (error instanceof AssayError) throw error;
      throw unavailable(watch.slow ? "too slow" : messageOf(error), { slow: watch.slow });
    } finally {
      clearInterval(timer);
      watch.request?.destroy();
    }
  }

  return {
    stream,
    async bytes(get) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream(get)) chunks.push(chunk);
      return new Uint8Array(Buffer.concat(chunks));
    },
    close() {
      for (const agent of [open.http, open.https, guarded.http, guarded.https]) agent.destroy();
    },
  };
}
