/** Tells of alerts, once when each begins and once when it has ended: in the log, in a metric, to a webhook. */
import type { Logger } from "../log.ts";
import { ALERTS, type Alert, type AlertCode } from "./alerts.ts";
import type { Metrics } from "./metrics.ts";
import type { Webhook } from "./webhook.ts";

export interface Notice {
  readonly event: "begin" | "end";
  readonly alert: Alert;
}

interface Active {
  readonly alert: Alert;
  /** When it was last found, milliseconds. */
  readonly foundAt: number;
}

/** By code and subject. */
export type ActiveAlerts = ReadonlyMap<string, Active>;

/** An alert has ended once it was not found for so long: what comes and goes is one alert. */
const QUIET_MS = 60_000;

/** Pure. @param nowMs Of a monotonic clock. */
export function nextAlerts(
  active: ActiveAlerts,
  alerts: readonly Alert[],
  nowMs: number,
): { readonly active: ActiveAlerts; readonly notices: readonly Notice[] } {
  const next = new Map(active);
  const notices: Notice[] = [];
  for (const alert of alerts) {
    const key = `${alert.code}:${alert.subject ?? ""}`;
    if (!next.has(key)) notices.push({ event: "begin", alert });
    next.set(key, { alert, foundAt: nowMs });
  }
  for (const [key, { alert, foundAt }] of next) {
    if (nowMs - foundAt < QUIET_MS) continue;
    next.delete(key);
    notices.push({ event: "end", alert });
  }
  return { active: next, notices };
}

export interface Notifier {
  /** All alerts of this moment, as often as one likes. */
  update(alerts: readonly Alert[]): void;
}

export interface NotifierOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly webhook?: Pick<Webhook, "post"> | undefined;
  /** Added to each post: which node it is, such as its address and chain. */
  readonly identity: Readonly<Record<string, string | number>>;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

const CODES = Object.keys(ALERTS) as readonly AlertCode[];

export function createNotifier(options: NotifierOptions): Notifier {
  const { log, metrics, webhook, identity, now = () => performance.now() } = options;
  let active: ActiveAlerts = new Map();

  function tell({ event, alert }: Notice): void {
    const { code, severity, subject, text } = alert;
    const fields = { code, severity, subject, text };
    if (event === "end") log.info(fields, "alert ended");
    else log[severity === "critical" ? "error" : "warn"](fields, "alert");
    if (event === "begin") metrics.alerts.begun.inc({ code });
    webhook?.post({ event, ...fields, at: new Date().toISOString(), node: identity });
  }

  function count(): void {
    const found = [...active.values()].map(({ alert }) => alert.code);
    metrics.alerts.active.replace(
      CODES.map((code) => [
        { code, severity: ALERTS[code].severity },
        found.filter((one) => one === code).length,
      ]),
    );
  }

  count();
  return {
    update(alerts) {
      const next = nextAlerts(active, alerts, now());
      active = next.active;
      next.notices.forEach(tell);
      count();
    },
  };
}
