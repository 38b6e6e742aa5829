/** Fetches a file of known hash from wherever it is said to be. Nothing that comes is trusted before its hash is checked. */
import { sha256 } from "../../../program/src/merkle.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";

export interface FetchLimits {
  readonly maxBytes: number;
  /** For each place. */
  readonly timeoutMs: number;
}

async function download(url: URL, limits: FetchLimits): Promise<Uint8Array> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(limits.timeoutMs),
    // A model's publisher chooses the address; where that leads on to is not its to choose. Nor do few bytes become many.
    redirect: "error",
    headers: { "accept-encoding": "identity" },
  });
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new Error(`content encoding ${encoding}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limits.maxBytes)
      throw new AssayError(
        "CONTENT_TOO_LARGE",
        `more than ${limits.maxBytes} bytes: raise the limit to accept it`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Tries each place in turn.
 * @param uris http(s) addresses; others are passed over.
 * @throws {AssayError} the last place's CONTENT_UNAVAILABLE (retryable), CONTENT_MISMATCH or CONTENT_TOO_LARGE.
 */
export async function fetchContent(
  hash: Hex,
  uris: readonly string[],
  limits: FetchLimits,
): Promise<Uint8Array> {
  let last: AssayError | undefined;
  for (const uri of uris) {
    try {
      const url = new URL(uri);
      if (url.protocol !== "http:" && url.protocol !== "https:") continue;
      const bytes = await download(url, limits);
      const found = toHex(sha256(bytes));
      if (found === hash.toLowerCase()) return new Uint8Array(bytes);
      last = new AssayError("CONTENT_MISMATCH", `${uri} serves ${found}, not ${hash}`);
    } catch (error) {
      last =
        error instanceof AssayError
          ? error
          : new AssayError("CONTENT_UNAVAILABLE", `${uri}: ${messageOf(error)}`, {
              retryable: true,
              cause: error,
            });
    }
  }
  throw (
    last ?? new AssayError("CONTENT_UNAVAILABLE", `no address of ${hash} can be fetched`, { retryable: true })
  );
}
