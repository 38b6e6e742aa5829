/** `assay init`: makes a configuration file, by questions or by flags. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Option, type Command } from "commander";
import { checkChain } from "../../../sdk/src/contracts.ts";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { readDeployment } from "../../../sdk/src/deploymentFile.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { createEndpoints } from "../chain/endpoints.ts";
import { createKeystore, importKeystore, openKeystore, readPassword } from "../chain/keys.ts";
import { createProvider } from "../chain/provider.ts";
import { ensureDirectory } from "../ensureDirectory.ts";
import { createLogger } from "../log.ts";
import { deploymentOn, deploymentsOn } from "../setup/deployments.ts";
import { askEndpoint, hostOf, type EndpointInfo } from "../setup/endpoint.ts";
import { httpAddress } from "../setup/http.ts";
import { needFree, writePrivate } from "../setup/write.ts";
import { DEFAULTS, defaultConfigPath, parseConfig, ROLES, type ConfigFile, type RoleName } from "./config.ts";
import { note, print } from "./output.ts";
import { askChoice, askNewPassword, askPassword, askText, askYes, isInteractive } from "./prompt.ts";
import { addressOf, another } from "./session.ts";
import { duration } from "../inspect/text.ts";

interface InitFlags {
  readonly config?: string;
  readonly role?: RoleName;
  readonly rpc?: readonly string[];
  readonly deployment?: string;
  readonly keystore?: string;
  readonly keyFile?: string;
  readonly passwordFile?: string;
  readonly signer?: string;
  readonly account?: string;
  readonly http?: string;
  readonly data?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Whether questions can be asked; without them flags must say what has no sound default. */
function needFlags({ role, rpc, passwordFile, signer, account, yes }: InitFlags): boolean {
  if (yes === true) return false;
  if (isInteractive()) return true;
  const missing = [
    ...(role === undefined ? ["--role"] : []),
    ...(rpc === undefined ? ["--rpc"] : []),
    ...(passwordFile === undefined && signer === undefined
      ? ["--password-file (or --signer and --account)"]
      : []),
    ...(signer !== undefined && account === undefined ? ["--account"] : []),
  ];
  if (missing.length > 0)
    throw new AssayError(
      "BAD_CONFIG",
      `nobody is at a terminal to be asked: give ${missing.join(", ")}; --yes takes the defaults of the rest`,
    );
  return false;
}

async function endpointsOf({ rpc }: InitFlags, asking: boolean): Promise<EndpointInfo[]> {
  if (rpc !== undefined || !asking) return Promise.all([...new Set(rpc ?? DEFAULTS.rpc)].map(askEndpoint));
  const found: EndpointInfo[] = [];
  for (;;) {
    const standard = found.length === 0 ? DEFAULTS.rpc[0] : "";
    const message =
      found.length === 0
        ? "RPC endpoint (http, https, ws or wss):"
        : "Another one, in case this one fails (empty: none):";
    const url = await askText(message, standard);
    if (url === "") return found;
    try {
      const info = await askEndpoint(url);
      note(`  chain ${info.chainId}, block ${info.height}, ${info.latencyMs} ms`);
      found.push(info);
    } catch (error) {
      note(`  ${messageOf(error)}`);
    }
  }
}

function oneChain(endpoints: readonly EndpointInfo[]): number {
  const [first, ...others] = endpoints;
  const stranger = others.find(({ chainId }) => chainId !== first?.chainId);
  if (first === undefined) throw new AssayError("BAD_CONFIG", "an RPC endpoint is needed");
  if (stranger !== undefined)
    throw new AssayError(
      "WRONG_CHAIN",
      `${hostOf(first.url)} serves chain ${first.chainId}, ${hostOf(stranger.url)} chain ${stranger.chainId}: all endpoints must be of one chain`,
    );
  return first.chainId;
}

/** @throws {AssayError} as checkChain. */
async function checkDeployment(deployment: Deployment, urls: readonly string[]): Promise<void> {
  const log = createLogger("silent", 2, false);
  const endpoints = createEndpoints({ urls, chainId: deployment.chainId, log });
  const provider = createProvider(endpoints);
  try {
    await checkChain(deployment, provider);
  } finally {
    provider.destroy();
    endpoints.close();
  }
}

async function deploymentFile({ deployment }: InitFlags, chainId: number, asking: boolean): Promise<string> {
  if (deployment !== undefined) return resolve(deployment);
  const known = deploymentsOn(chainId);
  if (!asking) return deploymentOn(chainId).path;
  if (known.length === 1 && known[0] !== undefined) return known[0].path;
  if (known.length > 1)
    return askChoice(
      `Chain ${chainId} has several deployments:`,
      known.map(({ path, deployment: { addresses } }) => ({
        value: path,
        name: `${path} (market ${addresses.market})`,
      })),
    );
  return resolve(
    await askText(
      `Deployment file of chain ${chainId}:`,
      undefined,
      (path) => existsSync(path) || "there is no such file",
    ),
  );
}

