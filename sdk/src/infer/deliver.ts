/** Sending the same bytes until there is an answer. */
import { AssayError } from "../error.ts";
import { sleep } from "../sleep.ts";
import { peerFailed, refusalIn, type HttpAsk, type Exchange, type HttpSaid } from "./exchange.ts";

export type Outcome =
  | { readonly kind: "answered"; readonly said: HttpSaid }
  /** The operator says that it did not take the order. */
  | { readonly kind: "refused"; readonly said: HttpSaid }
  /** As refused, and it may be taken later. */
  | { readonly kind: "busy"; readonly error: AssayError }
  /** It may have been answered: nobody knows. */
  | { readonly kind: "lost"; readonly error: AssayError };

export interface Delivery {
  readonly exchange: Exchange;
  /** Its time limit is that of all attempts together. */
  readonly ask: HttpAsk;
  /** At most. */
  readonly attempts: number;
  /** Whether it was sent before, and may have been answered then. */
  readonly doubtful: boolean;
}

const PAUSE_MS = 200;
const MAX_PAUSE_MS = 5000;

function pauseOf(said: HttpSaid): number {
  const seconds = Number(said.header("retry-after") ?? 1);
  return seconds >= 0 ? Math.min(MAX_PAUSE_MS, seconds * 1000) : 1000;
}

/** @throws the signal's reason. */
export async function deliver({ exchange, ask, attempts, doubtful }: Delivery): Promise<Outcome> {
  const { url, signal } = ask;
  const until = Date.now() + ask.timeoutMs;
  let lost = doubtful;
  for (let left = attempts - 1; ; left--) {
    let pauseMs = PAUSE_MS;
    let error: AssayError;
    try {
      const said = await exchange({ ...ask, timeoutMs: Math.max(1, until - Date.now()) });
      if (said.status === 200) return { kind: "answered", said };
      const busy = said.status === 503 || said.status === 429;
      if (!busy && said.status >= 400 && said.status < 500) return { kind: "refused", said };
      const { words } = refusalIn(said);
      error = busy ? new AssayError("BUSY", `${url}: ${words}`, { retryable: true }) : peerFailed(url, words);
      if (busy) pauseMs = pauseOf(said);
      else lost = true;
    } catch (failure) {
      if (!(failure instanceof AssayError)) throw failure;
      error = failure;
      lost = true;
    }
    if (left <= 0 || Date.now() + pauseMs >= until) return { kind: lost ? "lost" : "busy", error };
    await sleep(pauseMs, signal);
  }
}
