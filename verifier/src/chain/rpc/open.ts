import { httpTransport } from "./http.ts";
import { socketTransport } from "./socket.ts";
import type { Transport } from "./transport.ts";

/**
 * The transport of a URL's scheme, http(s) or ws(s).
 * @param maxBytes Of one message of a WebSocket. @param onLost A WebSocket's connection has ended; the next request opens another.
 */
export function openTransport(
  url: string,
  maxBytes: number,
  onLost: () => void = () => undefined,
): Transport {
  return /^wss?:/i.test(url) ? socketTransport(url, maxBytes, onLost) : httpTransport(url);
}
