/** Gathers from a running node's parts what its metrics, alerts and health say. Facts are those last known: nothing waits here. */
import { createRequire } from "node:module";
import type { JsonRpcApiProvider } from "ethers";
import { z } from "zod/v4";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import type { Endpoints } from "../chain/endpoints.ts";
import type { Sender } from "../chain/outbox/intent.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState } from "../chain/state.ts";
import type { Health } from "../http/server.ts";
import { logError, type Logger } from "../log.ts";
import type { Claims } from "../state/claims.ts";
import type { Facts } from "./alerts.ts";
import { freeBytes } from "./disk.ts";
import type { Metrics } from "./metrics.ts";
import { createNotifier } from "./notify.ts";
import { createChainProbe, createEndpointProbe, createTrialProbe } from "./probes.ts";
import { readinessOf } from "./readiness.ts";
import { createSkew } from "./skew.ts";
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
  readonly roles: readonly string[];
  /** Blocks that a reorganisation may undo. */
  readonly finality: number;
  /** The directory whose disk must not fill up. */
  readonly directory: string;
  /** Alerts are posted here. It may hold a token. */
  readonly webhookUrl?: string | undefined;
}

export interface Observer {
  /** A block that was the newest; all events up to it are in the state. */
  head(block: BlockRef, state: ChainState): void;
  reorg(blocks: number): void;
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
/** A node is prepared for so many disputes at once, of this much gas each. */
const DISPUTES = 3n;
const DISPUTE_GAS = 2_000_000n;
const GWEI = 1_000_000_000n;
const HOUR_SECONDS = 3600;

interface Sample {
  readonly wei: bigint;
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  readonly neededWei: bigint;
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
  let deepest: { readonly depth: number; readonly at: number } | undefined;
  let stopping = false;

  async function takeSample(): Promise<void> {
    const [account, wei, parameters, diskBytes] = await Promise.all([
      contracts.vault.accountOf(sender.address),
      provider.getBalance(sender.address),
      contracts.market.parameters(),
      freeBytes(options.directory),
    ]);
    // A verifier can always begin one more game; what answers need, each request says.
    const neededWei = roles.includes("verifier") ? parameters.challengerBondGwei * GWEI : 1n;
    sample = { wei, freeWei: account.freeWei, lockedWei: account.lockedWei, neededWei, diskBytes };
  }

  const sampler = setInterval(() => {
    takeSample().catch((error: unknown) => logError(log, error, "sampling the account failed"));
  }, SAMPLE_MS);
  sampler.unref();
  takeSample().catch((error: unknown) => logError(log, error, "sampling the account failed"));

  function gasNeeded(): bigint {
    return DISPUTES * DISPUTE_GAS * (2n * (latest?.block.baseFee ?? GWEI) + GWEI);
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
      key: true,
      stopping,
    });
  }

  function facts(): Facts {
    const states = endpoints.status();
    const healthy = states.filter((state) => state.healthy).length;
    const recent = deepest !== undefined && deepest.at > now() - HOUR_SECONDS;
    return {
      now: now(),
      head: latest && { ...latest.block, seenAt: latest.seenAt },
      endpoints: { healthy, total: states.length, disagree: false },
      skewSeconds: skew.seconds(),
      database: databaseAnswers(),
      ...(recent ? { reorg: { depth: deepest?.depth ?? 0, allowed: finality } } : {}),
      ...(latest === undefined ? {} : { chainTime: latest.block.timestamp }),
      ...(trials === undefined ? {} : { moves: trials.moves, losing: trials.losing }),
      ...(sample === undefined
        ? {}
        : {
            stake: { freeWei: sample.freeWei, neededWei: sample.neededWei },
            wallet: { wei: sample.wei, neededWei: gasNeeded() },
            disk: { freeBytes: sample.diskBytes, neededBytes: DISK_BYTES },
          }),
    };
  }

  metrics.node.info.set({ version, role: roles.join("+"), chain: String(chainId) }, 1);
  metrics.beforeScrape(() => {
    endpointProbe(endpoints.status());
    const { inFlight, queued, spentWei } = sender.stats();
    metrics.transactions.inFlight.set(inFlight);
    metrics.transactions.queued.set(queued);
    metrics.money.spent.setWei({ budget: "gas" }, spentWei);
    metrics.node.ready.set(readiness().ready ? 1 : 0);
    if (sample === undefined) return;
    metrics.money.stakeFree.setWei(sample.freeWei);
    metrics.money.stakeLocked.setWei(sample.lockedWei);
    metrics.money.stakeNeeded.setWei(sample.neededWei);
    metrics.money.wallet.setWei(sample.wei);
    metrics.money.walletNeeded.setWei(gasNeeded());
    metrics.node.diskFree.set(sample.diskBytes);
  });
  const watch = startWatch({ facts, notifier, log });

  return {
    head(block, state) {
      latest = { block, seenAt: now() };
      chainProbe.head(block);
      skew.saw(block.timestamp, now());
      trials = trialFacts(state, sender.address, block.timestamp);
      trialProbe(trials);
    },
    reorg(blocks) {
      chainProbe.reorg(blocks);
      deepest = { depth: Math.max(blocks, deepest?.depth ?? 0), at: now() };
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
