import { expect } from "chai";
import { MAX_LABEL_VALUES } from "./family.ts";
import { codeOfError, kindOfKey, labelOfRelease } from "./labels.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import {
  createChainProbe,
  createDutyProbe,
  createOutboxProbe,
  createTrialProbe,
  measureRun,
  queryProbe,
} from "./probes.ts";
import { createComputeProbe, createEndpointProbe } from "./samples.ts";
import type { OwnGame, Side } from "./trials.ts";
import { createWebhook } from "./webhook.ts";
import { createCompute } from "../compute/compute.ts";
import { createLogger } from "../log.ts";
import { AssayError } from "../../../sdk/src/error.ts";

/** Series of the text: "name{labels}" to value. */
async function seriesOf(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const { body } = await metrics.text();
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

function plain(): Metrics {
  return createMetrics({ process: false });
}

describe("metrics", () => {
  it("keeps each node's to itself", async () => {
    const [one, other] = [plain(), plain()];
    one.chain.reorgs.inc(3);
    expect((await seriesOf(one)).get("assay_chain_reorgs_total")).to.equal(3);
    expect((await seriesOf(other)).get("assay_chain_reorgs_total")).to.equal(0);
  });

  it("follows the naming conventions, each name once", () => {
    const { definitions } = plain();
    for (const { name, type, help, labels } of definitions) {
      expect(name).to.match(/^assay(_[a-z]+)+$/);
      expect(name.endsWith("_total"), name).to.equal(type === "counter");
      if (type === "histogram") expect(name).to.match(/_(seconds|blocks)$/);
      expect(help).to.match(/[.;]$/);
      for (const label of labels) expect(label).to.match(/^[a-z]+$/);
    }
    expect(new Set(definitions.map(({ name }) => name)).size).to.equal(definitions.length);
  });

  it("says nothing of levels that are not known yet", async () => {
    const metrics = plain();
    expect([...(await seriesOf(metrics)).keys()].filter((name) => name.includes("ether"))).to.deep.equal([]);
    metrics.money.stakeFree.setWei(1_500_000_000_000_000_000n);
    expect((await seriesOf(metrics)).get("assay_stake_free_ether")).to.equal(1.5);
  });

  it("bounds the values of a label, whatever strangers send, and keeps the owner's own", async () => {
    const own = `0xABCDEF0123${"0".repeat(54)}`;
    const metrics = createMetrics({ process: false, releases: [own] });
    const { answers } = metrics.verdicts;
    for (let i = 0; i < 10_000; i++)
      answers.inc({ release: labelOfRelease(`0x${i.toString(16).padStart(64, "a")}${i}`) });
    for (let i = 0; i < 1000; i++) metrics.chain.failures.inc({ code: `${i}:${"x".repeat(10_000)}` });
    answers.inc({ release: labelOfRelease(own) });
    const series = await seriesOf(metrics);
    const of = (name: string): string[] => [...series.keys()].filter((key) => key.startsWith(`${name}{`));
    expect(series.get('assay_answers_total{release="0xabcdef01"}')).to.equal(1);
    expect(of("assay_chain_failures_total").length).to.equal(MAX_LABEL_VALUES + 1);
    expect(series.get('assay_chain_failures_total{code="other"}')).to.equal(1000 - MAX_LABEL_VALUES);
    expect(Math.max(...of("assay_chain_failures_total").map((key) => key.length))).to.be.below(200);
  });

  it("survives values that are no numbers", async () => {
    const metrics = plain();
    metrics.chain.reorgs.inc(Number.NaN);
    metrics.chain.reorgs.inc(-1);
    metrics.transactions.fees.addWei({ label: "reveal" }, -1n);
    metrics.duties.seconds.observe({ kind: "reveal" }, Number.NaN);
    metrics.chain.head.set(Number.NaN);
    const series = await seriesOf(metrics);
    expect(series.get("assay_chain_reorgs_total")).to.equal(0);
    expect(series.has('assay_duty_seconds_count{kind="reveal"}')).to.equal(false);
  });

  it("ends series that a set of levels leaves out", async () => {
    const metrics = plain();
    metrics.duties.due.replace([
      [{ kind: "answer" }, 2],
      [{ kind: "judge" }, 1],
    ]);
    metrics.duties.due.replace([[{ kind: "judge" }, 3]]);
    const due = [...(await seriesOf(metrics))].filter(([key]) => key.startsWith("assay_duties_due"));
    expect(due).to.deep.equal([['assay_duties_due{kind="judge"}', 3]]);
  });

  it("samples before a scrape, and waits neither for what hangs nor for what fails", async () => {
    const metrics = plain();
    let hanging = 0;
    metrics.beforeScrape(() => {
      hanging++;
      return new Promise(() => undefined);
    });
    metrics.beforeScrape(() => {
      throw new Error("no");
    });
    const end = metrics.beforeScrape(() => metrics.database.bytes.set(7));
    expect((await seriesOf(metrics)).get("assay_database_bytes")).to.equal(7);
    end();
    metrics.database.bytes.set(8);
    expect((await seriesOf(metrics)).get("assay_database_bytes")).to.equal(8);
    expect(hanging).to.equal(1);
  });

  it("has the process's own too", async () => {
    const names = [...(await seriesOf(createMetrics())).keys()];
    expect(names).to.include("process_resident_memory_bytes");
    expect(names).to.include("nodejs_eventloop_lag_p99_seconds");
  });
});

describe("metrics' probes", () => {
  it("follow the chain", async () => {
    const metrics = plain();
    const probe = createChainProbe(metrics);
    probe.head({ number: 14, timestamp: 108, baseFee: 7n });
    probe.reorg(3);
    const series = await seriesOf(metrics);
    expect(series.get("assay_chain_read_block")).to.equal(14);
    expect(series.get("assay_chain_read_timestamp_seconds")).to.equal(108);
    expect(series.get("assay_chain_base_fee_wei")).to.equal(7);
    expect(series.get("assay_chain_reorgs_total")).to.equal(1);
    expect(series.get("assay_chain_reorg_depth_blocks_sum")).to.equal(3);
  });

  it("tell endpoints by their place", async () => {
    const metrics = plain();
    const probe = createEndpointProbe(metrics);
    const silent = { healthy: false, latencyMs: undefined, height: undefined, failures: 4 };
    probe([{ healthy: true, latencyMs: 20, height: 9, failures: 1 }, silent], 2);
    probe([{ healthy: true, latencyMs: 30, height: 12, failures: 3 }, silent], 5);
    const series = await seriesOf(metrics);
    expect(series.get('assay_rpc_healthy{endpoint="1"}')).to.equal(0);
    expect(series.get('assay_rpc_latency_seconds{endpoint="0"}')).to.equal(0.03);
    expect(series.get('assay_rpc_failures_total{endpoint="0"}')).to.equal(3);
    expect(series.get('assay_rpc_failures_total{endpoint="1"}')).to.equal(4);
    expect(series.get("assay_chain_head_block")).to.equal(12);
    expect(series.get("assay_rpc_disagreements_total")).to.equal(5);
    expect(series.has('assay_rpc_head_block{endpoint="1"}')).to.equal(false);
  });

  it("measure runs by how they end", async () => {
    const metrics = plain();
    expect(await measureRun(metrics, "exact", Promise.resolve(5))).to.equal(5);
    const failure = new AssayError("INFERENCE_TIMED_OUT", "no");
    const run = measureRun(metrics, "onnxruntime", Promise.reject(failure));
    expect(await run.catch((e: unknown) => e)).to.equal(failure);
    const series = await seriesOf(metrics);
    const of = (interpreter: string, outcome: string): number | undefined =>
      series.get(`assay_inference_runs_total{interpreter="${interpreter}",outcome="${outcome}"}`);
    expect([of("exact", "done"), of("onnxruntime", "INFERENCE_TIMED_OUT")]).to.deep.equal([1, 1]);
    expect(series.get('assay_inference_seconds_count{interpreter="onnxruntime"}')).to.equal(1);
  });

  it("count duties by kind and code, and pass errors on", async () => {
    const metrics = plain();
    const probe = createDutyProbe(metrics);
    probe.due([{ key: "answer:0x1" }, { key: "answer:0x2" }, { key: "0x3:reveal:0x4" }]);
    await probe.run("answer:0x1", () => Promise.resolve());
    const failure = new AssayError("REVERTED", "no");
    const caught = await probe.run("0x3:reveal:0x4", () => Promise.reject(failure)).catch((e: unknown) => e);
    expect(caught).to.equal(failure);
    const series = await seriesOf(metrics);
    expect(series.get('assay_duties_due{kind="answer"}')).to.equal(2);
    expect(series.get('assay_duties_done_total{kind="answer"}')).to.equal(1);
    expect(series.get('assay_duties_failed_total{kind="reveal",code="REVERTED"}')).to.equal(1);
    expect(series.get('assay_duty_seconds_count{kind="reveal"}')).to.equal(1);
    expect([...series.keys()].filter((key) => key.startsWith("assay_duties_running"))).to.deep.equal([]);
  });

  it("say 0 before the first time of what alerts wait for: Prometheus sees no increase of what it has not seen", async () => {
    const metrics = plain();
    createTrialProbe(metrics);
    const webhook = createWebhook({
      url: "http://127.0.0.1:9",
      log: createLogger("error", 1, false),
      metrics,
    });
    await webhook.close();
    createOutboxProbe(metrics).sent("reveal");
    const compute = createCompute();
    await createComputeProbe(metrics)(compute);
    await compute.close();
    const series = await seriesOf(metrics);
    const names = [
      ...["operator", "challenger"].map((role) => `disputes_ended_total{role="${role}",outcome="lost"}`),
      ...["failed", "dropped"].map((outcome) => `alert_posts_total{outcome="${outcome}"}`),
      ...["crash", "time", "memory"].map(
        (reason) => `compute_deaths_total{pool="onnxruntime",reason="${reason}"}`,
      ),
      'transactions_reverted_total{label="reveal"}',
    ];
    for (const name of names) expect(series.get(`assay_${name}`), name).to.equal(0);
  });

  it("count each dispute's end once, if they saw it open", async () => {
    const metrics = plain();
    const probe = createTrialProbe(metrics);
    const game = (id: number, side: Side, outcome: OwnGame["outcome"]): OwnGame => ({
      disputeId: `0x${id}`,
      side,
      outcome,
    });
    const say = (tightestSeconds: number | undefined, ...games: OwnGame[]): void =>
      probe({ games, moves: [], losing: [], tightestSeconds });
    say(30, game(1, "operator", "open"), game(2, "challenger", "open"), game(3, "operator", "lost"));
    const first = await seriesOf(metrics);
    expect(first.get('assay_disputes_open{role="operator"}')).to.equal(1);
    expect(first.get("assay_dispute_clock_seconds")).to.equal(30);
    for (let i = 0; i < 3; i++) say(undefined, game(1, "operator", "won"), game(2, "challenger", "lost"));
    const series = await seriesOf(metrics);
    expect(series.get('assay_disputes_open{role="operator"}')).to.equal(0);
    expect(series.get('assay_disputes_ended_total{role="operator",outcome="won"}')).to.equal(1);
    expect(series.get('assay_disputes_ended_total{role="challenger",outcome="lost"}')).to.equal(1);
    expect(series.get('assay_disputes_ended_total{role="operator",outcome="lost"}')).to.equal(0);
    expect(series.get("assay_dispute_clock_seconds")).to.be.NaN;
  });

  it("measure real queries", async () => {
    const { PGlite } = await import("@electric-sql/pglite");
    const { Kysely, PGliteDialect, sql } = await import("kysely");
    const metrics = plain();
    const database = new Kysely<Record<string, never>>({
      dialect: new PGliteDialect({ pglite: new PGlite() }),
      log: queryProbe(metrics),
    });
    await sql`select 1`.execute(database);
    await sql`select nothing`.execute(database).catch(() => undefined);
    await database.schema.createTable("t").addColumn("a", "integer").execute();
    await database.destroy();
    const series = await seriesOf(metrics);
    expect(series.get('assay_database_query_seconds_count{statement="raw"}')).to.equal(1);
    expect(series.get('assay_database_failures_total{statement="raw"}')).to.equal(1);
    expect(series.get('assay_database_query_seconds_count{statement="createtable"}')).to.equal(1);
  });

  it("know kinds and codes", () => {
    expect(["judge:0x1", "0x1:select:0x2", "finalize:0x1:0"].map(kindOfKey)).to.deep.equal([
      "judge",
      "select",
      "finalize",
    ]);
    expect([new AssayError("CLOSED", ""), new Error("x"), 1].map(codeOfError)).to.deep.equal([
      "CLOSED",
      "UNKNOWN",
      "UNKNOWN",
    ]);
  });
});
