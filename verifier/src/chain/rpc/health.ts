/** How an endpoint has fared: pure bookkeeping, times in milliseconds. */

export interface Health {
  /** Requests that failed, ever. */
  readonly failures: () => number;
  /** Failures since the last success. */
  readonly streak: () => number;
  /** The end of its rest; not later than now: it can be asked. */
  readonly restsUntil: () => number;
  /** Average of late; undefined before the first answer. */
  readonly latencyMs: () => number | undefined;
  succeeded(tookMs: number): void;
  /** It answers again; whether it does its work remains to be seen. */
  woke(): void;
  failed(now: number, restMs?: number): void;
}

const FIRST_REST_MS = 250;
const MAX_REST_MS = 60_000;
const SMOOTHING = 0.2;

export function createHealth(): Health {
  let failures = 0;
  let streak = 0;
  let restsUntil = 0;
  let latencyMs: number | undefined;
  return {
    failures: () => failures,
    streak: () => streak,
    restsUntil: () => restsUntil,
    latencyMs: () => latencyMs,
    succeeded(tookMs) {
      streak = restsUntil = 0;
      latencyMs = latencyMs === undefined ? tookMs : latencyMs + SMOOTHING * (tookMs - latencyMs);
    },
    woke() {
      restsUntil = 0;
    },
    failed(now, restMs) {
      failures++;
      // Requests that were on their way when it fell ill say nothing new.
      if (now < restsUntil) return;
      restsUntil = now + Math.min(MAX_REST_MS, restMs ?? FIRST_REST_MS * 2 ** Math.min(streak, 10));
      streak++;
    },
  };
}
