import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { serve, type Served } from "../../../scripts/serve.ts";
import { soon } from "../../test/until.ts";
import { loggerTo, type Logger } from "../log.ts";
import { alertsOf, type Alert } from "./alerts.ts";
import { createMetrics } from "./metrics.ts";
import { createNotifier, nextAlerts, type ActiveAlerts } from "./notify.ts";
import { createSkew } from "./skew.ts";
import { startWatch } from "./watch.ts";
import { createWebhook, type Webhook, type WebhookOptions } from "./webhook.ts";

const [LOW] = alertsOf({ now: 0, wallet: { wei: 0n, neededWei: 1n } });
const [DOWN] = alertsOf({ now: 0, endpoints: { healthy: 0, total: 1, disagree: false } });
const SECRET = "T0K3N";

function given(alert: Alert | undefined): Alert {
  if (alert === undefined) throw new Error("no alert");
  return alert;
}

/** A log whose lines are kept. */
function recorder(): {
  readonly log: Logger;
  readonly lines: () => Record<string, unknown>[];
  readonly text: () => string;
} {
  let text = "";
  const log = loggerTo("trace", { write: (line) => (text += line) });
  const lines = (): Record<string, unknown>[] =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines, text: () => text };
}

describe("the next alerts", () => {
  const empty: ActiveAlerts = new Map();

  it("begin once, and end once they were quiet for a minute", () => {
    const first = nextAlerts(empty, [given(LOW), given(DOWN)], 0);
    expect(first.notices.map(({ event, alert }) => [event, alert.code])).to.deep.equal([
      ["begin", "LOW_WALLET"],
      ["begin", "ENDPOINTS_DOWN"],
    ]);
    const second = nextAlerts(first.active, [given(LOW)], 30_000);
    expect(second.notices).to.deep.equal([]);
    // It comes and goes: still one alert.
    const third = nextAlerts(second.active, [given(DOWN)], 59_999);
    expect(third.notices).to.deep.equal([]);
    const fourth = nextAlerts(third.active, [], 90_000);
    expect(fourth.notices.map(({ event, alert }) => [event, alert.code])).to.deep.equal([
      ["end", "LOW_WALLET"],
    ]);
    expect(nextAlerts(fourth.active, [], 119_999).notices.length).to.equal(1);
  });
});

describe("the notifier", () => {
  it("logs, counts and posts each alert once", async () => {
    const { log, lines } = recorder();
    const metrics = createMetrics({ process: false });
    const posts: Readonly<Record<string, unknown>>[] = [];
    let at = 0;
    const webhook = { post: (body: Readonly<Record<string, unknown>>) => posts.push(body) };
    const identity = { address: "0x1" };
    const notifier = createNotifier({ log, metrics, webhook, identity, now: () => at });
    expect((await metrics.text()).body).to.include(
      'assay_alerts_active{code="LOW_STAKE",severity="warning"} 0',
    );
    for (; at < 60_000; at += 5000) notifier.update([given(LOW)]);
    expect((await metrics.text()).body).to.include(
      'assay_alerts_active{code="LOW_WALLET",severity="critical"} 1',
    );
    for (; at < 200_000; at += 5000) notifier.update([]);
    const { body } = await metrics.text();
    expect(body).to.include('assay_alerts_active{code="LOW_WALLET",severity="critical"} 0');
    expect(body).to.include('assay_alerts_total{code="LOW_WALLET"} 1');
    expect(lines().map(({ level, msg, code }) => [level, msg, code])).to.deep.equal([
      ["error", "alert", "LOW_WALLET"],
      ["info", "alert ended", "LOW_WALLET"],
    ]);
    expect(posts.map(({ event }) => event)).to.deep.equal(["begin", "end"]);
    expect(posts[0]).to.deep.include({ code: "LOW_WALLET", severity: "critical", node: identity });
  });

  it("is told by the watch, which survives facts that fail", async () => {
    const { log, text } = recorder();
    const told: (readonly Alert[])[] = [];
    let looks = 0;
    const watch = startWatch({
      log,
      everyMs: 1,
      notifier: { update: (alerts) => told.push(alerts) },
      facts: () => {
        if (looks++ === 0) throw new Error("not yet");
        return { now: 0, database: false };
      },
    });
    await soon(() => told.length >= 2);
    watch.stop();
    const count = told.length;
    await sleep(20);
    expect(told.length).to.equal(count);
    expect(told[0]?.map(({ code }) => code)).to.deep.equal(["STATE_UNAVAILABLE"]);
    expect(text()).to.include("not yet");
  });
});