/** What the configuration says of the key; a new or imported one is written when everything else is known. */
interface KeyPlan {
  readonly settings: Pick<ConfigFile, "keystore" | "passwordFile" | "signer" | "account">;
  /** @returns the account. */
  readonly make: () => Promise<string>;
}

type KeyKind = "new" | "import" | "existing" | "signer";

async function keyKind(flags: InitFlags, keystore: string, asking: boolean): Promise<KeyKind> {
  if (flags.signer !== undefined) return "signer";
  if (flags.keyFile !== undefined) return "import";
  const standard = existsSync(keystore) ? "existing" : "new";
  if (!asking || flags.keystore !== undefined) return standard;
  return askChoice<KeyKind>("Key that holds the stake and pays for gas:", [
    ...(standard === "existing" ? [{ value: "existing" as const, name: `the one in ${keystore}` }] : []),
    { value: "new", name: "a new one, in an encrypted file" },
    { value: "import", name: "one that I have, from a file with its hex digits" },
    { value: "existing", name: "an encrypted file (keystore) that I have" },
    { value: "signer", name: "a remote signer's, over HTTP" },
  ]);
}

/** A password that fits: a person gets to try again. */
async function askFitting(
  ask: () => Promise<string>,
  check: (password: string) => Promise<unknown>,
): Promise<string> {
  for (;;) {
    const password = await ask();
    try {
      await check(password);
      return password;
    } catch (error) {
      note(`  ${messageOf(error)}`);
    }
  }
}

interface PasswordPlan {
  readonly password: string;
  /** That keeps it. */
  readonly file: string | undefined;
}

/**
 * The password and, if a person wants a node to restart by itself, the file that keeps it.
 * @param check Throws for a password that does not fit.
 */
async function planPassword(
  { passwordFile, data }: { readonly passwordFile: string | undefined; readonly data: string },
  ask: () => Promise<string>,
  check: (password: string) => Promise<unknown>,
): Promise<PasswordPlan> {
  if (passwordFile !== undefined) {
    const password = readPassword(passwordFile);
    await check(password);
    return { password, file: resolve(passwordFile) };
  }
  if (!isInteractive()) throw new AssayError("BAD_CONFIG", "a password is needed: give --password-file");
  const password = await askFitting(ask, check);
  const file = join(data, "password");
  if (existsSync(file)) return { password, file: undefined };
  const keep = await askYes(`Keep the password in ${file} (mode 600), so that a node can restart by itself?`);
  if (keep) writePrivate(file, `${password}\n`);
  return { password, file: keep ? file : undefined };
}

async function planKey(flags: InitFlags, data: string, asking: boolean): Promise<KeyPlan> {
  const standard = resolve(flags.keystore ?? join(data, "key.json"));
  const kind = await keyKind(flags, standard, asking);
  if (kind === "signer") {
    const signer = flags.signer ?? (await askText("Address of the signer:", "http://127.0.0.1:9000"));
    const account = flags.account ?? (asking ? await askText("Account that it signs for:") : undefined);
    if (account === undefined)
      throw new AssayError("BAD_CONFIG", "a remote signer needs --account, the address that it signs for");
    return { settings: { signer, account: addressOf(account) }, make: () => Promise.resolve(account) };
  }
  const askPath = asking && flags.keystore === undefined;
  const keyFile =
    kind === "import" ? (flags.keyFile ?? (await askText("File with the private key in hex:"))) : undefined;
  const keystore = askPath ? resolve(await askText("Encrypted key file:", standard)) : standard;
  if (kind !== "existing") needFree(keystore, "the key file", false);
  const existing = kind === "existing";
  const ask = existing ? () => askPassword(`Password of ${keystore}:`) : askNewPassword;
  const check = existing ? (text: string) => openKeystore(keystore, text) : () => Promise.resolve();
  const { password, file } = await planPassword({ passwordFile: flags.passwordFile, data }, ask, check);
  return {
    settings: { keystore, ...(file === undefined ? {} : { passwordFile: file }) },
    async make() {
      if (existing) return (await openKeystore(keystore, password)).address;
      ensureDirectory(dirname(keystore), "directory of the key file", "--keystore", 0o700);
      return keyFile === undefined
        ? createKeystore(keystore, password)
        : importKeystore(keyFile, keystore, password);
    },
  };
}

