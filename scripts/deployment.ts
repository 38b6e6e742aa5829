/**
 * Deploys by Hardhat Ignition and checks the wiring. Used by scripts/deploy, the demo and the tests.
 */
import { parseDeployment, type Deployment } from "../sdk/src/deployment.ts";
import { AssayError } from "../sdk/src/error.ts";
import type {
  Authority,
  Deposits,
  DisputeGame,
  InferenceMarket,
  ModelRegistry,
  OperatorDirectory,
  Receipts,
  Referee,
  Vault,
} from "../types/ethers-contracts/index.js";
import { makePlan, type Choices, type Plan } from "./deploy/plan.ts";
import { sendPlan, type Connection } from "./deploy/send.ts";
import { adminDelaySeconds, networkParameters, type NetworkParameters } from "./networks.ts";

export interface Contracts {
  readonly referee: Referee;
  readonly authority: Authority;
  readonly registry: ModelRegistry;
  readonly vault: Vault;
  readonly market: InferenceMarket;
  readonly game: DisputeGame;
  readonly directory: OperatorDirectory;
  readonly receipts: Receipts;
  readonly receiptsVault: Vault;
  readonly receiptsGame: DisputeGame;
  readonly deposits: Deposits;
}

/** A referee alone, which needs nothing else. */
export async function deployReferee({ ethers }: Pick<Connection, "ethers">): Promise<Referee> {
  const scalars = await ethers.deployContract("Scalars");
  const interpreter = await ethers.deployContract("Interpreter", [await scalars.getAddress()]);
  return ethers.deployContract("Referee", [await interpreter.getAddress()]);
}

export type DeployOptions = Partial<Omit<Choices, "deployer">>;

export interface DeployedContracts extends Contracts {
  readonly chainId: bigint;
  /** First block that can hold an event of the deployment. */
  readonly block: number;
  readonly deployer: string;
  readonly treasury: string;
  readonly network: NetworkParameters;
}

/** What is deployed if nothing else is said: the deployer is admin, guardian and treasury. */
export async function planFor({ ethers }: Connection, options: DeployOptions = {}): Promise<Plan> {
  const [signer] = await ethers.getSigners();
  if (signer === undefined) throw new AssayError("BAD_CONFIG", "the network has no account to deploy from");
  const { chainId } = await ethers.provider.getNetwork();
  const { address: deployer } = signer;
  const admin = options.admin ?? deployer;
  return makePlan(ethers, {
    deployer,
    admin,
    adminDelaySeconds: options.adminDelaySeconds ?? adminDelaySeconds(chainId),
    guardian: options.guardian ?? admin,
    treasury: options.treasury ?? admin,
    network: options.network ?? networkParameters(chainId),
    label: options.label ?? "assay-1",
  });
}

export async function contractsOf(
  { ethers }: Pick<Connection, "ethers">,
  { addresses: at }: Plan,
): Promise<Contracts> {
  return {
    referee: await ethers.getContractAt("Referee", at.Referee),
    authority: await ethers.getContractAt("Authority", at.Authority),
    registry: await ethers.getContractAt("ModelRegistry", at.ModelRegistry),
    vault: await ethers.getContractAt("Vault", at.Vault),
    market: await ethers.getContractAt("InferenceMarket", at.InferenceMarket),
    game: await ethers.getContractAt("DisputeGame", at.DisputeGame),
    directory: await ethers.getContractAt("OperatorDirectory", at.OperatorDirectory),
    receipts: await ethers.getContractAt("Receipts", at.Receipts),
    receiptsVault: await ethers.getContractAt("Vault", at.ReceiptsVault),
    receiptsGame: await ethers.getContractAt("DisputeGame", at.ReceiptsGame),
    deposits: await ethers.getContractAt("Deposits", at.Deposits),
  };
}

/**
 * Deploys everything from the connection's first account, without asking; see scripts/deploy for people.
 * @throws Error if the deployed contracts do not name each other.
 */
export async function deployAssay(
  connection: Connection,
  options: DeployOptions = {},
): Promise<DeployedContracts> {
  const plan = await planFor(connection, options);
  const { block } = await sendPlan(connection, plan);
  const contracts = await contractsOf(connection, plan);
  const { deployer, treasury, network } = plan;
  await checkWiring(contracts, treasury);
  const { chainId } = await connection.ethers.provider.getNetwork();
  return { ...contracts, chainId, block, deployer, treasury, network };
}

/** What `deployments/NETWORK.json` says of it at least. */
export async function describeDeployment(deployed: DeployedContracts): Promise<Deployment> {
  const { registry, vault, market, game, referee, directory } = deployed;
  const { receipts, receiptsVault, receiptsGame, deposits } = deployed;
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
      receipts: await receipts.getAddress(),
      receiptsVault: await receiptsVault.getAddress(),
      receiptsGame: await receiptsGame.getAddress(),
      deposits: await deposits.getAddress(),
    },
  });
}

/** @throws Error naming the first reference that is not what it should be. */
export async function checkWiring(contracts: Contracts, treasury: string): Promise<void> {
  const { referee, authority, registry, vault, market, game } = contracts;
  const { receipts, receiptsVault, receiptsGame } = contracts;
  const [vaultAt, marketAt, gameAt] = [
    await vault.getAddress(),
    await market.getAddress(),
    await game.getAddress(),
  ];
  const registryAt = await registry.getAddress();
  const [receiptsAt, receiptsVaultAt, receiptsGameAt] = [
    await receipts.getAddress(),
    await receiptsVault.getAddress(),
    await receiptsGame.getAddress(),
  ];
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
    ["receiptsVault.registry", await receiptsVault.registry(), registryAt],
    ["receiptsVault.market", await receiptsVault.market(), receiptsAt],
    ["receiptsVault.game", await receiptsVault.game(), receiptsGameAt],
    ["receiptsVault.treasury", await receiptsVault.treasury(), treasury],
    ["receipts.market", await receipts.market(), marketAt],
    ["receipts.vault", await receipts.vault(), receiptsVaultAt],
    ["receipts.game", await receipts.game(), receiptsGameAt],
    ["receiptsGame.market", await receiptsGame.market(), receiptsAt],
    ["receiptsGame.vault", await receiptsGame.vault(), receiptsVaultAt],
    ["receiptsGame.referee", await receiptsGame.referee(), await referee.getAddress()],
  ];
  for (const [name, actual, wanted] of expected)
    if (actual !== wanted) throw new Error(`${name} is ${actual}, not ${wanted}`);
}
