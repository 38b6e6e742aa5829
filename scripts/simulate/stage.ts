/** Everything that stands before the play begins: contracts, accounts, models, endpoints, peers, processes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FetchRequest, formatEther, JsonRpcProvider } from "ethers";
import { network } from "hardhat";
import { connect, type Contracts } from "../../sdk/src/contracts.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { assay } from "../demo/cast.ts";
import { deployAssay, describeDeployment, type DeployedContracts } from "../deployment.ts";
import { networkParameters } from "../networks.ts";
import { createAccount, type Account } from "./accounts.ts";
import { doorsOpen, findDoors, fundDoor, sellerConfig, type Doors } from "./door/stage.ts";
import type { FaultKind, Schedule } from "./faults.ts";
import type { LiarSettings } from "./liars.ts";
import { modelFile, TOLERANCE } from "./models.ts";
import type { HostilePeers } from "./peers.ts";
import { startProcess, type Supervised } from "./processes.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { stream } from "./random.ts";
import {
  CLOCK_SECONDS,
  CRANKS,
  HONEST,
  LIARS,
  MIN_FEE,
  MODELS,
  STAKE,
  WINDOW_SECONDS,
  type HonestName,
  type ModelName,
  type StakedName,
} from "./rules.ts";

export interface StageOptions {
  readonly seed: number;
  readonly schedule: Schedule;
  readonly rpcUrl: string;
  readonly directory: string;
  readonly peers: HostilePeers;
  readonly elapsed: () => number;
  readonly onFault: (kind: FaultKind, method: string) => void;
}

export interface Stage {
  readonly provider: JsonRpcProvider;
  readonly deployed: DeployedContracts;
  readonly contracts: Contracts;
  readonly accounts: Readonly<Record<StakedName | "requester" | "client", Account>>;
  readonly releases: Readonly<Record<ModelName, Hex>>;
  /** Where answers are sold, and receipts judged, over HTTP. */
  readonly doors: Doors;
  readonly nodes: ReadonlyMap<HonestName, Supervised>;
  readonly liars: Supervised;
  readonly proxies: readonly Proxy[];
}

/** @param timeoutMs For one call. Default: as ethers has it, minutes. */
export function directProvider(rpcUrl: string, timeoutMs?: number): JsonRpcProvider {
  const request = new FetchRequest(rpcUrl);
  if (timeoutMs !== undefined) request.timeout = timeoutMs;
  const provider = new JsonRpcProvider(request, 31337, {
    staticNetwork: true,
    cacheTimeout: -1,
    batchMaxCount: 1,
  });
  provider.pollingInterval = 250;
  return provider;
}

async function deploy(rpcUrl: string): Promise<DeployedContracts> {
  const connection = await network.create({ network: "local", override: { url: rpcUrl } });
  const { parameters } = networkParameters(31337n);
  const clocks = { operatorClock: CLOCK_SECONDS, challengerClock: CLOCK_SECONDS, minWindow: WINDOW_SECONDS };
  return deployAssay(connection, { network: { floorSeconds: 5, parameters: { ...parameters, ...clocks } } });
}

async function record<K extends string, V>(
  keys: readonly K[],
  make: (key: K) => Promise<V>,
): Promise<Record<K, V>> {
  const entries: [K, V][] = [];
  for (const key of keys) entries.push([key, await make(key)]);
  return Object.fromEntries(entries) as Record<K, V>;
}

