/** All metrics of a node, in a registry of its own. Names and units follow Prometheus' conventions; docs/operations.md lists them. */
import { setTimeout as sleep } from "node:timers/promises";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createFamily, type Definition } from "./family.ts";
import { labelOfRelease } from "./labels.ts";
import type { Side } from "./trials.ts";

/** What becomes of a notice for the webhook. */
export const POST_OUTCOMES = ["delivered", "failed", "dropped"] as const;

export type Interpreter = "onnxruntime" | "exact" | "trace";

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120] as const;
const LONG_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900, 3600] as const;
const DEPTHS = [1, 2, 3, 5, 8, 16, 32, 64, 128, 512] as const;
/** A scrape does not wait for samples, such as the database's size, any longer. */
const SAMPLE_LIMIT_MS = 2000;

export interface MetricsOptions {
  /** Ids of the releases that the owner named: they get series of their own however many others come. */
  readonly releases?: readonly string[];
  /** The process's own: memory, event loop, garbage collection. Default true. */
  readonly process?: boolean;
}

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** A sample that fails leaves its metrics as they were. */
async function takeSafely(take: () => void | Promise<void>): Promise<void> {
  try {
    await take();
  } catch {
    // Whatever it reads says for itself what is wrong.
  }
}

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics({ releases = [], process: own = true }: MetricsOptions = {}) {
  const registry = new Registry();
  if (own) collectDefaultMetrics({ register: registry });
  const define = createFamily(registry, { release: releases.map(labelOfRelease) });
  /** What is sampled, and the sample that is being taken. */
  const samples = new Map<() => void | Promise<void>, Promise<void> | undefined>();

  /** Each once at a time: one that hangs keeps nobody from the others. */
  async function sampleAll(): Promise<void> {
    const taken = [...samples].map(async ([take, running]) => {
      const sample = running ?? takeSafely(take);
      samples.set(take, sample);
      await sample;
      if (samples.has(take)) samples.set(take, undefined);
    });
    await Promise.all(taken);
  }

  const metrics = {
    node: {
      info: define.levelBy<{ version: string; role: string; chain: string }>(
        "assay_info",
        "Always 1; the labels say what runs.",
        "version",
        "role",
        "chain",
      ),
      ready: define.level("assay_ready", "1 while /health/ready says so, else 0."),
      diskFree: define.level(
        "assay_disk_free_bytes",
        "Free on the disk of the state directory or of the content directory, whichever is less.",
      ),
    },

    chain: {
      head: define.level("assay_chain_head_block", "Newest block that any endpoint has told of."),
      read: define.level("assay_chain_read_block", "Last block whose events have been read."),
      readTime: define.level(
        "assay_chain_read_timestamp_seconds",
        "Unix time of the last newest block whose events have been read.",
      ),
      baseFee: define.level("assay_chain_base_fee_wei", "Base fee per gas of that block."),
      events: define.countBy<{ event: string }>(
        "assay_chain_events_total",
        "Events of the contracts that were applied; after a restart or a reorganisation again.",
        "event",
      ),
      reorgs: define.count("assay_chain_reorgs_total", "Reorganisations that undid what had been read."),
      reorgDepth: define.spread("assay_chain_reorg_depth_blocks", "Blocks undone by each.", DEPTHS),
      failures: define.countBy<{ code: string }>(
        "assay_chain_failures_total",
        "Rounds of following the chain that failed.",
        "code",
      ),
    },

    /** `endpoint` is the place in the list of endpoints, from 0: addresses hold keys. */
    rpc: {
      healthy: define.levelBy<{ endpoint: string }>(
        "assay_rpc_healthy",
        "1 while the endpoint is used, 0 while it rests.",
        "endpoint",
      ),
      head: define.levelBy<{ endpoint: string }>(
        "assay_rpc_head_block",
        "Newest block that the endpoint shows.",
        "endpoint",
      ),
      latency: define.levelBy<{ endpoint: string }>(
        "assay_rpc_latency_seconds",
        "Time of a request, on average of late.",
        "endpoint",
      ),
      failures: define.countBy<{ endpoint: string }>(
        "assay_rpc_failures_total",
        "Requests that failed.",
        "endpoint",
      ),
      disagreements: define.count(
        "assay_rpc_disagreements_total",
        "Questions to which two endpoints gave answers that contradict each other.",
      ),
    },

    duties: {
      due: define.levelBy<{ kind: string }>(
        "assay_duties_due",
        "Duties that the roles find due, running ones included.",
        "kind",
      ),
      running: define.levelBy<{ kind: string }>("assay_duties_running", "Duties that run now.", "kind"),
      done: define.countBy<{ kind: string }>("assay_duties_done_total", "Duties that succeeded.", "kind"),
      failed: define.countBy<{ kind: string; code: string }>(
        "assay_duties_failed_total",
        "Tries of a duty that failed.",
        "kind",
        "code",
      ),
      seconds: define.spreadBy<{ kind: string }>(
        "assay_duty_seconds",
        "Time of each try.",
        LONG_SECONDS,
        "kind",
      ),
      claims: define.level("assay_claims_held", "Requests and results that this process works on."),
    },

    compute: {
      runs: define.countBy<{ interpreter: Interpreter; outcome: string }>(
        "assay_inference_runs_total",
        'Runs that ended; `outcome` is "done" or an error\'s code.',
        "interpreter",
        "outcome",
      ),
      seconds: define.spreadBy<{ interpreter: Interpreter }>(
        "assay_inference_seconds",
        "Time of each run, waiting and loading included.",
        SECONDS,
        "interpreter",
      ),
      waiting: define.levelBy<{ pool: string }>(
        "assay_compute_waiting",
        "Jobs that wait for a process.",
        "pool",
      ),
      children: define.levelBy<{ pool: string }>("assay_compute_children", "Processes that live.", "pool"),
      deaths: define.countBy<{ pool: string; reason: string }>(
        "assay_compute_deaths_total",
        "Processes that ended: crash, time, memory; idle ones that kept too much are replaced.",
        "pool",
        "reason",
      ),
      memory: define.levelBy<{ pool: string }>(
        "assay_compute_memory_bytes",
        "Resident memory of the processes.",
        "pool",
      ),
      held: define.level(
        "assay_compute_held_bytes",
        "What the processes keep between jobs, of the memory budget: sessions, programs, traces.",
      ),
      usable: define.levelBy<{ release: string }>(
        "assay_release_usable",
        "1 if onnxruntime passed the release's self-check on this machine, else 0.",
        "release",
      ),
    },

    verdicts: {
      answers: define.countBy<{ release: string }>(
        "assay_answers_total",
        "Answers that were mined.",
        "release",
      ),
      judgements: define.countBy<{ verdict: "right" | "wrong"; by: "onnxruntime" | "exact" }>(
        "assay_judgements_total",
        "Answers of others that were judged, and by what.",
        "verdict",
        "by",
      ),
    },

    /** Of one identity: processes that share it say the same. */
    disputes: {
      open: define.levelBy<{ role: Side }>("assay_disputes_open", "Our games that are open.", "role"),
      ended: define.countBy<{ role: Side; outcome: "won" | "lost" }>(
        "assay_disputes_ended_total",
        "Our games that ended while this process watched.",
        "role",
        "outcome",
      ),
      tightest: define.level(
        "assay_dispute_clock_seconds",
        "Left on the tightest clock that runs against us; NaN without one.",
      ),
    },

    /** `label` is what the transaction does: fulfill, challenge, reveal. */
    transactions: {
      sent: define.countBy<{ label: string }>(
        "assay_transactions_sent_total",
        "Transactions that were signed and given to the endpoints, replacements not counted.",
        "label",
      ),
      mined: define.countBy<{ label: string }>(
        "assay_transactions_mined_total",
        "Transactions that succeeded.",
        "label",
      ),
      reverted: define.countBy<{ label: string }>(
        "assay_transactions_reverted_total",
        "Transactions that were mined and failed.",
        "label",
      ),
      refused: define.countBy<{ label: string; code: string }>(
        "assay_transactions_refused_total",
        "Calls that failed before they were sent, in simulation for instance.",
        "label",
        "code",
      ),
      bumped: define.countBy<{ label: string }>(
        "assay_transactions_bumped_total",
        "Transactions that were sent again with a higher fee.",
        "label",
      ),
      replaced: define.countBy<{ label: string }>(
        "assay_transactions_replaced_total",
        "Transactions whose nonce another one took.",
        "label",
      ),
      inFlight: define.level("assay_transactions_in_flight", "Broadcast and not mined yet."),
      queued: define.level("assay_transactions_queued", "Waiting to be broadcast."),
      seconds: define.spreadBy<{ label: string }>(
        "assay_transaction_seconds",
        "From the first signature until it is seen in a block.",
        LONG_SECONDS,
        "label",
      ),
      gas: define.countBy<{ label: string }>(
        "assay_gas_used_total",
        "Gas of transactions in blocks, reverted ones too.",
        "label",
      ),
      fees: define.etherCountBy<{ label: string }>(
        "assay_fees_paid_ether_total",
        "Fees of transactions in blocks, reverted ones too.",
        "label",
      ),
    },

    money: {
      stakeFree: define.ether("assay_stake_free_ether", "Our stake in the vault that nothing binds."),
      stakeLocked: define.ether("assay_stake_locked_ether", "Our stake in bonds and deposits."),
      stakeNeeded: define.ether(
        "assay_stake_needed_ether",
        "Free stake that the next answers and challenges need.",
      ),
      stakeForReceipts: define.ether(
        "assay_stake_receipts_free_ether",
        "What nothing binds in the receipts' vault: challenges of receipts are paid from it.",
      ),
      wallet: define.ether("assay_wallet_ether", "Ether of our account, for gas."),
      walletNeeded: define.ether(
        "assay_wallet_needed_ether",
        "What the disputes to be prepared for would cost in gas.",
      ),
      profit: define.etherBy<{ source: string }>(
        "assay_profit_ether",
        "Profit by source: fees and vouchers, won and lost in disputes, gas of what the node sent. Losses are negative.",
        "source",
      ),
      spent: define.etherBy<{ budget: string }>(
        "assay_budget_spent_ether",
        "Spent of each budget: gas of routine work in the last 24 hours.",
        "budget",
      ),
      limit: define.etherBy<{ budget: string }>(
        "assay_budget_limit_ether",
        "The owner's limit of each budget, if there is one.",
        "budget",
      ),
    },

    content: {
      fetchedBytes: define.count("assay_content_fetched_bytes_total", "Bytes received, bad ones included."),
      badPeers: define.countBy<{ reason: string }>(
        "assay_content_bad_peers_total",
        "Times that a peer was given up for a while, by the error's code.",
        "reason",
      ),
      stored: define.level("assay_content_store_bytes", "Size of the content directory."),
      storeLimit: define.level("assay_content_store_limit_bytes", "Its budget."),
    },

    http: {
      seconds: define.spreadBy<{ route: string; status: string }>(
        "assay_http_request_seconds",
        "Time of each response by the route's pattern and the status's class (\"2xx\").",
        SECONDS,
        "route",
        "status",
      ),
      open: define.level("assay_http_connections", "Open connections."),
      sentBytes: define.count(
        "assay_http_sent_bytes_total",
        "Bytes sent through connections that have ended.",
      ),
    },

    database: {
      seconds: define.spreadBy<{ statement: string }>(
        "assay_database_query_seconds",
        "Time of each query that succeeded.",
        SECONDS,
        "statement",
      ),
      failures: define.countBy<{ statement: string }>(
        "assay_database_failures_total",
        "Queries that failed.",
        "statement",
      ),
      bytes: define.level("assay_database_bytes", "Size of the database."),
    },

    alerts: {
      active: define.levelBy<{ code: string; severity: string }>(
        "assay_alerts_active",
        "Alerts that are on.",
        "code",
        "severity",
      ),
      begun: define.countBy<{ code: string }>("assay_alerts_total", "Alerts that went on.", "code"),
      posts: define.countBy<{ outcome: (typeof POST_OUTCOMES)[number] }>(
        "assay_alert_posts_total",
        "Notices for the webhook: delivered, given up, or pushed out of a full queue.",
        "outcome",
      ),
    },
  };

  return {
    ...metrics,
    registry,
    definitions: define.definitions satisfies readonly Definition[],
    /**
     * Calls `take` before each scrape, to set what has a value at any time (queues, sizes, balances).
     * @returns what ends that.
     */
    beforeScrape(take: () => void | Promise<void>): () => void {
      samples.set(take, undefined);
      return () => {
        samples.delete(take);
      };
    },
    /** The text that Prometheus reads. */
    async text(): Promise<MetricsText> {
      await Promise.race([sampleAll(), sleep(SAMPLE_LIMIT_MS, undefined, { ref: false })]);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
