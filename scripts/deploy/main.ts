/**
 * `npm run deploy -- --network NAME`: reviews, deploys, tests and records. Run again, it goes on where it was interrupted; a finished
 * deployment is refused.
 */
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { confirm } from "@inquirer/prompts";
import { formatEther, getAddress } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { z } from "zod/v4";
import { AssayError } from "../../sdk/src/error.ts";
import { deploymentSchema } from "../../sdk/src/deployment.ts";
import { planFor, type DeployOptions } from "../deployment.ts";
import { isLocalChain, isRollup } from "../networks.ts";
import { fileOf, recordOf, writeIndex, writeRecord } from "./record.ts";
import { estimate, reviewText } from "./review.ts";
import { requireCreateX, sendPlan, type Connection } from "./send.ts";
import { smokeTest } from "./smoke.ts";
import { publishSources } from "./sources.ts";

export interface DeployFlags {
  readonly yes: boolean;
  /** Addresses, or empty: the default. */
  readonly admin: string;
  readonly guardian: string;
  readonly treasury: string;
  readonly label: string;
  readonly out: string;
  readonly createX: boolean;
  readonly noVerify: boolean;
}

/** @throws {AssayError} BAD_CONFIG */
function addressOf(name: string, text: string): string {
  try {
    return getAddress(text);
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `--${name} is an address, not "${text}"`, { cause });
  }
}

function optionsOf(flags: DeployFlags): DeployOptions {
  const { label, admin, guardian, treasury } = flags;
  return {
    label,
    ...(admin === "" ? {} : { admin: addressOf("admin", admin) }),
    ...(guardian === "" ? {} : { guardian: addressOf("guardian", guardian) }),
    ...(treasury === "" ? {} : { treasury: addressOf("treasury", treasury) }),
  };
}

/** What is asked of a file that is there: older sources may have deployed fewer contracts. */
const knownSchema = z.object({
  chainId: deploymentSchema.shape.chainId,
  addresses: deploymentSchema.shape.addresses.pick({ market: true }),
});

/** @throws {AssayError} BAD_DEPLOYMENT if the file is of a deployment that stands, or of another chain, or is none. */
async function refuseSecond({ ethers }: Connection, file: string, chainId: bigint): Promise<void> {
  if (!existsSync(file)) return;
  const { data: known } = knownSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (known === undefined)
    throw new AssayError("BAD_DEPLOYMENT", `${file} exists, and is no deployment: move it away`);
  const { market } = known.addresses;
  const stands = (await ethers.provider.getCode(market)) !== "0x";
  // A development chain forgets, and its file with it.
  if (isLocalChain(chainId) && BigInt(known.chainId) === chainId && !stands) return;
  throw new AssayError(
    "BAD_DEPLOYMENT",
    `${relative(process.cwd(), file)} exists: this network has a deployment, with its market at ${market}. For a second one, move that file away and choose --label`,
  );
}

/** @throws {AssayError} BAD_CONFIG without a terminal. */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new AssayError("BAD_CONFIG", "nobody is there to be asked: read the above, then add --yes");
  return confirm({ message: "Send these transactions?", default: false });
}

export async function deployTask(flags: DeployFlags, hre: HardhatRuntimeEnvironment): Promise<void> {
  try {
    await deploy(flags, hre);
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  }
}

async function deploy(flags: DeployFlags, hre: HardhatRuntimeEnvironment): Promise<void> {
  const connection = await hre.network.create();
  const { ethers, networkName } = connection;
  const { provider } = ethers;
  if (connection.networkConfig.type !== "http")
    throw new AssayError("BAD_CONFIG", "say --network NAME: a network of hardhat.config.ts that lasts");
  const file = flags.out === "" ? fileOf(networkName) : flags.out;
  const { chainId } = await provider.getNetwork();
  await refuseSecond(connection, file, chainId);

  const plan = await planFor(connection, optionsOf(flags));
  await requireCreateX(connection, plan, flags.createX);
  const cost = await estimate(connection, plan);
  const balanceWei = await provider.getBalance(plan.deployer);
  const height = await provider.getBlockNumber();
  console.log(
    reviewText(plan, cost, { networkName, chainId, height, balanceWei, rollup: isRollup(chainId) }),
  );
  if (balanceWei < cost.maxWei)
    throw new AssayError(
      "INSUFFICIENT_FUNDS",
      `${plan.deployer} has ${formatEther(balanceWei)} ETH, and up to ${formatEther(cost.maxWei)} ETH is needed`,
    );
  if (cost.missing.length > 0 && !flags.yes && !(await agreed())) return;

  const { block } = await sendPlan(connection, plan, ({ name, address }, deployed) =>
    console.log(`${deployed ? "is there " : "deploying"} ${name} ${address}`),
  );
  const checks = await smokeTest(connection, plan);
  console.log(`smoke test passed: ${checks.join(", ")}`);
  const record = recordOf(plan, { network: networkName, chainId, block });
  writeRecord(file, record);
  console.log(`${relative(process.cwd(), file)} is written`);
  // What is not among deployments/*.json, or does not last, is in no index.
  if (flags.out === "" && !isLocalChain(chainId)) await writeIndex();
  if (flags.noVerify || isLocalChain(chainId)) return;
  const failures = await publishSources(record, hre);
  if (failures.length === 0) return;
  console.error(
    `Everything is deployed, but not all explorers have the sources:\n  ${failures.join("\n  ")}`,
  );
  console.error(`Later: npm run publish:sources -- --network ${networkName}`);
}