async function roleOf({ role }: InitFlags, asking: boolean): Promise<RoleName> {
  if (role !== undefined || !asking) return role ?? DEFAULTS.role;
  return askChoice<RoleName>("What is this node to do?", [
    { value: "both", name: "both" },
    { value: "operator", name: "operator: answer requests for fees, under bond" },
    { value: "verifier", name: "verifier: check others' answers, and challenge the wrong ones" },
  ]);
}

async function httpOf({ http }: InitFlags, asking: boolean): Promise<string> {
  const valid = (text: string): boolean | string => {
    try {
      httpAddress(text);
      return true;
    } catch (error) {
      return messageOf(error);
    }
  };
  const text =
    http ??
    (asking
      ? await askText('Where it serves models and its health (host:port, or "off"):', DEFAULTS.http, valid)
      : DEFAULTS.http);
  httpAddress(text);
  return text;
}

async function init(flags: InitFlags): Promise<void> {
  const path = resolve(flags.config ?? defaultConfigPath());
  const force = flags.force ?? false;
  needFree(path, "the configuration", force);
  const asking = needFlags(flags);
  const role = await roleOf(flags, asking);
  const endpoints = await endpointsOf(flags, asking);
  const chainId = oneChain(endpoints);
  const deploymentPath = await deploymentFile(flags, chainId, asking);
  const deployment = readDeployment(deploymentPath);
  await checkDeployment(
    deployment,
    endpoints.map(({ url }) => url),
  );
  const data = resolve(
    flags.data ?? (asking ? await askText("Directory for models and state:", DEFAULTS.data) : DEFAULTS.data),
  );
  const http = await httpOf(flags, asking);
  ensureDirectory(data, "data directory", "--data", 0o700);
  const key = await planKey(flags, data, asking);
  const config: ConfigFile = {
    role,
    rpc: endpoints.map(({ url }) => url),
    deployment: deploymentPath,
    ...key.settings,
    data,
    http,
  };
  parseConfig(config);
  // Before a key is written that no configuration would name.
  ensureDirectory(dirname(path), "directory of the configuration", "--config", 0o700);
  const account = await key.make();
  writePrivate(path, `${JSON.stringify(config, undefined, 2)}\n`);
  const oldest = Math.max(...endpoints.map(({ timestamp }) => Date.now() / 1000 - timestamp));
  if (oldest > 180) note(`Note: an endpoint's newest block is ${duration(oldest)} old.`);
  print(
    flags.json ?? false,
    [
      ["written", path],
      ["chain", `${chainId}, ${endpoints.length === 1 ? "one endpoint" : `${endpoints.length} endpoints`}`],
      ["account", account],
    ],
    { path, chainId, account, config },
  );
  const where = path === defaultConfigPath() ? "" : ` --config ${path}`;
  note(`
Next:
  1. Send ETH to the account, for the stake and for gas.
  2. assay stake 1${where}
  3. assay doctor${where}
  4. assay node${where}
`);
}

export function addInit(program: Command): void {
  program
    .command("init")
    .description(
      "set up a node: asks for role, endpoints, deployment, key and addresses, and writes the configuration",
    )
    .option("--config <file>", "file to write (default ~/.assay/config.json, or $ASSAY_CONFIG)")
    .addOption(new Option("--role <role>", "what the node is to do").choices(ROLES))
    .option("--rpc <url>", "JSON-RPC endpoint; may be repeated", another)
    .option("--deployment <file>", "addresses of the contracts (default: by chain, of deployments/*.json)")
    .option(
      "--keystore <file>",
      "encrypted key: an existing one, or where to write a new one (default: in --data)",
    )
    .option("--key-file <file>", "import this private key (hex) into the keystore")
    .option("--password-file <file>", "file with the keystore's password")
    .option("--signer <url>", "remote signer instead of a keystore")
    .option("--account <address>", "account that the remote signer signs for")
    .option("--data <dir>", `directory for models and state (default ${DEFAULTS.data})`)
    .option(
      "--http <host:port>",
      `where the node serves models and health, or "off" (default ${DEFAULTS.http})`,
    )
    .option("--force", "replace a configuration that exists (never a key)")
    .option("--yes", "ask nothing: what no flag says takes its default")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
At a terminal it asks for whatever no flag says; scripts give flags. The endpoint is asked for its chain, and the
deployment is checked on it. The file holds no secrets: passwords stay in a file of their own, or are asked for.

  $ assay init
  $ assay init --yes --role verifier --rpc https://rpc.example.org --password-file /run/secrets/assay`,
    )
    .action(init);
}
