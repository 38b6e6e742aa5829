/** Wires a node: follow the chain, look for duties, perform them. */
import { setTimeout as sleep } from "node:timers/promises";
import { FetchRequest, JsonRpcProvider, Network } from "ethers";
import { checkChain, connect, type Contracts } from "../../sdk/src/contracts.ts";
import type { Deployment } from "../../sdk/src/deployment.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { follow, type FollowItem } from "./chain/follow.ts";
import { createSender } from "./chain/send.ts";
import type { Signer } from "./chain/signer.ts";
import { rpcSource, type BlockRef, type ChainLog } from "./chain/source.ts";
import { createView, eventOf } from "./chain/state.ts";
import { createExactPool } from "./compute/exactPool.ts";
import { createPool } from "./compute/pool.ts";
import { serveContent, type ContentServer } from "./content/server.ts";
import { openStore } from "./content/store.ts";
import { createExecutor } from "./duties.ts";
import { logError, type Logger } from "./log.ts";
import { createReleases } from "./releases/prepare.ts";
import {
  createOperator,
  honestAnswerer,
  honestTracer,
  type OperatorOptions,
  type OperatorParts,
} from "./roles/operator.ts";
import { createFastPaths, type Role, type RoleContext } from "./roles/role.ts";
import { createVerifier, type VerifierOptions } from "./roles/verifier.ts";

export interface NodeOptions {
  readonly deployment: Deployment;
  readonly rpcUrl: string;
  readonly signer: Signer;
  readonly log: Logger;
  readonly operator?: OperatorOptions;
  readonly verifier?: VerifierOptions;
  readonly contentDirectory: string;
  /** Other nodes' base URLs, asked for files that a release's own URIs do not give. */
  readonly mirrors?: readonly string[];
  readonly http?: { readonly host: string; readonly port: number };
  /** Default 1000. */
  readonly pollMs?: number;
  /** Child processes that run onnxruntime, and as many for exact judgements and for traces. Default 2. */
  readonly workers?: number;
  /** For one inference. Default 30000. */
  readonly inferenceLimitMs?: number;
  /** Largest model file that is fetched. Default 256 MiB. */
  readonly maxFileBytes?: number;
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

const RPC_TIMEOUT_MS = 20_000;
const STOP_LIMIT_MS = 3000;
const MIB = 2 ** 20;

/** A provider that never guesses the network and gives up on silent endpoints. */
export function createProvider(rpcUrl: string, chainId: number): JsonRpcProvider {
  const request = new FetchRequest(rpcUrl);
  request.timeout = RPC_TIMEOUT_MS;
  const network = Network.from(chainId);
  return new JsonRpcProvider(request, network, {
    staticNetwork: network,
    batchMaxCount: 1,
    cacheTimeout: -1,
  });
}

/**
 * @param parts How the operator role answers, and what it defends; honest unless tests and demonstrations pass others.
 * @throws {AssayError} WRONG_CHAIN, BAD_DEPLOYMENT, RPC_FAILED.
 */
export async function startNode(
  options: NodeOptions,
  parts: Partial<OperatorParts> = {},
): Promise<RunningNode> {
  const {
    deployment,
    log,
    signer,
    pollMs = 1000,
    maxFileBytes = 256 * MIB,
    maxTraceBytes = 256 * MIB,
  } = options;
  const provider = createProvider(options.rpcUrl, deployment.chainId);
  await checkChain(deployment, provider);
  const contracts: Contracts = connect(deployment, provider);
  const { chainId } = deployment;
  const sender = createSender({ signer, provider, chainId, log, pollMs: Math.min(pollMs, 1000) });
  const { workers = 2 } = options;
  const pool = createPool({ size: workers, timeLimitMs: options.inferenceLimitMs ?? 30_000 });
  const exact = createExactPool({ size: workers });
  const store = openStore(options.contentDirectory);
  const releases = createReleases(
    store,
    { maxBytes: maxFileBytes, timeoutMs: 60_000, maxTraceBytes },
    options.mirrors ?? [],
    exact.describe,
  );
  const context: RoleContext = {
    contracts,
    sender,
    pool,
    exact,
    releases,
    fastPath: createFastPaths(pool, exact, log),
    log,
  };
  const roles: Role[] = [];
  if (options.operator !== undefined)
    roles.push(
      createOperator(context, options.operator, {
        answer: honestAnswerer(context),
        trace: honestTracer(context),
        ...parts,
      }),
    );
  if (options.verifier !== undefined) roles.push(createVerifier(context, options.verifier));

  const view = createView();
  const stopped = new AbortController();
  let head: BlockRef | undefined;
  let scheduled = false;
  let becomeReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (becomeReady = resolve));

  const executor = createExecutor({ log, restMs: 2 * pollMs + 1000, onChange: schedule });

  function schedule(): void {
    if (scheduled || stopped.signal.aborted) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (head === undefined || stopped.signal.aborted) return;
      const now = head;
      executor.offer(roles.flatMap((role) => dutiesOf(role, now)));
    });
  }

  function dutiesOf(role: Role, now: BlockRef): ReturnType<Role["duties"]> {
    try {
      return role.duties(view.state, now);
    } catch (error) {
      logError(log, error, "a role failed to plan");
      return [];
    }
  }

  function takeLog(entry: ChainLog): void {
    try {
      const event = eventOf(deployment, entry);
      if (event === undefined) return;
      log.debug({ event: event.event.name, block: event.blockNumber }, "event");
      view.apply(event);
    } catch (error) {
      logError(log, error, `an event of transaction ${entry.transaction} was passed over`);
    }
  }

  function take(item: FollowItem): void {
    if (item.kind === "reorg") {
      log.warn({ keep: item.keep }, "the chain was reorganised: replaying");
      head = undefined;
      view.rollBack(item.keep);
    } else if (item.kind === "logs") {
      item.logs.forEach(takeLog);
    } else {
      if (head === undefined) becomeReady();
      head = item.block;
      schedule();
    }
  }

  async function run(): Promise<void> {
    const { registry, market, game } = deployment.addresses;
    const source = rpcSource(provider, [registry, market, game]);
    const onError = (error: unknown): void => logError(log, error, "following the chain");
    const items = follow(source, { fromBlock: deployment.block, pollMs, signal: stopped.signal, onError });
    for await (const item of items) take(item);
  }

  const health = (): { ready: boolean; [field: string]: unknown } => ({
    ready: head !== undefined,
    address: sender.address,
    chainId: deployment.chainId,
    block: head?.number ?? null,
    roles: [...(options.operator ? ["operator"] : []), ...(options.verifier ? ["verifier"] : [])],
  });
  let server: ContentServer | undefined;
  if (options.http !== undefined)
    server = await serveContent(store, health, options.http.host, options.http.port);
  const running = run();
  void ready.then(() => log.info({ ...health(), url: server?.url ?? null }, "ready"));

  return {
    address: sender.address,
    url: server?.url,
    ready,
    async stop() {
      stopped.abort();
      await running;
      await sender.close();
      await Promise.all([pool.close(), exact.close()]);
      // What still computes has nothing left to send.
      await Promise.race([executor.idle(), sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
      await server?.close();
      provider.destroy();
    },
  };
}
