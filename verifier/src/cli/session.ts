/** What most commands need: settings, chain, key. */
import type { Command } from "commander";
import { parseEther, type JsonRpcApiProvider } from "ethers";
import { checkChain, connect, type Contracts } from "../../../sdk/src/contracts.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { readDeployment } from "../../../sdk/src/deploymentFile.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { address as addressSchema, bytes32, MAX_WEI, type Hex } from "../../../sdk/src/structs.ts";
import { createEndpoints, type Endpoints } from "../chain/endpoints.ts";
import type { Sender } from "../chain/outbox/intent.ts";
import { createProvider } from "../chain/provider.ts";
import { createSender } from "../chain/send.ts";
import { ether } from "../economics/ether.ts";
import { createLogger, type Logger } from "../log.ts";
import { lowerHex } from "../lowerHex.ts";
import { deploymentOn } from "../setup/deployments.ts";
import { askEndpoint } from "../setup/endpoint.ts";
import { DEFAULTS, loadConfig, type Config } from "./config.ts";
import { openSigner, signerAddress } from "./signer.ts";

/** Help's group of the options that are settings. */
export const SETTINGS = "Settings (also in the configuration file):";

/** Collects an option that may be repeated. */
export function another(url: string, known: readonly string[] = []): readonly string[] {
  return [...known, url];
}

/** Adds the options that every command on a chain has. */
export function withChain(command: Command, key: boolean): Command {
  command
    .optionsGroup(SETTINGS)
    .option("--config <file>", "JSON file with settings (default ~/.assay/config.json, or $ASSAY_CONFIG)")
    .option(
      "--rpc <url>",
      `JSON-RPC endpoint, http(s) or ws(s); may be repeated (default ${DEFAULTS.rpc.join()})`,
      another,
    )
    .option("--deployment <file>", "addresses of the contracts (default: by chain, of deployments/*.json)")
    .option("--log-level <level>", "silent, error, warn, info, debug or trace");
  if (key)
    command
      .option("--keystore <file>", "encrypted key (make one with `assay key new`)")
      .option("--password-file <file>", "file with its password (default: asked for at a terminal)")
      .option(
        "--signer <url>",
        "remote signer instead of a keystore: Web3Signer, clef or another with eth_signTransaction",
      )
      .option("--account <address>", "account that the remote signer signs for");
  return command.optionsGroup("Options:");
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
  readonly endpoints: Endpoints;
  readonly provider: JsonRpcApiProvider;
  readonly contracts: Contracts;
  readonly log: Logger;
}

/** The configured deployment, or the only one of the chain that an endpoint serves. */
export async function deploymentOf(config: Config): Promise<Deployment> {
  if (config.deployment !== undefined) return readDeployment(config.deployment);
  const { chainId } = await firstOf(config.rpc ?? DEFAULTS.rpc, askEndpoint);
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

export async function openSession(command: Command): Promise<Session> {
  const config = configOf(command);
  const log = commandLog(config);
  const deployment = await deploymentOf(config);
  const { chainId } = deployment;
  const endpoints = createEndpoints({ urls: config.rpc ?? DEFAULTS.rpc, chainId, log });
  const provider = createProvider(endpoints);
  await checkChain(deployment, provider);
  return { config, endpoints, provider, contracts: connect(deployment, provider), log };
}

export async function openSender({ config, contracts, provider, log }: Session): Promise<Sender> {
  const { chainId } = contracts.deployment;
  return createSender({ signer: await openSigner(config), provider, chainId, log });
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

/** What contracts have room for. @throws {AssayError} BAD_CONFIG */
export function boundedEtherOf(text: string, what: string): bigint {
  const wei = etherOf(text, what);
  if (wei <= MAX_WEI) return wei;
  throw new AssayError("BAD_CONFIG", `${what} is at most ${ether(MAX_WEI)}, not ${text}`);
}

/** What is worth a transaction. @throws {AssayError} BAD_CONFIG */
export function amountOf(text: string, what: string): bigint {
  const wei = boundedEtherOf(text, what);
  if (wei > 0n) return wei;
  throw new AssayError("BAD_CONFIG", `${what} is more than 0`);
}

/** @throws {AssayError} BAD_CONFIG */
export function idOf(text: string, what: string): Hex {
  const parsed = bytes32.safeParse(text);
  if (parsed.success) return lowerHex(parsed.data);
  throw new AssayError("BAD_CONFIG", `${what} is 0x and 64 hex digits, not "${text}"`);
}

/** @throws {AssayError} BAD_CONFIG */
export function addressOf(text: string): Hex {
  const parsed = addressSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_CONFIG", `an address is 0x and 40 hex digits, not "${text}"`);
}
