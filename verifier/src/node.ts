/** Wires a node: follow the chain, look for duties, perform them. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkChain, connect, type Contracts } from "../../sdk/src/contracts.ts";
import type { Deployment } from "../../sdk/src/deployment.ts";
import { placeIn } from "../../sdk/src/receipts.ts";
import type { Hex, Node } from "../../sdk/src/structs.ts";
import { createChainReads } from "./api/chainReads.ts";
import { createLive } from "./api/live.ts";
import { apiRoutes } from "./api/routes.ts";
import { createEndpoints } from "./chain/endpoints.ts";
import { createMirror } from "./chain/mirror.ts";
import { createAgreedProvider, createProvider } from "./chain/provider.ts";
import type { FeePolicy } from "./chain/outbox/fees.ts";
import { createOutbox } from "./chain/outbox/outbox.ts";
import { databaseJournal } from "./chain/outbox/table.ts";
import { agreedReadings } from "./chain/outbox/readings.ts";
import { agreedReceipts } from "./chain/outbox/witness.ts";
import type { Signer } from "./chain/signer.ts";
import { rpcSource, type BlockRef } from "./chain/source.ts";
import { followedAddresses } from "./chain/state.ts";
import { createBatcher, RUNS } from "./compute/batcher.ts";
import { createBatches } from "./compute/batches.ts";
import { createCompute, type ComputeOptions } from "./compute/compute.ts";
import { createFastPaths, type FastPath } from "./compute/selfCheck.ts";
import { openContent, type ContentOptions } from "./content/content.ts";
import { fileRoutes } from "./content/files.ts";
import { gatewayRoutes } from "./content/gateway.ts";
import { fetchReveal, revealRoutes } from "./content/reveals.ts";
import { createExecutor, PLACES_PER_WORKER } from "./duties.ts";
import { agreedTip, createGasPrice } from "./economics/feePerGas.ts";
import { createPromises } from "./economics/promises.ts";
import { createReading, type Reading } from "./economics/reading.ts";
import { createRunTimes } from "./economics/runTimes.ts";
import { explorerPages } from "./http/pages.ts";
import { serveHttp, type HttpServer } from "./http/server.ts";
import { logError, type Logger } from "./log.ts";
import { directoriesOf } from "./observe/disk.ts";
import { measureHttp, metricsRoute } from "./observe/http.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createObserver } from "./observe/observer.ts";
import {
  contentProbe,
  createDutyProbe,
  createOutboxProbe,
  createRoleProbe,
  measureCompute,
  queryProbe,
} from "./observe/probes.ts";
import { createProfitProbe } from "./observe/profit.ts";
import { sampleParts } from "./observe/samples.ts";
import { createThrottle, logErrorThrottled } from "./observe/throttle.ts";
import { createReleases } from "./releases/prepare.ts";
import { createAnnouncer, offeredReleases } from "./roles/announcer.ts";
import { createAuditor, type Auditor } from "./roles/auditor.ts";
import { createHearing } from "./roles/hearing.ts";
import { createJudge } from "./roles/judgement.ts";
import {
  createOperator,
  honestAnswerer,
  honestTracer,
  type OperatorOptions,
  type OperatorParts,
} from "./roles/operator.ts";
import { createPreparer } from "./roles/preparer.ts";
import type { Role, RoleContext } from "./roles/role.ts";
import { createVerifier, type VerifierOptions } from "./roles/verifier.ts";
import { auditRoutes } from "./serve/auditRoutes.ts";
import { createDigests } from "./serve/digests.ts";
import { openDoor, type ReceiptOptions } from "./serve/door.ts";
import { MAX_ORDER_SECONDS } from "./serve/service.ts";
import { openAudits } from "./state/audits.ts";
import { openClaims } from "./state/claims.ts";
import { openDatabase, type DatabaseAddress } from "./state/database.ts";
import { openFindings } from "./state/findings.ts";
import { openLogs } from "./state/logs.ts";
import { createProfit } from "./state/profit.ts";
import { openReceipts, openSpooledReceipts } from "./state/receipts.ts";

export interface GasOptions {
  readonly fees?: Partial<FeePolicy>;
  /** Wei for gas of routine work in 24 hours. Default: no limit. */
  readonly routineBudgetWei?: bigint;
}

