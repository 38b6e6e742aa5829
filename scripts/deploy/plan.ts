/** What a deployment consists of and where everything will be; pure but for reading artifacts. */
import { basename } from "node:path";
import type { NetworkConnection } from "hardhat/types/network";
import type { NetworkParameters } from "../networks.ts";
import { create2Address, create3Address, createCall, CREATE_X, saltOf } from "./createx.ts";

/** What is deployed, in this order, and from which file of contracts/; receipts have a vault and a game of the market's code. */
export const SOURCES = {
  Scalars: "referee/Scalars.sol",
  Interpreter: "referee/Interpreter.sol",
  Referee: "referee/Referee.sol",
  Authority: "market/Authority.sol",
  ModelRegistry: "registry/ModelRegistry.sol",
  OperatorDirectory: "registry/OperatorDirectory.sol",
  Vault: "staking/Vault.sol",
  InferenceMarket: "market/InferenceMarket.sol",
  DisputeGame: "dispute/DisputeGame.sol",
  ReceiptsVault: "staking/Vault.sol",
  Receipts: "receipts/Receipts.sol",
  ReceiptsGame: "dispute/DisputeGame.sol",
  Deposits: "receipts/Deposits.sol",
} as const;
export type ContractName = keyof typeof SOURCES;

/** Who and what a deployment is for. */
export interface Choices {
  /** Pays, and decides where everything will be. */
  readonly deployer: string;
  /** Sets parameters and grants roles, each time after `adminDelaySeconds`. */
  readonly admin: string;
  readonly adminDelaySeconds: number;
  /** May pause new requests. */
  readonly guardian: string;
  /** Vault account that gets the protocol fees. */
  readonly treasury: string;
  readonly network: NetworkParameters;
  /** Part of the salt: another label, other addresses. */
  readonly label: string;
}

/** A constructor's argument. */
export type Argument = string | number | Record<string, number>;

/** One contract. */
export interface Step {
  readonly name: ContractName;
  /** CREATE2: the address says what the code is. CREATE3: it does not depend on it. */
  readonly kind: "deployCreate2" | "deployCreate3";
  readonly args: readonly Argument[];
  readonly salt: string;
  readonly initCode: string;
  readonly address: string;
  /** The transaction that deploys it. */
  readonly call: { readonly from: string; readonly to: string; readonly data: string };
}

export interface Plan extends Choices {
  readonly steps: readonly Step[];
  readonly addresses: Readonly<Record<ContractName, string>>;
}

type Ethers = NetworkConnection["ethers"];

export async function makePlan(ethers: Ethers, choices: Choices): Promise<Plan> {
  const { deployer, admin, adminDelaySeconds, guardian, treasury, label } = choices;
  const { floorSeconds, parameters } = choices.network;
  const salt = saltOf(deployer, label);
  const saltFor = (name: ContractName): string => saltOf(deployer, `${label}/${name}`);
  const create3 = (name: ContractName): string => create3Address(deployer, saltFor(name));
  const steps: Step[] = [];

  async function add(name: ContractName, kind: Step["kind"], args: readonly Argument[]): Promise<string> {
    const factory = await ethers.getContractFactory(basename(SOURCES[name], ".sol"));
    const { data: initCode } = await factory.getDeployTransaction(...args);
    const own = kind === "deployCreate2" ? salt : saltFor(name);
    const address = kind === "deployCreate2" ? create2Address(deployer, own, initCode) : create3(name);
    const call = { from: deployer, to: CREATE_X, data: createCall(kind, own, initCode) };
    steps.push({ name, kind, args, salt: own, initCode, address, call });
    return address;
  }

  const [vault, market, game] = [create3("Vault"), create3("InferenceMarket"), create3("DisputeGame")];
  const receipts = create3("Receipts");
  const [receiptsVault, receiptsGame] = [create3("ReceiptsVault"), create3("ReceiptsGame")];
  const scalars = await add("Scalars", "deployCreate2", []);
  const interpreter = await add("Interpreter", "deployCreate2", [scalars]);
  const referee = await add("Referee", "deployCreate2", [interpreter]);
  const authority = await add("Authority", "deployCreate2", [admin, adminDelaySeconds, guardian, market]);
  const registry = await add("ModelRegistry", "deployCreate2", []);
  const directory = await add("OperatorDirectory", "deployCreate2", []);
  await add("Vault", "deployCreate3", [registry, market, game, treasury]);
  const set = { ...parameters };
  await add("InferenceMarket", "deployCreate3", [authority, registry, vault, game, floorSeconds, set]);
  await add("DisputeGame", "deployCreate3", [market, vault, referee]);
  await add("ReceiptsVault", "deployCreate3", [registry, receipts, receiptsGame, treasury]);
  await add("Receipts", "deployCreate3", [market, receiptsVault, receiptsGame]);
  await add("ReceiptsGame", "deployCreate3", [receipts, receiptsVault, referee]);
  const deposits = await add("Deposits", "deployCreate2", []);
  const addresses = {
    Scalars: scalars,
    Interpreter: interpreter,
    Referee: referee,
    Authority: authority,
    ModelRegistry: registry,
    OperatorDirectory: directory,
    Vault: vault,
    InferenceMarket: market,
    DisputeGame: game,
    ReceiptsVault: receiptsVault,
    Receipts: receipts,
    ReceiptsGame: receiptsGame,
    Deposits: deposits,
  };
  return { ...choices, steps, addresses };
}
