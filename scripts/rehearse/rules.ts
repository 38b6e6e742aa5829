/**
 * The public networks as far as anvil can stand in for them: chain id, block time, gas of a block, base fee, and EIP-7825's limit of
 * 2^24 gas for a transaction, on all of them. Figures are not above what the networks allow. What rollups charge for data, and how
 * long they take to be final, cannot be had this way.
 */
import type { ChainRules } from "../anvil.ts";
import type { ContractName } from "../deploy/plan.ts";
import type { PublicNetwork } from "../networks.ts";

export interface Rehearsed extends ChainRules {
  readonly blockSeconds: number;
  /** The deployment is killed while this contract's transaction is under way. */
  readonly killAt: ContractName;
}

export const REHEARSED: Readonly<Record<PublicNetwork, Rehearsed>> = {
  sepolia: { blockSeconds: 12, blockGas: 60_000_000, baseFeeWei: 1_000_000_000, killAt: "Referee" },
  baseSepolia: { blockSeconds: 2, blockGas: 60_000_000, baseFeeWei: 1_000_000, killAt: "Authority" },
  arbitrumSepolia: {
    blockSeconds: 0.25,
    blockGas: 2 ** 50,
    baseFeeWei: 100_000_000,
    killAt: "ReceiptsVault",
  },
  optimismSepolia: {
    blockSeconds: 2,
    blockGas: 60_000_000,
    baseFeeWei: 1_000_000,
    killAt: "InferenceMarket",
  },
};

export const TRANSACTION_GAS = 2 ** 24;
