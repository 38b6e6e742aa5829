/** What most commands need: settings, chain, key. */
import type { Command } from "commander";
import { parseEther, type JsonRpcApiProvider } from "ethers";
import { checkChain, connect, type Contracts } from "../../../sdk/src/contracts.ts";
import { readDeployment } from "../../../sdk/src/deployment.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { address as addressSchema, bytes32, type Hex } from "../../../sdk/src/structs.ts";
import { createEndpoints, type Endpoints } from "../chain/endpoints.ts";
import { openKeystore } from "../chain/keys.ts";
import type { Sender } from "../chain/outbox/intent.ts";
import { createProvider } from "../chain/provider.ts";
import { createSender } from "../chain/send.ts";
import { remoteSigner } from "../chain/remote.ts";
import { walletSigner, type Signer } from "../chain/signer.ts";
import { createLogger, type Logger } from "../log.ts";
import { DEFAULTS, loadConfig, type Config } from "./config.ts";

/** Adds the options that every command on a chain has. */
export function withChain(command: Command, key: boolean): Command {
  command
    .option("--config <file>", "JSON file with any of these settings; flags override it")
    .option(
      "--rpc <url>",
      `JSON-RPC endpoint, http(s) or ws(s); may be repeated (default ${DEFAULTS.rpc.join(" ")})`,
      (url: string, before: readonly string[] | undefined) => [...(before ?? []), url],
    )
    .option("--deployment <file>", `addresses of the contracts (default ${DEFAULTS.deployment})`)
    .option("--log-level <level>", "silent, error, warn, info, debug or trace");
  if (!key) return command;
  return command
    .option("--keystore <file>", "encrypted key (make one with `assay key new`)")
    .option("--password-file <file>", "file with the keystore's password (default: asked for at a terminal)")
    .option(
      "--signer <url>",
      "remote signer instead of a keystore: Web3Signer, clef or another with eth_signTransaction",
    )
    .option("--account <address>", "account that the remote signer signs for");
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

export async function openSession(command: Command): Promise<Session> {
  const config = configOf(command);
  const deployment = readDeployment(config.deployment ?? DEFAULTS.deployment);
  const log = commandLog(config);
  const { chainId } = deployment;
  const endpoints = createEndpoints({ urls: config.rpc ?? DEFAULTS.rpc, chainId, log });
  const provider = createProvider(endpoints);
  await checkChain(deployment, provider);
  return { config, endpoints, provider, contracts: connect(deployment, provider), log };
}

export async function openSigner({ keystore, passwordFile, signer, account }: Config): Promise<Signer> {
  if (signer !== undefined) {
    if (account === undefined)
      throw new AssayError("BAD_CONFIG", "--signer needs --account, the address that signs");
    return remoteSigner({ url: signer, address: addressOf(account) });
  }
  if (keystore === undefined)
    throw new AssayError(
      "BAD_CONFIG",
      "this needs a key: give --keystore and --password-file (`assay key new` makes one), or --signer and --account",
    );
  return walletSigner(await openKeystore(keystore, passwordFile));
}

export async function openSender({ config, contracts, provider, log }: Session): Promise<Sender> {
  const { chainId } = contracts.deployment;
  return createSender({ signer: await openSigner(config), provider, chainId, log });
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
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_CONFIG", `${what} is 0x and 64 hex digits, not "${text}"`);
}

/** @throws {AssayError} BAD_CONFIG */
export function addressOf(text: string): Hex {
  const parsed = addressSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_CONFIG", `an address is 0x and 40 hex digits, not "${text}"`);
}