export interface NodeOptions {
  readonly deployment: Deployment;
  /** Endpoints of one chain, http(s) or ws(s). */
  readonly rpcUrls: readonly string[];
  /** Endpoints that must agree on what decides money, whatever happens. Default: as of {@link createEndpoints}. */
  readonly quorum?: number | undefined;
  readonly signer: Signer;
  readonly log: Logger;
  readonly operator?: OperatorOptions;
  readonly verifier?: VerifierOptions;
  /** Answers over HTTP, for signed receipts. */
  readonly receipts?: ReceiptOptions | undefined;
  readonly gas?: GasOptions;
  /** Base URLs at which others reach this node; absent: the directory is left as it is. */
  readonly announce?: { readonly endpoints: readonly string[] };
  readonly content: ContentOptions;
  readonly database: DatabaseAddress;
  readonly http?: { readonly host: string; readonly port: number };
  /** Default 1000. */
  readonly pollMs?: number;
  /** A block this deep is never undone; at least 1. Default 64. */
  readonly finality?: number | undefined;
  readonly compute?: ComputeOptions;
  /** Alerts are posted here; it may hold a token. */
  readonly alertWebhook?: string | undefined;
  /** Of a release's run, all tensors together. Default 256 MiB. */
  readonly maxTraceBytes?: number;
}

export interface RunningNode {
  readonly address: Hex;
  /** Of the HTTP server, if there is one. */
  readonly url: string | undefined;
  /** Resolves once all events up to the chain's head have been read. */
  readonly ready: Promise<void>;
  /** Finishes the transactions in flight, then ends everything. */
  stop(): Promise<void>;
}

const STOP_LIMIT_MS = 3000;
const MIB = 2 ** 20;

/**
 * @param parts How the operator role answers, and what it defends; honest unless tests and demonstrations pass others.
 * @throws {AssayError} WRONG_CHAIN, BAD_DEPLOYMENT, RPC_FAILED; BAD_CONFIG if the quorum is larger than the number of endpoints.
 */
