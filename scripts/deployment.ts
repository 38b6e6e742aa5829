/**
 * Deploys by Hardhat Ignition and checks the wiring. Used by scripts/deploy.ts, the demo and the tests.
 */
import { getCreateAddress } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import { parseDeployment, type Deployment } from "../sdk/src/deployment.ts";
import { Assay, Foundation } from "../ignition/modules/Assay.ts";
import type {
  Authority,
  DisputeGame,
  InferenceMarket,
  ModelRegistry,
  OperatorDirectory,
  Referee,
  Vault,
} from "../types/ethers-contracts/index.js";
import { isLocalChain, networkParameters, type NetworkParameters } from "./networks.ts";

/** The part of a Hardhat network connection that a deployment needs. */
export type Connection = Pick<NetworkConnection, "ethers" | "ignition">;

export interface Contracts {
  readonly referee: Referee;
  readonly authority: Authority;
  readonly registry: ModelRegistry;
  readonly vault: Vault;
  readonly market: InferenceMarket;
  readonly game: DisputeGame;
  readonly directory: OperatorDirectory;
}

/** A referee alone, which needs nothing else. */
export async function deployReferee({ ethers }: Pick<Connection, "ethers">): Promise<Referee> {
  const scalars = await ethers.deployContract("Scalars");
  const interpreter = await ethers.deployContract("Interpreter", [await scalars.getAddress()]);
  return ethers.deployContract("Referee", [await interpreter.getAddress()]);
}

export interface DeployOptions {
  /** First admin of the access manager; the deployer by default. */
  readonly admin?: string;
  /** Vault account that gets the protocol fees; the deployer by default. */
  readonly treasury?: string;
  /** By default those of the chain (scripts/networks.ts). */
  readonly network?: NetworkParameters;
}

export interface DeployedContracts extends Contracts {
  readonly chainId: bigint;
  /** First block that can hold an event of the deployment. */
  readonly block: number;
  readonly deployer: string;
  readonly treasury: string;
  readonly network: NetworkParameters;
}

/**
 * Deploys everything from the connection's first account. On a public network an interrupted run leaves Ignition's journal, and
 * the next run goes on from it if vault, market and game had not been begun.
 * @throws Error if the deployed contracts do not name each other.
 */
export async function deployAssay(
  { ethers, ignition }: Connection,
  options: DeployOptions = {},
): Promise<DeployedContracts> {
  const [deployer] = await ethers.getSigners();
  if (deployer === undefined) throw new Error("the network has no account to deploy from");
  const { chainId } = await ethers.provider.getNetwork();
  const block = (await ethers.provider.getBlockNumber()) + 1;
  const network = options.network ?? networkParameters(chainId);
  const admin = options.admin ?? deployer.address;
  const treasury = options.treasury ?? deployer.address;
  // A development chain starts anew under the same chain id, so its journal must not be taken up again; and it has no reorgs.
  const journal = isLocalChain(chainId)
    ? {
        deploymentId: `local-${Date.now()}`,
        config: { requiredConfirmations: 1, blockPollingInterval: 200, retryInterval: 200 },
      }
    : { deploymentId: `chain-${chainId.toString()}` };
  const base = await ignition.deploy(Foundation, { parameters: { Foundation: { admin } }, ...journal });
  const [referee, authority, registry] = await Promise.all(
    [base.referee, base.authority, base.registry].map((contract) => contract.getAddress()),
  );
  if (referee === undefined || authority === undefined || registry === undefined)
    throw new Error("the foundation is incomplete");

  const nonce = await ethers.provider.getTransactionCount(deployer.address);
  const predict = (step: number): string => getCreateAddress({ from: deployer.address, nonce: nonce + step });
  const [vault, market, game] = [predict(0), predict(1), predict(2)];
  const { floorSeconds } = network;
  const parameters = { ...network.parameters };
  const wiring = { referee, authority, registry, market, game, treasury, floorSeconds, parameters };
  const { directory } = await ignition.deploy(Assay, { parameters: { Assay: wiring }, ...journal });

  const contracts: Contracts = {
    referee: await ethers.getContractAt("Referee", referee),
    authority: await ethers.getContractAt("Authority", authority),
    registry: await ethers.getContractAt("ModelRegistry", registry),
    vault: await ethers.getContractAt("Vault", vault),
    market: await ethers.getContractAt("InferenceMarket", market),
    game: await ethers.getContractAt("DisputeGame", game),
    directory: await ethers.getContractAt("OperatorDirectory", await directory.getAddress()),
  };
  await checkWiring(contracts, treasury);
  return { ...contracts, chainId, block, deployer: deployer.address, treasury, network };
}

/** What `deployments/NETWORK.json` says of it at least. */
export async function describeDeployment(deployed: DeployedContracts): Promise<Deployment> {
  const { registry, vault, market, game, referee, directory } = deployed;
  return parseDeployment({
    chainId: Number(deployed.chainId),
    block: deployed.block,
    addresses: {
      registry: await registry.getAddress(),
      vault: await vault.getAddress(),
      market: await market.getAddress(),
      game: await game.getAddress(),
      referee: await referee.getAddress(),
      directory: await directory.getAddress(),
    },
  });
}

/** @throws Error naming the first reference that is not what it should be. */
export async function checkWiring(contracts: Contracts, treasury: string): Promise<void> {
  const { referee, authority, registry, vault, market, game } = contracts;
  const [vaultAt, marketAt, gameAt] = [
    await vault.getAddress(),
    await market.getAddress(),
    await game.getAddress(),
  ];
  const registryAt = await registry.getAddress();
  const expected: readonly (readonly [name: string, actual: string, expected: string])[] = [
    ["vault.registry", await vault.registry(), registryAt],
    ["vault.market", await vault.market(), marketAt],
    ["vault.game", await vault.game(), gameAt],
    ["vault.treasury", await vault.treasury(), treasury],
    ["market.authority", await market.authority(), await authority.getAddress()],
    ["market.registry", await market.registry(), registryAt],
    ["market.vault", await market.vault(), vaultAt],
    ["market.game", await market.game(), gameAt],
    ["game.market", await game.market(), marketAt],
    ["game.vault", await game.vault(), vaultAt],
    ["game.referee", await game.referee(), await referee.getAddress()],
  ];
  for (const [name, actual, wanted] of expected)
    if (actual !== wanted) throw new Error(`${name} is ${actual}, not ${wanted}`);
}