/** @throws Error if anything does not stand within minutes. What runs by then is in `started`, to be stopped. */
export async function setStage(
  options: StageOptions,
  started: { readonly processes: Supervised[]; readonly proxies: Proxy[] },
): Promise<Stage> {
  const { seed, schedule, rpcUrl, directory, peers, elapsed, onFault } = options;
  const provider = directProvider(rpcUrl);
  const deployed = await deploy(rpcUrl);
  const deployment = await describeDeployment(deployed);
  const deploymentFile = join(directory, "deployment.json");
  writeFileSync(deploymentFile, JSON.stringify(deployment));

  const staked = [...HONEST, ...LIARS, ...CRANKS] as const;
  const accounts = await record([...staked, "requester", "publisher", "client"] as const, (name) =>
    createAccount(name, directory, provider),
  );
  const deposits = staked.map((name) =>
    deployed.vault.connect(accounts[name].wallet).deposit({ value: STAKE }),
  );
  for (const deposit of deposits) await (await deposit).wait();

  await fundDoor(deployed, accounts);
  const doors = await findDoors();

  // One operator serves the models' files. The chain names hostile places first.
  const contentOf = (name: StakedName): string => join(accounts[name].directory, "content");
  const { keystore, passwordFile, wallet } = accounts.publisher;
  const releases = await record(MODELS, async (name) => {
    const file = join(directory, `${name}.onnx`);
    writeFileSync(file, modelFile(name));
    const flags = ["--rpc", rpcUrl, "--deployment", deploymentFile, "--keystore", keystore];
    flags.push(
      "--password-file",
      passwordFile,
      "--content",
      contentOf("operator-0"),
      "--url",
      `http://${doors["operator-0"]}`,
      "--json",
    );
    const printed = await assay("model", "publish", file, ...flags, "--royalty", "500", ...TOLERANCE[name]);
    const { releaseId } = JSON.parse(printed) as { releaseId: Hex };
    for (const behaviour of ["wrong", "endless"] as const)
      await (await deployed.registry.connect(wallet).announceContent(releaseId, peers.url(behaviour))).wait();
    return releaseId;
  });

  const startNode = async (name: HonestName): Promise<Supervised> => {
    const urls: string[] = [];
    for (const [i, forecast] of schedule.weather[name].entries()) {
      const rng = stream(seed, `calls ${name} ${i}`);
      const proxy = await startProxy({ target: rpcUrl, forecast, rng, elapsed, onFault });
      started.proxies.push(proxy);
      urls.push(proxy.url);
    }
    const { directory: home, keystore: key, passwordFile: password } = accounts[name];
    const isOperator = name.startsWith("operator");
    const config = {
      rpc: urls,
      deployment: deploymentFile,
      keystore: key,
      passwordFile: password,
      data: join(home, "data"),
      content: contentOf(name),
      role: isOperator ? "operator" : "verifier",
      http: doors[name],
      ...(isOperator ? sellerConfig(releases) : {}),
      mirror: peers.urls,
      minFee: formatEther(MIN_FEE),
      maxFileMb: 4,
      allowPrivateContent: true,
      pollMs: 500,
      workers: 1,
    };
    const file = join(home, "config.json");
    writeFileSync(file, JSON.stringify(config, undefined, 2));
    const node = startProcess({
      name,
      script: "verifier/src/cli.ts",
      args: ["node", "--config", file],
      directory: home,
    });
    started.processes.push(node);
    return node;
  };
  const nodes = new Map<HonestName, Supervised>();
  for (const name of HONEST) nodes.set(name, await startNode(name));

  const liarHome = join(directory, "liars");
  mkdirSync(liarHome, { recursive: true });
  const settings: LiarSettings = {
    rpcUrl,
    deployment: deploymentFile,
    seed,
    releases: Object.values(releases),
    liars: LIARS.map((name) => {
      const { keystore: key, passwordFile: password } = accounts[name];
      // What a liar serves it has at hand.
      const state = join(accounts[name].directory, "state");
      const places = { content: contentOf("operator-0"), state, door: doors[name] };
      return { name, keystore: key, passwordFile: password, ...places };
    }),
  };
  const settingsFile = join(liarHome, "settings.json");
  writeFileSync(settingsFile, JSON.stringify(settings));
  const script = "scripts/simulate/liars.ts";
  const liars = startProcess({ name: "liars", script, args: [settingsFile], directory: liarHome });
  started.processes.push(liars);

  for (const node of nodes.values()) await node.saw('"msg":"ready"');
  await liars.saw("all liars are ready");
  await doorsOpen(doors);
  const contracts = connect(deployment, provider);
  const { proxies } = started;
  return { provider, deployed, contracts, accounts, releases, doors, nodes, liars, proxies };
}
