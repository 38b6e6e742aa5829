/** Gathers from a running node's parts what its metrics, alerts and health say. Facts are those last known: nothing waits here. */
import { createRequire } from "node:module";
import type { JsonRpcApiProvider } from "ethers";
import { z } from "zod/v4";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { Endpoints } from "../chain/endpoints.ts";
import type { Sender, Trouble } from "../chain/outbox/intent.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState } from "../chain/state.ts";
import { cautiousPrice, type GasPrice } from "../economics/feePerGas.ts";
import { stakeNeeded, type StakeFacts } from "../economics/needed.ts";
import { reserveWei, UNKNOWN_DISPUTE_GAS } from "../economics/reserve.ts";
import type { Health } from "../http/server.ts";
import type { Logger } from "../log.ts";
import type { Releases } from "../releases/prepare.ts";
import { roundsOf } from "../roles/role.ts";
import type { Claims } from "../state/claims.ts";
import type { Facts } from "./alerts.ts";
import { leastFreeBytes } from "./disk.ts";
import { labelOfRelease } from "./labels.ts";
import { createDeepest, createPersistence } from "./lately.ts";
import type { Metrics } from "./metrics.ts";
import { createNotifier } from "./notify.ts";
import { createChainProbe, createTrialProbe } from "./probes.ts";
import { readinessOf } from "./readiness.ts";
import { createEndpointProbe } from "./samples.ts";
import { createSkew } from "./skew.ts";
import { createThrottle, logErrorThrottled } from "./throttle.ts";
import { trialFacts, type TrialFacts } from "./trials.ts";
import { startWatch } from "./watch.ts";
import { createWebhook } from "./webhook.ts";

export interface ObserverOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly contracts: Contracts;
  readonly provider: JsonRpcApiProvider;
  readonly endpoints: Endpoints;
  readonly sender: Sender;
  readonly claims: Claims;
  readonly releases: Pick<Releases, "ready">;
  readonly gasPrice: (head: BlockRef) => GasPrice;
  /** Wei for gas of routine work in 24 hours; undefined: no limit. */
  readonly routineBudgetWei: bigint | undefined;
  readonly roles: readonly string[];
  /** Releases that are answered, and those of which answers are verified; undefined: none. */
  readonly serve: StakeFacts["serve"];
  readonly verify: StakeFacts["verify"];
  /** Blocks that a reorganisation may undo. */
  readonly finality: number;
  /** The directories whose disks must not fill up. */
  readonly directories: readonly string[];
  /** What a wrong receipt that is not challenged lacks in the receipts' vault. */
  readonly shortForReceipts?: (() => Facts["receiptsStake"]) | undefined;
  /** Alerts are posted here. It may hold a token. */
  readonly webhookUrl?: string | undefined;
}

export interface Observer {
  /** A block that was the newest; all events up to it are in the state. */
  head(block: BlockRef, state: ChainState): void;
  reorg(blocks: number): void;
  /** A round of following the chain failed. */
  failed(error: unknown): void;
  /** Whether this machine's onnxruntime computes a release rightly. */
  selfChecked(releaseId: Hex, usable: boolean): void;
  health(): Health;
  stop(): Promise<void>;
}

const { version } = z
  .object({ version: z.string() })
  .parse(createRequire(import.meta.url)("../../../package.json"));

const SAMPLE_MS = 15_000;
/** The database counts as gone after so much silence. */
const DATABASE_SECONDS = 15;
/** Below that, nothing new is stored for long. */
const DISK_BYTES = 2 ** 30;
/** Longer than a duty waits until it is tried again. */
const TROUBLE_SECONDS = 600;
/** Blocks that tell how long one usually takes. */
const ENOUGH_BLOCKS = 10;
const GWEI = 1_000_000_000n;
const HOUR_SECONDS = 3600;

interface Sample {
  readonly wei: bigint;
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  readonly receiptsWei: bigint;
  readonly diskBytes: number;
}

function now(): number {
  return Date.now() / 1000;
}

