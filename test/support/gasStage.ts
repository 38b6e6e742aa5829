/** A deployment for measuring gas: time and base fee are fixed, since their bytes are calldata. */
import { network } from "hardhat";
import { deployAssay } from "../../scripts/deployment.ts";
import { byteRelease } from "./gas.ts";

/** Unix seconds. */
const START = 1_800_000_001;

/** @param stakeWei Of the operator, who is the second account. */
export async function openGasStage(stakeWei: bigint) {
  const connection = await network.create({
    override: { initialDate: new Date((START - 86_400) * 1000), initialBaseFeePerGas: 0 },
  });
  const { ethers, networkHelpers } = connection;
  const contracts = await deployAssay(connection);
  const [owner, operator] = await ethers.getSigners();
  if (owner === undefined || operator === undefined) throw new Error("two accounts are needed");
  await contracts.registry.createModel("ipfs://model");
  await contracts.vault.connect(operator).deposit({ value: stakeWei });
  let now = START;

  /** The next transaction's block comes this much later. */
  async function later(seconds: number): Promise<void> {
    now += seconds;
    await networkHelpers.time.setNextBlockTimestamp(now);
  }

  /** A release of a model with so many bytes in and out. */
  async function publish(inputBytes: number, outputBytes: number): Promise<string> {
    const { header, release } = byteRelease(1n, inputBytes, outputBytes);
    await contracts.registry.publish(release, header, "ipfs://file");
    return contracts.registry.releaseIdOf(release);
  }

  return { ethers, contracts, owner, operator, later, publish };
}
