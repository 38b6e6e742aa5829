/** Posts JSON to an address of the owner's, in order, again while it fails, and never keeps the node waiting. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../log.ts";
import { POST_OUTCOMES, type Metrics } from "./metrics.ts";

export interface WebhookOptions {
  /** It may hold a key, and is logged nowhere. */
  readonly url: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** For one try. Default 10000. */
  readonly timeoutMs?: number;
  /** Before the second try, then twice as long each time up to 5 minutes. Default 1000. */
  readonly firstPauseMs?: number;
  /** Tries of one post. Default 12, about half an hour. */
  readonly tries?: number;
  /** Posts that wait; the oldest gives way. Default 64. */
  readonly maxQueue?: number;
}

export interface Webhook {
  post(body: Readonly<Record<string, unknown>>): void;
  /** Gives what waits `graceMs` more, then ends. */
  close(graceMs?: number): Promise<void>;
}

const MAX_PAUSE_MS = 300_000;

/** What another try cannot mend: the address is wrong, or the receiver does not like the body. */
function isFinal(status: number): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 425 && status !== 429;
}

export function createWebhook(options: WebhookOptions): Webhook {
  const { url, log, metrics, timeoutMs = 10_000, firstPauseMs = 1000, tries = 12, maxQueue = 64 } = options;
  const queue: string[] = [];
  const ended = new AbortController();
  let working: Promise<void> | undefined;
  let closing = false;
  // See `createTrialProbe`.
  for (const outcome of POST_OUTCOMES) metrics.alerts.posts.inc({ outcome }, 0);

  /** @returns the status, undefined if nothing answered. Of the error only its being there matters: its text may hold the address. */
  async function send(body: string): Promise<number | undefined> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ended.signal]);
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  }

  async function deliver(body: string): Promise<void> {
    for (let failures = 0; ;) {
      const status = await send(body);
      if (status !== undefined && status >= 200 && status < 300)
        return metrics.alerts.posts.inc({ outcome: "delivered" });
      const final = status !== undefined && isFinal(status);
      if (++failures >= tries || final || ended.signal.aborted) {
        log.warn({ status: status ?? null, failures }, "an alert could not be posted");
        return metrics.alerts.posts.inc({ outcome: "failed" });
      }
      const pause = Math.min(MAX_PAUSE_MS, firstPauseMs * 2 ** (failures - 1));
      await sleep(pause, undefined, { ref: false, signal: ended.signal }).catch(() => undefined);
    }
  }

  async function work(): Promise<void> {
    for (let body = queue.shift(); body !== undefined; body = queue.shift()) await deliver(body);
    working = undefined;
  }

  return {
    post(body) {
      if (closing) return;
      queue.push(JSON.stringify(body));
      if (queue.length > maxQueue) {
        queue.shift();
        metrics.alerts.posts.inc({ outcome: "dropped" });
      }
      working ??= work();
    },
    async close(graceMs = 3000) {
      closing = true;
      await Promise.race([working, sleep(graceMs, undefined, { signal: ended.signal })]);
      queue.length = 0;
      ended.abort();
      await working;
    },
  };
}
