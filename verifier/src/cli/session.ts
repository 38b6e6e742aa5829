/** What most commands need: settings, chain, key. */
import type { Command } from "commander";
import { parseEther, type JsonRpcProvider } from "ethers";
import { checkChain, connect, type Contracts } from "../../../sdk/src/contracts.ts";
import { readDeployment, type Deployment } from "../../../sdk/src/deployment.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { address as addressSchema, bytes32, type Hex } from "../../../sdk/src/structs.ts";
import { createSender, type Sender } from "../chain/send.ts";
import { createLogger, type Logger } from "../log.ts";
import { createProvider } from "../node.ts";
import { deploymentOn } from "../setup/deployments.ts";
import { askEndpoint, hostOf } from "../setup/endpoint.ts";
import { DEFAULTS, loadConfig, type Config } from "./config.ts";
import { openSigner, signerAddress } from "./signer.ts";

export function another(url: string, known: readonly string[] = []): readonly string[] {
  return [...known, url];
}

/** Adds the options that every command on a chain has. */
export function withChain(command: Command, key: boolean): Command {
  command
    .optionsGroup("Settings (also in the configuration file):")
    .option("--config <file>", "JSON file with settings (default ~/.assay/config.json, or $ASSAY_CONFIG)")
    .option("--rpc <url>", `JSON-RPC endpoint; may be repeated (default ${DEFAULTS.rpc.join()})`, another)
    .option("--deployment <file>", "addresses of the contracts (default: by chain, of deployments/*.json)")
    .option("--log-level <level>", "silent, error, warn, info, debug or trace");
  if (key)
    command
      .option("--keystore <file>", "encrypted key (make one with `assay key new`)")
      .option("--password-file <file>", "file with its password (default: asked for at a terminal)");
  return command.optionsGroup("Options:");
}

/** Adds the options of commands that fetch model files. */
export function withContent(command: Command): Command {
  return command
    .optionsGroup("Settings (also in the configuration file):")
    .option("--content <dir>", `files by their hash (default ${DEFAULTS.content})`)
    .option("--mirror <url>", "another node to fetch model files from; may be repeated", another)
    .optionsGroup("Options:");
}

export function configOf(command: Command): Config {
  const { config, ...flags }: Record<string, unknown> = command.opts();
  return loadConfig(typeof config === "string" ? config : undefined, flags);
}

/** A command's own log goes to stderr, beside its output. */
export function commandLog({ logLevel }: Config): Logger {
  return createLogger(logLevel ?? "warn", 2, process.stderr.isTTY);
}

export interface Session {
  readonly config: Config;
  /** The endpoint in use: the first of the settings that serves the deployment's chain. */
  readonly rpcUrl: string;
  readonly provider: JsonRpcProvider;
  readonly contracts: Contracts;
  readonly log: Logger;
}

/** The configured deployment, or the only one of the chain that an endpoint serves. */
export async function deploymentOf(config: Config): Promise<Deployment> {
  if (config.deployment !== undefined) return readDeployment(config.deployment);
  const urls = config.rpc ?? DEFAULTS.rpc;
  const { chainId } = await firstOf(urls, askEndpoint);
  return deploymentOn(chainId).deployment;
}

/** The first success. @throws what the last one failed with. */
async function firstOf<T>(urls: readonly string[], attempt: (url: string) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return await attempt(url);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The first endpoint that serves a deployment's chain. @throws {AssayError} as checkChain, of the last endpoint. */
async function openProvider(
  { rpc = DEFAULTS.rpc }: Config,
  deployment: Deployment,
  log: Logger,
): Promise<readonly [string, JsonRpcProvider]> {
  return firstOf(rpc, async (url) => {
    const provider = createProvider(url, deployment.chainId);
    try {
      await checkChain(deployment, provider);
      return [url, provider];
    } catch (error) {
      provider.destroy();
      if (url !== rpc.at(-1)) log.warn({ endpoint: hostOf(url) }, `passed over: ${messageOf(error)}`);
      throw error;
    }
  });
}

export async function openSession(command: Command): Promise<Session> {
  const config = configOf(command);
  const log = commandLog(config);
  const deployment = await deploymentOf(config);
  const [rpcUrl, provider] = await openProvider(config, deployment, log);
  return { config, rpcUrl, provider, contracts: connect(deployment, provider), log };
}

export async function openSender({ config, provider, log }: Session): Promise<Sender> {
  return createSender({ wallet: await openSigner(config), provider, log });
}

/** Time of the newest block, unix seconds. */
export async function chainTime({ provider }: Session): Promise<number> {
  return (await provider.getBlock("latest"))?.timestamp ?? 0;
}

/** An account by option, or the key's. @throws {AssayError} BAD_CONFIG */
export async function accountOf(config: Config, address: string | undefined): Promise<Hex> {
  const account = address === undefined ? await signerAddress(config) : addressOf(address);
  if (account !== undefined) return account;
  throw new AssayError(
    "BAD_CONFIG",
    "whose? No key is configured: give --keystore (`assay init` sets everything up)",
  );
}

/** @throws {AssayError} BAD_CONFIG */
export function etherOf(text: string, what: string): bigint {
  try {
    const wei = parseEther(text);
    if (wei >= 0n) return wei;
  } catch {
    // Reported below.
  }
  throw new AssayError("BAD_CONFIG", `${what} is an amount of ether such as 0.25, not "${text}"`);
}

/** @throws {AssayError} BAD_CONFIG */
export function idOf(text: string, what: string): Hex {
  const parsed = bytes32.safeParse(text);
  if (parsed.success) return `0x${parsed.data.slice(2).toLowerCase()}`;
  throw new AssayError("BAD_CONFIG", `${what} is 0x and 64 hex digits, not "${text}"`);
}

/** @throws {AssayError} BAD_CONFIG */
export function addressOf(text: string): Hex {
  const parsed = addressSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_CONFIG", `an address is 0x and 40 hex digits, not "${text}"`);
}
