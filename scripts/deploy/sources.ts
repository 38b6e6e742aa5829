/** Publishes the sources of a deployment to block explorers: `npm run publish:sources -- --network NAME`. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { verifyContract } from "@nomicfoundation/hardhat-verify/verify";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { messageOf } from "../../sdk/src/error.ts";
import { SOURCES, type ContractName } from "./plan.ts";
import { fileOf, readRecord, type DeploymentRecord } from "./record.ts";

interface Source {
  readonly name: ContractName;
  readonly address: string;
  readonly constructorArgs: readonly unknown[];
}

/** Every contract with its constructor's arguments, from the record alone. */
export function sourcesOf(record: DeploymentRecord): readonly Source[] {
  const { addresses: at, admin, adminDelaySeconds, guardian, treasury, floorSeconds, parameters } = record;
  return [
    { name: "Scalars", address: at.scalars, constructorArgs: [] },
    { name: "Interpreter", address: at.interpreter, constructorArgs: [at.scalars] },
    { name: "Referee", address: at.referee, constructorArgs: [at.interpreter] },
    {
      name: "Authority",
      address: at.authority,
      constructorArgs: [admin, adminDelaySeconds, guardian, at.market],
    },
    { name: "ModelRegistry", address: at.registry, constructorArgs: [] },
    { name: "OperatorDirectory", address: at.directory, constructorArgs: [] },
    { name: "Vault", address: at.vault, constructorArgs: [at.registry, at.market, at.game, treasury] },
    {
      name: "InferenceMarket",
      address: at.market,
      constructorArgs: [at.authority, at.registry, at.vault, at.game, floorSeconds, parameters],
    },
    { name: "DisputeGame", address: at.game, constructorArgs: [at.market, at.vault, at.referee] },
    {
      name: "ReceiptsVault",
      address: at.receiptsVault,
      constructorArgs: [at.registry, at.receipts, at.receiptsGame, treasury],
    },
    {
      name: "Receipts",
      address: at.receipts,
      constructorArgs: [at.market, at.receiptsVault, at.receiptsGame],
    },
    {
      name: "ReceiptsGame",
      address: at.receiptsGame,
      constructorArgs: [at.receipts, at.receiptsVault, at.referee],
    },
    { name: "Deposits", address: at.deposits, constructorArgs: [] },
  ];
}

/** Sourcify and Blockscout need no key; Etherscan is asked if it has one. */
async function explorersOf(
  hre: HardhatRuntimeEnvironment,
): Promise<("sourcify" | "blockscout" | "etherscan")[]> {
  try {
    await hre.config.verify.etherscan.apiKey.get();
    return ["sourcify", "blockscout", "etherscan"];
  } catch {
    return ["sourcify", "blockscout"];
  }
}

/** @returns what failed, for people; a deployment stands without it. */
export async function publishSources(
  record: DeploymentRecord,
  hre: HardhatRuntimeEnvironment,
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const provider of await explorersOf(hre))
    for (const { name, address, constructorArgs } of sourcesOf(record)) {
      const source = SOURCES[name];
      const contract = `contracts/${source}:${basename(source, ".sol")}`;
      try {
        await verifyContract({ address, constructorArgs: [...constructorArgs], contract, provider }, hre);
      } catch (error) {
        failures.push(`${provider}, ${name}: ${messageOf(error).split("\n", 1).join("")}`);
        // An explorer that does not know the chain, or does not answer, will not know the others either.
        if (name === "Scalars") break;
      }
    }
  return failures;
}

/** @returns whether all explorers have all sources. */
export async function publishTask(file: string, hre: HardhatRuntimeEnvironment): Promise<void> {
  const { network } = hre.globalOptions;
  const path = file === "" ? fileOf(network) : file;
  if (!existsSync(path))
    throw new Error("say --network NAME; deployments/NAME.json, or --file, says what was deployed");
  const failures = await publishSources(readRecord(path), hre);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) process.exitCode = 1;
}
