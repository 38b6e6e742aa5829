/**
 * Sends a plan by Hardhat Ignition, contract by contract. The chain says what is done: a run that was interrupted at any point, on
 * this machine or another, is taken up by the next. Ignition's journals know the transactions that are still under way.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keccak256 } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import { z } from "zod/v4";
import { moduleOf } from "../../ignition/modules/Assay.ts";
import { AssayError, messageOf } from "../../sdk/src/error.ts";
import { isLocalChain } from "../networks.ts";
import { deployCreateX, hasCreateX } from "./createx.ts";
import type { Plan, Step } from "./plan.ts";

/** The part of a Hardhat network connection that a deployment needs. */
export type Connection = Pick<NetworkConnection, "ethers" | "ignition">;
type Ethers = Connection["ethers"];

export const JOURNALS = join(import.meta.dirname, "..", "..", "ignition", "deployments");
function forget(journal: string): void {
  rmSync(join(JOURNALS, journal), { recursive: true, force: true });
}

/** How long transactions of ours may stay pending before it is said so, seconds. */
const PATIENCE_SECONDS = 600;

export async function isDeployed(ethers: Ethers, { address }: Step): Promise<boolean> {
  return (await ethers.provider.getCode(address)) !== "0x";
}

/** Of this chain and no other with its id: a development chain starts anew, and a rehearsal borrows ids. */
export async function journalPrefix(
  provider: { send(method: string, params: unknown[]): Promise<unknown> },
  chainId: bigint,
): Promise<string> {
  const block = await provider.send("eth_getBlockByNumber", ["0x0", false]);
  const genesis = z.object({ hash: z.string().regex(/^0x[0-9a-f]{64}$/) }).parse(block);
  return `chain-${chainId}-${genesis.hash.slice(2, 10)}`;
}

/** Until nothing of the account's is under way. @throws {AssayError} TRANSACTION_STUCK */
export async function settle(ethers: Ethers, account: string): Promise<void> {
  for (let waited = 0; ; waited++) {
    const [mined, sent] = await Promise.all(
      ["latest", "pending"].map((tag) => ethers.provider.getTransactionCount(account, tag)),
    );
    if (mined === sent) return;
    if (waited >= PATIENCE_SECONDS)
      throw new AssayError(
        "TRANSACTION_STUCK",
        `transactions of ${account} from nonce ${mined ?? "?"} on are not mined: replace or await them, then run this again`,
      );
    await sleep(1000);
  }
}

/** Blocks that must follow the last transaction. */
const CONFIRMATIONS = 5;

export interface Sent {
  /** No contract of the plan is in an older block. */
  readonly block: number;
}

/** @throws {AssayError} BAD_DEPLOYMENT if the chain has no CreateX. */
export async function requireCreateX({ ethers }: Connection, plan: Plan, install: boolean): Promise<void> {
  if (await hasCreateX(ethers.provider)) return;
  const { chainId } = await ethers.provider.getNetwork();
  if (!install && !isLocalChain(chainId))
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `chain ${chainId} has no CreateX (https://createx.rocks): with --create-x the deployer pays up to 0.3 ether for it`,
    );
  await deployCreateX(ethers.provider, await ethers.getSigner(plan.deployer));
}

/** @param onStep Told before each contract. */
export async function sendPlan(
  connection: Connection,
  plan: Plan,
  onStep: (step: Step, deployed: boolean) => void = () => undefined,
): Promise<Sent> {
  const { ethers, ignition } = connection;
  const { chainId } = await ethers.provider.getNetwork();
  const local = isLocalChain(chainId);
  // Development chains that began in the same second have the same first block, and nobody takes up a deployment to one.
  const prefix = (await journalPrefix(ethers.provider, chainId)) + (local ? `-${randomUUID()}` : "");
  const before = await ethers.provider.getBlockNumber();
  const polling = local ? 200 : 1000;
  let sent = false;
  let resumed = false;

  // One journal for each transaction, so that other choices in a later run do not meet an older one's.
  const journalOf = ({ name, call }: Step): string =>
    `${prefix}-${name}-${keccak256(call.data).slice(2, 10)}`;

  async function send(step: Step): Promise<void> {
    await ignition.deploy(moduleOf(step), {
      strategy: "create2",
      strategyConfig: { salt: step.salt },
      deploymentId: journalOf(step),
      defaultSender: plan.deployer,
      config: { requiredConfirmations: 1, blockPollingInterval: polling, retryInterval: polling },
    });
  }

  /**
   * Killed at the wrong moment, Ignition does not know its own transaction again, or not its own journal. As nothing is under way
   * and nothing has come of it, that journal can go.
   */
  async function sendAnew(step: Step): Promise<void> {
    forget(journalOf(step));
    try {
      await send(step);
    } catch (cause) {
      throw new AssayError("BAD_DEPLOYMENT", `${step.name}: ${messageOf(cause)}`, { cause });
    }
  }

  async function deploy(step: Step): Promise<void> {
    try {
      await send(step);
    } catch {
      await settle(ethers, plan.deployer);
      if (!(await isDeployed(ethers, step))) await sendAnew(step);
    }
    if (!(await isDeployed(ethers, step)))
      throw new AssayError("BAD_DEPLOYMENT", `${step.name} is not at ${step.address}`);
  }

  for (const step of plan.steps) {
    const deployed = await isDeployed(ethers, step);
    onStep(step, deployed);
    resumed ||= deployed;
    if (deployed) continue;
    sent = true;
    try {
      await deploy(step);
    } finally {
      if (local) forget(journalOf(step));
    }
  }
  // A development chain makes no blocks by itself.
  if (sent && !local) await confirmed(ethers);
  return { block: resumed ? await firstBlock(ethers, plan) : before + 1 };
}

async function confirmed(ethers: Ethers): Promise<void> {
  const last = await ethers.provider.getBlockNumber();
  while ((await ethers.provider.getBlockNumber()) < last + CONFIRMATIONS) await sleep(1000);
}

/** The first block at whose end any contract of the plan was there. @throws {AssayError} RPC_FAILED if the endpoint has forgotten. */
async function firstBlock(ethers: Ethers, { steps }: Plan): Promise<number> {
  const [first] = steps;
  if (first === undefined) throw new RangeError("an empty plan");
  let [without, having] = [0, await ethers.provider.getBlockNumber()];
  try {
    while (having - without > 1) {
      const middle = Math.floor((without + having) / 2);
      const code = await ethers.provider.getCode(first.address, middle);
      if (code === "0x") without = middle;
      else having = middle;
    }
  } catch (cause) {
    throw new AssayError(
      "RPC_FAILED",
      "all contracts are there, but the endpoint does not know since when: run this once more with an archive endpoint",
      { cause },
    );
  }
  return having;
}
