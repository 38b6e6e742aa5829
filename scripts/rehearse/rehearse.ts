/**
 * One network's rehearsal: `hardhat deploy` as it would be run for that network, against an anvil with its rules: refused without
 * CreateX, killed in the middle, resumed, refused a second time.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { JsonRpcProvider, parseEther, toBeHex, Wallet } from "ethers";
import { startAnvil } from "../anvil.ts";
import { SOURCES } from "../deploy/plan.ts";
import { readRecord, type DeploymentRecord } from "../deploy/record.ts";
import { journalPrefix, JOURNALS } from "../deploy/send.ts";
import { PUBLIC_NETWORKS, type PublicNetwork } from "../networks.ts";
import { REHEARSED, TRANSACTION_GAS } from "./rules.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const HARDHAT = join(ROOT, "node_modules", "hardhat", "dist", "src", "cli.js");
/** One transaction for each contract, and one that pays for CreateX. */
const TRANSACTIONS = Object.keys(SOURCES).length + 1;

export interface Rehearsal {
  readonly network: PublicNetwork;
  readonly chainId: number;
  readonly killedAt: string;
  readonly blocks: number;
  /** Of all transactions of the deployer. */
  readonly gas: number;
  /** Highest limit of one of them. */
  readonly transactionGas: number;
  readonly seconds: number;
  readonly addresses: DeploymentRecord["addresses"];
}

interface Ended {
  /** null: killed. */
  readonly code: number | null;
  readonly output: string;
}

/** @param onOutput Told all output so far; returning true kills the process. */
function runDeploy(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  killWhen: (output: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [HARDHAT, "deploy", ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
    const watch = async (): Promise<void> => {
      while (child.exitCode === null && child.signalCode === null) {
        if (await killWhen(output)) return void child.kill("SIGKILL");
        await sleep(10);
      }
    };
    watch().catch(reject);
  });
}

/** @throws Error with what the run printed. */
function expectEnd(what: string, { code, output }: Ended, expected: number | null, ...texts: string[]): void {
  const missing = texts.filter((text) => !output.includes(text));
  if (code === expected && missing.length === 0) return;
  throw new Error(
    `${what} ended with ${code ?? "a kill"}${missing.length > 0 ? `, without "${missing.join('", "')}"` : ""}:\n${output}`,
  );
}

/** Gas of an account's transactions, and the highest limit among them. */
async function gasOf(
  provider: JsonRpcProvider,
  account: string,
): Promise<{ readonly gas: number; readonly highest: number; readonly blocks: number }> {
  let [gas, highest] = [0, 0];
  const blocks = await provider.getBlockNumber();
  for (let number = 1; number <= blocks; number++) {
    const block = await provider.getBlock(number, true);
    for (const transaction of block?.prefetchedTransactions ?? []) {
      if (transaction.from !== account) continue;
      const receipt = await provider.getTransactionReceipt(transaction.hash);
      gas += Number(receipt?.gasUsed ?? 0n);
      highest = Math.max(highest, Number(transaction.gasLimit));
    }
  }
  return { gas, highest, blocks };
}

/** Removes Ignition's journals of a chain that is no more. */
function forget(prefix: string | undefined): void {
  if (prefix === undefined || !existsSync(JOURNALS)) return;
  for (const name of readdirSync(JOURNALS))
    if (name.startsWith(prefix)) rmSync(join(JOURNALS, name), { recursive: true });
}

/**
 * @param key Of the deployer: with one key, the addresses are the same on all networks.
 * @throws Error saying what went otherwise than it should.
 */
export async function rehearse(
  network: PublicNetwork,
  key: string,
  say: (text: string) => void = () => undefined,
): Promise<Rehearsal> {
  const { chainId, rpc, title } = PUBLIC_NETWORKS[network];
  const { blockSeconds, killAt, ...rules } = REHEARSED[network];
  const begun = performance.now();
  const anvil = await startAnvil({ chainId, blockSeconds, rules });
  const folder = mkdtempSync(join(tmpdir(), "assay-rehearsal-"));
  const provider = new JsonRpcProvider(anvil.url, chainId, { staticNetwork: true, cacheTimeout: -1 });
  let journals: string | undefined;
  try {
    journals = await journalPrefix(provider, BigInt(chainId));
    const { address } = new Wallet(key);
    await provider.send("anvil_setBalance", [address, toBeHex(parseEther("10"))]);
    const file = join(folder, `${network}.json`);
    const env = { [rpc]: anvil.url, DEPLOYER_PRIVATE_KEY: key };
    const args = ["--network", network, "--yes", "--no-verify", "--out", file];

    expectEnd("without CreateX, it", await runDeploy(args, env), 1, "BAD_DEPLOYMENT", "--create-x");
    say(`${title}: refused without CreateX`);

    // As soon as the chain has the transaction: whether Ignition has written that down is left to chance.
    const killNonce = Object.keys(SOURCES).indexOf(killAt) + 1;
    const killed = await runDeploy([...args, "--create-x"], env, async (output) => {
      if (!output.includes(`deploying ${killAt} `)) return false;
      return (await provider.getTransactionCount(address, "pending")) > killNonce;
    });
    expectEnd("the first run", killed, null, `deploying ${killAt} `);
    say(`${title}: killed while ${killAt} was under way`);

    expectEnd(
      "the second run",
      await runDeploy(args, env),
      0,
      "is there ",
      "deploying ",
      "smoke test passed",
    );
    expectEnd("the third run", await runDeploy(args, env), 1, "BAD_DEPLOYMENT", "exists");

    const record = readRecord(file);
    if (record.chainId !== chainId || record.network !== network || record.deployer !== address)
      throw new Error(`the record is of another deployment: ${JSON.stringify(record)}`);
    const sent = await provider.getTransactionCount(address);
    if (sent !== TRANSACTIONS) throw new Error(`${sent} transactions were sent, not ${TRANSACTIONS}`);
    const { gas, highest, blocks } = await gasOf(provider, address);
    if (highest > TRANSACTION_GAS) throw new Error(`a transaction may use ${highest} gas`);
    const seconds = Math.round((performance.now() - begun) / 1000);
    say(`${title}: resumed, tested, refused a second time (${seconds} s)`);
    const { addresses } = record;
    return { network, chainId, killedAt: killAt, blocks, gas, transactionGas: highest, seconds, addresses };
  } finally {
    provider.destroy();
    await anvil.stop();
    rmSync(folder, { recursive: true });
    forget(journals);
  }
}