export function createObserver(options: ObserverOptions): Observer {
  const { log, metrics, contracts, provider, endpoints, sender, claims, roles, finality } = options;
  const { chainId } = contracts.deployment;
  const chainProbe = createChainProbe(metrics);
  const endpointProbe = createEndpointProbe(metrics);
  const trialProbe = createTrialProbe(metrics);
  const skew = createSkew();
  const identity = { account: sender.address, chain: chainId };
  const webhook =
    options.webhookUrl === undefined ? undefined : createWebhook({ url: options.webhookUrl, log, metrics });
  const notifier = createNotifier({ log, metrics, webhook, identity });
  let latest: { readonly block: BlockRef; readonly seenAt: number } | undefined;
  let trials: TrialFacts | undefined;
  let sample: Sample | undefined;
  let first: BlockRef | undefined;
  let disputeGas = UNKNOWN_DISPUTE_GAS;
  let stakeNeededWei: bigint | undefined;
  let stopping = false;
  const deepest = createDeepest(HOUR_SECONDS);
  const contradicts = createPersistence();
  const failedSelfChecks = new Set<Hex>();
  const seldom = { log, throttle: createThrottle({ everyMs: 600_000 }) };

  async function takeSample(): Promise<void> {
    const [account, receipts, wei, diskBytes] = await Promise.all([
      contracts.vault.accountOf(sender.address),
      contracts.receiptsVault.accountOf(sender.address),
      provider.getBalance(sender.address),
      leastFreeBytes(options.directories),
    ]);
    const { freeWei, lockedWei } = account;
    sample = { wei, freeWei, lockedWei, receiptsWei: receipts.freeWei, diskBytes };
  }

  function trySample(): void {
    takeSample().catch((error: unknown) => logErrorThrottled(seldom, error, "sampling the account failed"));
  }

  const sampler = setInterval(trySample, SAMPLE_MS);
  sampler.unref();
  trySample();

  function gasNeeded(): bigint {
    const price = latest === undefined ? { baseFee: GWEI, tip: GWEI } : options.gasPrice(latest.block);
    return reserveWei(BigInt(disputeGas), cautiousPrice(price));
  }

  /** Gas; of the releases that this node has derived itself, for a stranger may claim anything. */
  function longestDispute({ releases }: ChainState): number {
    let longest = 0;
    for (const releaseId of releases.keys())
      longest = Math.max(longest, options.releases.ready(releaseId)?.model.disputeGas ?? 0);
    return longest === 0 ? UNKNOWN_DISPUTE_GAS : longest;
  }

  /** Wei. */
  function neededOfStake(block: BlockRef, state: ChainState): bigint | undefined {
    const { serve, verify, releases, gasPrice } = options;
    return stakeNeeded(state, {
      ...{ me: sender.address, baseFee: gasPrice(block).baseFee, serve, verify },
      isReady: (releaseId) => releases.ready(releaseId) !== undefined,
      roundsOf: roundsOf(options, state),
      processes: claims.processes(),
    });
  }

  /** What kept the outbox from sending, if that was of late. */
  function troubleWith(code: Trouble): string | undefined {
    const { message, atMs } = sender.stats().troubles.get(code) ?? { message: "", atMs: -Infinity };
    return now() - atMs / 1000 < TROUBLE_SECONDS ? message : undefined;
  }

  function canSign(): boolean {
    return troubleWith("SIGNER_FAILED") === undefined;
  }

  /** Usual time between blocks, seconds. */
  function blockSeconds(): number | undefined {
    const blocks = (latest?.block.number ?? 0) - (first?.number ?? 0);
    if (first === undefined || latest === undefined || blocks < ENOUGH_BLOCKS) return undefined;
    return (latest.block.timestamp - first.timestamp) / blocks;
  }

  function databaseAnswers(): boolean {
    return claims.heardAt() > now() - DATABASE_SECONDS;
  }

  function readiness(): ReturnType<typeof readinessOf> {
    return readinessOf({
      now: now(),
      caughtUp: latest !== undefined,
      heardAt: endpoints.status().some(({ healthy }) => healthy) ? now() : latest?.seenAt,
      database: databaseAnswers(),
      key: canSign(),
      stopping,
    });
  }

  function facts(): Facts {
    const states = endpoints.status();
    const healthy = states.filter((state) => state.healthy).length;
    const depth = deepest.depth(now());
    return {
      now: now(),
      head: latest && { ...latest.block, seenAt: latest.seenAt },
      endpoints: { healthy, total: states.length, disagree: contradicts(endpoints.disagreements(), now()) },
      blockSeconds: blockSeconds(),
      skewSeconds: skew.seconds(),
      database: databaseAnswers(),
      signer: canSign(),
      refusals: { wallet: troubleWith("INSUFFICIENT_FUNDS"), budget: troubleWith("BUDGET_EXHAUSTED") },
      failedSelfChecks: [...failedSelfChecks],
      receiptsStake: options.shortForReceipts?.(),
      ...(depth === undefined ? {} : { reorg: { depth, allowed: finality } }),
      ...(latest === undefined ? {} : { chainTime: latest.block.timestamp }),
      ...(trials === undefined ? {} : { moves: trials.moves, losing: trials.losing }),
      ...(sample === undefined
        ? {}
        : {
            ...(stakeNeededWei === undefined
              ? {}
              : { stake: { freeWei: sample.freeWei, neededWei: stakeNeededWei } }),
            wallet: { wei: sample.wei, neededWei: gasNeeded() },
            disk: { freeBytes: sample.diskBytes, neededBytes: DISK_BYTES },
          }),
    };
  }

  metrics.node.info.set({ version, role: roles.join("+"), chain: String(chainId) }, 1);
  metrics.beforeScrape(() => {
    endpointProbe(endpoints.status(), endpoints.disagreements());
    const { inFlight, queued, routineSpentWei } = sender.stats();
    metrics.transactions.inFlight.set(inFlight);
    metrics.transactions.queued.set(queued);
    metrics.money.spent.setWei({ budget: "gas" }, routineSpentWei);
    if (options.routineBudgetWei !== undefined)
      metrics.money.limit.setWei({ budget: "gas" }, options.routineBudgetWei);
    metrics.duties.claims.set(claims.held());
    metrics.node.ready.set(readiness().ready ? 1 : 0);
    if (stakeNeededWei !== undefined) metrics.money.stakeNeeded.setWei(stakeNeededWei);
    if (sample === undefined) return;
    metrics.money.stakeFree.setWei(sample.freeWei);
    metrics.money.stakeLocked.setWei(sample.lockedWei);
    metrics.money.stakeForReceipts.setWei(sample.receiptsWei);
    metrics.money.wallet.setWei(sample.wei);
    metrics.money.walletNeeded.setWei(gasNeeded());
    metrics.node.diskFree.set(sample.diskBytes);
  });
  const watch = startWatch({ facts, notifier, log });

  return {
    head(block, state) {
      latest = { block, seenAt: now() };
      first ??= block;
      disputeGas = longestDispute(state);
      stakeNeededWei = neededOfStake(block, state);
      chainProbe.head(block);
      skew.saw(block.timestamp, now());
      trials = trialFacts(state, sender.address, block.timestamp);
      trialProbe(trials);
    },
    reorg(blocks) {
      chainProbe.reorg(blocks);
      deepest.saw(blocks, now());
    },
    failed(error) {
      chainProbe.failed(error);
      // What was final is gone: nothing is undone, and the owner hears of it as long as it is so.
      if (error instanceof AssayError && error.code === "REORG_TOO_DEEP") deepest.saw(finality + 1, now());
    },
    selfChecked(releaseId, usable) {
      metrics.compute.usable.set({ release: labelOfRelease(releaseId) }, usable ? 1 : 0);
      if (usable) failedSelfChecks.delete(releaseId);
      else failedSelfChecks.add(releaseId);
    },
    health: () => ({
      ...readiness(),
      address: sender.address,
      chainId,
      block: latest?.block.number ?? null,
      roles: [...roles],
    }),
    async stop() {
      stopping = true;
      clearInterval(sampler);
      watch.stop();
      await webhook?.close();
    },
  };
}
