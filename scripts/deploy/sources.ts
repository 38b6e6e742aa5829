/** Publishes the sources of a deployment to block explorers: `npm run publish:sources -- --network NAME`. */
import { existsSync } from "node:fs";
import { verifyContract } from "@nomicfoundation/hardhat-verify/verify";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { messageOf } from "../../sdk/src/error.ts";
import type { ContractName } from "./plan.ts";
import { fileOf, readRecord, type DeploymentRecord } from "./record.ts";

const SOURCES: Readonly<Record<ContractName, string>> = {
  Scalars: "referee/Scalars.sol",
  Interpreter: "referee/Interpreter.sol",
  Referee: "referee/Referee.sol",
  Authority: "market/Authority.sol",
  ModelRegistry: "registry/ModelRegistry.sol",
  OperatorDirectory: "registry/OperatorDirectory.sol",
  Vault: "staking/Vault.sol",
  InferenceMarket: "market/InferenceMarket.sol",
  DisputeGame: "dispute/DisputeGame.sol",
};

interface Source {
  readonly name: ContractName;
  readonly address: string;
  readonly constructorArgs: readonly unknown[];
}

/** Every contract with its constructor's arguments, from the record alone. */
function sourcesOf(record: DeploymentRecord): readonly Source[] {
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
      const contract = `contracts/${SOURCES[name]}:${name}`;
      try {
        await verifyContract({ address, constructorArgs: [...constructorArgs], contract, provider }, hre);
      } catch (error) {
        failures.push(`${provider}, ${name}: ${messageOf(error).split("\n", 1).join("")}`);
        // An explorer that does not know the chain, or does not answer, will not know the other eight either.
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
