/** Typed handles of one deployment's contracts. */
import { JsonRpcApiProvider, type ContractRunner, type Provider } from "ethers";
import {
  IDeposits__factory,
  IDisputeGame__factory,
  IInferenceMarket__factory,
  IModelRegistry__factory,
  IOperatorDirectory__factory,
  IReceipts__factory,
  IReferee__factory,
  IVault__factory,
  type IDeposits,
  type IDisputeGame,
  type IInferenceMarket,
  type IModelRegistry,
  type IOperatorDirectory,
  type IReceipts,
  type IReferee,
  type IVault,
} from "./typechain.ts";
import type { Deployment } from "./deployment.ts";
import { AssayError, messageOf } from "./error.ts";

export interface Contracts {
  readonly deployment: Deployment;
  readonly registry: IModelRegistry;
  readonly vault: IVault;
  readonly market: IInferenceMarket;
  readonly game: IDisputeGame;
  readonly referee: IReferee;
  readonly directory: IOperatorDirectory;
  readonly receipts: IReceipts;
  /** Of the receipts' disputes. */
  readonly receiptsVault: IVault;
  readonly receiptsGame: IDisputeGame;
  readonly deposits: IDeposits;
}

/** Handles only; call {@link checkChain} before trusting an endpoint. */
export function connect(deployment: Deployment, runner: ContractRunner): Contracts {
  const at = deployment.addresses;
  return {
    deployment,
    registry: IModelRegistry__factory.connect(at.registry, runner),
    vault: IVault__factory.connect(at.vault, runner),
    market: IInferenceMarket__factory.connect(at.market, runner),
    game: IDisputeGame__factory.connect(at.game, runner),
    referee: IReferee__factory.connect(at.referee, runner),
    directory: IOperatorDirectory__factory.connect(at.directory, runner),
    receipts: IReceipts__factory.connect(at.receipts, runner),
    receiptsVault: IVault__factory.connect(at.receiptsVault, runner),
    receiptsGame: IDisputeGame__factory.connect(at.receiptsGame, runner),
    deposits: IDeposits__factory.connect(at.deposits, runner),
  };
}

/** Asks the endpoint itself: ethers may have been told which network to believe in. @throws {AssayError} RPC_FAILED. */
export async function chainIdOf(provider: Provider): Promise<bigint> {
  try {
    if (!(provider instanceof JsonRpcApiProvider)) return (await provider.getNetwork()).chainId;
    return BigInt(String(await provider.send("eth_chainId", [])));
  } catch (cause) {
    throw silent(cause);
  }
}

function silent(cause: unknown): AssayError {
  if (cause instanceof AssayError) return cause;
  return new AssayError("RPC_FAILED", `the RPC endpoint does not answer: ${messageOf(cause)}`, {
    retryable: true,
    cause,
  });
}

/** @throws {AssayError} WRONG_CHAIN, BAD_DEPLOYMENT if there is no contract at the market's address, or RPC_FAILED. */
export async function checkChain(deployment: Deployment, provider: Provider): Promise<void> {
  const chainId = await chainIdOf(provider);
  const code = await provider.getCode(deployment.addresses.market).catch((cause: unknown) => {
    throw silent(cause);
  });
  if (chainId !== BigInt(deployment.chainId))
    throw new AssayError(
      "WRONG_CHAIN",
      `the RPC endpoint serves chain ${chainId}, the deployment is on chain ${deployment.chainId}: use another endpoint or deployment file`,
    );
  if (code === "0x")
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `no contract at ${deployment.addresses.market} on chain ${chainId}: deploy again (a local chain forgets) or use another file`,
    );
}