export async function startNode(
  options: NodeOptions,
  parts: Partial<OperatorParts> = {},
): Promise<RunningNode> {
  const { deployment, log, signer, pollMs = 1000, maxTraceBytes = 256 * MIB } = options;
  const { chainId } = deployment;
  const roleNames = [
    ...(options.operator ? (["operator"] as const) : []),
    ...(options.verifier ? (["verifier"] as const) : []),
  ];
  const served = options.operator?.serve ?? "all";
  const metrics = createMetrics({ releases: served === "all" ? [] : served });
  const endpoints = createEndpoints({ urls: options.rpcUrls, quorum: options.quorum, chainId, log });
  const provider = createProvider(endpoints);
  await checkChain(deployment, provider);
  // What stake there is to use or to win, and whose turn it is: one endpoint's lie must not keep us from what is due.
  const contracts: Contracts = connect(deployment, createAgreedProvider(endpoints));
  const { finality = 64, compute: { workers = 2 } = {} } = options;
  const runTimes = createRunTimes();
  const compute = measureCompute(
    metrics,
    createCompute(options.compute, (root, seconds) => runTimes.observe(root, seconds)),
  );
  const { pool, exact } = compute;
  const batches = createBatches(compute, log);
  const content = await openContent({
    ...options.content,
    ...contentProbe(metrics),
    peers: announcedEndpoints,
  });
  const releases = createReleases(content, { maxTraceBytes }, exact.describe);
  const database = await openDatabase(options.database, { onQuery: queryProbe(metrics) });
  const claims = await openClaims(database, log);
  const findings = openFindings(database);
  const given =
    "directory" in options.database
      ? await openSpooledReceipts(
          database,
          join(options.database.directory, "receipts"),
          MAX_ORDER_SECONDS,
          log,
        )
      : openReceipts(database);
  const handed = openAudits(database);
  const sender = createOutbox({
    ...options.gas,
    journal: await databaseJournal(database, signer.address),
    signer,
    chainId,
    provider,
    broadcast: async (raw) => {
      await endpoints.broadcast(raw);
    },
    witness: agreedReceipts(endpoints, provider),
    readings: agreedReadings(endpoints, signer.address),
    log,
    pollMs: Math.min(pollMs, 1000),
    finality,
    probe: createOutboxProbe(metrics),
  });
  const gasPrice = createGasPrice(() => agreedTip(endpoints));
  const selfChecks = new Map<Hex, FastPath["kind"]>();
  const reads = createChainReads(deployment, provider);
  const live = createLive();
  const freeIn = (vault: Contracts["vault"]): Reading<bigint> =>
    createReading(
      async (blockTag) => (await vault.accountOf(sender.address, { blockTag })).freeWei,
      schedule,
    );
  const context: RoleContext = {
    contracts,
    sender,
    pool,
    exact,
    batcher: createBatcher({
      pool,
      runs: RUNS * workers,
      sizesOf: (release) => batches.sizesOf(release),
    }),
    releases,
    fastPaths: createFastPaths(compute, log, (releaseId, { kind }) => {
      selfChecks.set(releaseId, kind);
      observer.selfChecked(releaseId, kind !== "unusable");
    }),
    findings,
    askReveal: (bases, resultId, node) => {
      const sources = bases.map((base) => ({ base, trusted: false }));
      return fetchReveal(content.client, sources, resultId, node);
    },
    heard: createHearing(
      async (digest, { requestHash, outputHash }) => {
        const own = await given.find(requestHash);
        return own?.receipt.outputHash === outputHash ? own : handed.evidence(digest);
      },
      log,
      schedule,
    ),
    runTimes,
    freeStake: freeIn(contracts.vault),
    processes: () => claims.processes(),
    promised: { answers: createPromises(), challenges: createPromises() },
    freeForReceipts: freeIn(contracts.receiptsVault),
    gasPrice,
    workers,
    probe: createRoleProbe(metrics),
    log,
  };
  const wanted = [
    ...(options.operator === undefined ? [] : [options.operator.serve, offeredReleases(options.operator)]),
    ...(options.verifier === undefined ? [] : [options.verifier.verify ?? "all"]),
    ...(options.receipts === undefined ? [] : [options.receipts.releases]),
  ];
  const roles: Role[] = [createPreparer(context, wanted)];
  if (options.operator !== undefined)
    roles.push(
      createOperator(context, options.operator, {
        answer: honestAnswerer(context),
        trace: honestTracer(context),
        ...parts,
      }),
    );
  const place = placeIn(deployment);
  const digests = createDigests(place);
  let auditor: Auditor | undefined;
  if (options.verifier !== undefined) {
    roles.push(createVerifier(context, options.verifier));
    const { challenge = "paying", bankroll } = options.verifier;
    const judge = createJudge(context, options.verifier);
    auditor = createAuditor(context, {
      ...{ audits: handed, judge, terms: { challenge, bankroll } },
      stateOf: () => ({ state: mirror.state, head: mirror.head }),
      onChange: schedule,
      onDone: (digest) => executor.retire([digest]),
    });
    roles.push(auditor);
  }
  const door =
    options.receipts &&
    openDoor(context, options.receipts, {
      ...{ place, digests, store: given, answer: parts.receipt },
      state: () => mirror.state,
      isRead: () => mirror.head !== undefined,
    });
  if (door !== undefined) roles.push(...door.roles);
  if (options.announce !== undefined)
    roles.push(createAnnouncer(context, { ...options.announce, terms: options.operator }));

  const logs = await openLogs(database, {
    deployment: `${deployment.chainId}:${deployment.addresses.market}`,
    fromBlock: deployment.block,
    depth: finality + 2,
  });
  metrics.beforeScrape(createProfitProbe(metrics, createProfit(database, logs, deployment, sender.address)));
  const stopped = new AbortController();
  const observer = createObserver({
    ...{ log, metrics, contracts, provider, endpoints, sender, claims, releases, gasPrice, finality },
    routineBudgetWei: options.gas?.routineBudgetWei,
    shortForReceipts: () => auditor?.short(),
    roles: roleNames,
    serve: options.operator?.serve,
    verify: options.verifier && (options.verifier.verify ?? "all"),
    directories: directoriesOf(options),
    webhookUrl: options.alertWebhook,
  });
  sampleParts(metrics, { compute, store: content.store, database });
  const seldom = { log, throttle: createThrottle() };
  let scheduled = false;
  let becomeReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (becomeReady = resolve));
  const executor = createExecutor({
    log,
    claims,
    restMs: 2 * pollMs + 1000,
    places: PLACES_PER_WORKER * workers,
    patientPlaces: workers,
    probe: createDutyProbe(metrics),
    onChange: schedule,
  });
  const mirror = createMirror({
    deployment,
    source: rpcSource(endpoints, followedAddresses(deployment)),
    store: logs,
    account: sender.address,
    log,
    finality,
    pollMs,
    signal: stopped.signal,
    onHead(head) {
      observer.head(head, mirror.state);
      claims.saw(head.number);
      reads.head();
      live.head(head);
      becomeReady();
      schedule();
    },
    onError(error) {
      logErrorThrottled(seldom, error, "following the chain failed");
      observer.failed(error);
    },
    onEvent: ({ event }) => metrics.chain.events.inc({ event: event.name }),
    onReorg: (blocks) => observer.reorg(blocks),
    onForgotten(requestIds) {
      executor.retire(requestIds);
      findings.forget(requestIds).catch((error: unknown) => logError(log, error, "forgetting answers"));
    },
  });

  function schedule(): void {
    if (scheduled || stopped.signal.aborted) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const { head } = mirror;
      if (head === undefined || stopped.signal.aborted) return;
      executor.offer(roles.flatMap((role) => dutiesOf(role, head)));
    });
  }

  function dutiesOf(role: Role, head: BlockRef): ReturnType<Role["duties"]> {
    try {
      return role.duties(mirror.state, head);
    } catch (error) {
      logErrorThrottled(seldom, error, "a role failed to plan");
      return [];
    }
  }

  /** Where operators say that they can be reached. */
  function announcedEndpoints(): readonly string[] {
    return [...mirror.state.operators.values()].flatMap((operator) => operator.endpoints);
  }

  async function reveal(resultId: Hex, node: Node): Promise<Uint8Array | undefined> {
    for (const role of roles) {
      const children = await role.reveal?.(resultId, node);
      if (children !== undefined) return children;
    }
    return undefined;
  }

  let server: HttpServer | undefined;
  if (options.http !== undefined) {
    const pages = explorerPages();
    if (pages === undefined) log.info("no explorer is served: `npm run explorer` builds it");
    const routes = [
      measureHttp(metrics),
      metricsRoute(metrics),
      fileRoutes(content.store),
      gatewayRoutes(content.store),
      revealRoutes({ reveal }),
      apiRoutes({
        ...{ deployment, finality, logs, reads, releases },
        account: sender.address,
        roles: roleNames,
        known: () => mirror.state.releases.values(),
        head: () => mirror.head,
        selfCheckOf: (releaseId) => selfChecks.get(releaseId),
        outline: ({ path, model }) => exact.outline(path, model.bindings),
      }),
      live.routes,
      ...(door?.routes ?? []),
      ...(auditor === undefined ? [] : [auditRoutes({ auditor, place, digests })]),
      ...(pages === undefined ? [] : [pages]),
    ];
    server = await serveHttp({ ...options.http, log, health: () => observer.health(), routes });
  }
  const running = mirror.run();
  void ready.then(() => log.info({ ...observer.health(), url: server?.url ?? null }, "ready"));

  return {
    address: sender.address,
    url: server?.url,
    ready,
    async stop() {
      stopped.abort();
      await observer.stop();
      await running;
      await sender.close();
      await compute.close();
      // What still computes has nothing left to send.
      await Promise.race([executor.idle(), sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
      live.close();
      await server?.close();
      content.close();
      await claims.close();
      await given.close();
      await database.destroy();
      provider.destroy();
      endpoints.close();
    },
  };
}