describe("the webhook", () => {
  let server: Served;
  let url: string;
  /** What the receiver got, and how it answers: a status, or "hang" or "cut". */
  let bodies: string[];
  let answers: (number | "hang" | "cut")[];
  const open: Webhook[] = [];

  beforeEach(async () => {
    bodies = [];
    answers = [];
    server = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        bodies.push(body);
        const answer = answers.shift() ?? 200;
        if (answer === "cut") request.socket.destroy();
        else if (answer !== "hang")
          response.writeHead(answer, { location: "/elsewhere" }).end("x".repeat(100_000));
      });
    });
    url = `${server.url}/services/${SECRET}`;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((webhook) => webhook.close(0)));
    await server.close();
  });

  function start(options: Partial<WebhookOptions> = {}) {
    const { log, text } = recorder();
    const metrics = createMetrics({ process: false });
    const webhook = createWebhook({ url, log, metrics, firstPauseMs: 1, ...options });
    open.push(webhook);
    const count = async (outcome: string): Promise<number> => {
      const { body } = await metrics.text();
      return Number(new RegExp(`assay_alert_posts_total{outcome="${outcome}"} (\\d+)`).exec(body)?.[1]);
    };
    return { webhook, text, count };
  }

  it("delivers in order, again while the receiver fails", async () => {
    answers = [500, 429, "cut", 200];
    const { webhook, count, text } = start();
    webhook.post({ n: 1 });
    webhook.post({ n: 2 });
    await webhook.close(60_000);
    expect(bodies).to.deep.equal(['{"n":1}', '{"n":1}', '{"n":1}', '{"n":1}', '{"n":2}']);
    expect([await count("delivered"), await count("failed")]).to.deep.equal([2, 0]);
    expect(text()).to.equal("");
  });

  it("gives up what the receiver refuses, is sent elsewhere or fails too often, and never logs the address", async () => {
    answers = [404, 302, 500, 500, 500];
    const { webhook, count, text } = start({ tries: 3 });
    for (const n of [1, 2, 3, 4]) webhook.post({ n });
    await webhook.close(60_000);
    expect(bodies).to.deep.equal(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":3}', '{"n":3}', '{"n":4}']);
    expect([await count("delivered"), await count("failed")]).to.deep.equal([1, 3]);
    expect(text().trimEnd().split("\n").length).to.equal(3);
    expect(text()).not.to.include(SECRET);
  });

  it("does not wait for a receiver that hangs, and says nothing of an address that nobody answers", async () => {
    answers = ["hang"];
    const { webhook, count } = start({ timeoutMs: 20 });
    webhook.post({ n: 1 });
    await webhook.close(60_000);
    expect(bodies.length).to.equal(2);
    expect(await count("delivered")).to.equal(1);
    const nowhere = start({ url: `http://127.0.0.1:9/${SECRET}`, tries: 2 });
    nowhere.webhook.post({ n: 1 });
    await nowhere.webhook.close(60_000);
    expect(await nowhere.count("failed")).to.equal(1);
    expect(nowhere.text()).not.to.include(SECRET);
  });

  it("keeps a bounded queue, the newest", async () => {
    answers = ["hang"];
    const { webhook, count } = start({ maxQueue: 2, timeoutMs: 50 });
    for (let n = 0; n < 1000; n++) webhook.post({ n });
    await webhook.close(60_000);
    expect(bodies).to.deep.equal(['{"n":0}', '{"n":0}', '{"n":998}', '{"n":999}']);
    expect(await count("dropped")).to.equal(997);
  });

  it("ends when the node does", async () => {
    answers = ["hang"];
    const { webhook, count } = start();
    webhook.post({ n: 1 });
    webhook.post({ n: 2 });
    await soon(() => bodies.length === 1);
    await webhook.close(1);
    webhook.post({ n: 3 });
    expect(bodies).to.deep.equal(['{"n":1}']);
    expect(await count("delivered")).to.equal(0);
  });
});

describe("skew", () => {
  it("is the promptest block's", () => {
    const skew = createSkew();
    for (let i = 0; i < 7; i++) skew.saw(100 * i, 100 * i + 50 + i);
    expect(skew.seconds()).to.equal(undefined);
    skew.saw(700, 703);
    expect(skew.seconds()).to.equal(-3);
    for (let i = 8; i < 16; i++) skew.saw(100 * i, 100 * i - 20);
    expect(skew.seconds()).to.equal(20);
  });
});
