/**
 * Parameters of each network. Units: see ParameterSet in contracts/interfaces/Types.sol.
 */
import type { ParameterSet } from "../sdk/src/parameters.ts";

export interface NetworkParameters {
  /** Least window and clock that can ever be set, seconds: forced-inclusion delay plus three worst exact judgements. */
  readonly floorSeconds: number;
  readonly parameters: ParameterSet;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const money = {
  protocolFeeBps: 100,
  challengerBondGwei: 20_000_000,
  selectDepositGwei: 2_000_000,
  // commitTrace with 64 nodes and a large header; a reveal costs less.
  responseGas: 300_000,
  turnEthSeconds: 96,
} as const;

/** Development chains: nobody delays inclusion, and nobody wants to wait. */
const local: NetworkParameters = {
  floorSeconds: 5,
  parameters: {
    ...money,
    minWindow: 10,
    maxWindow: 7 * DAY,
    operatorClock: 60,
    challengerClock: 60,
    turnEthSeconds: 8,
  },
};

/** Layer 1: inclusion within minutes even when most builders censor; a quarter of an hour for an exact judgement. */
const layer1: NetworkParameters = {
  floorSeconds: HOUR,
  parameters: {
    ...money,
    minWindow: HOUR,
    maxWindow: 14 * DAY,
    operatorClock: 2 * HOUR,
    challengerClock: 2 * HOUR,
  },
};

/** Rollups: a sequencer can delay a forced transaction by a day (Arbitrum One) or half of one (OP Stack). */
const rollup: NetworkParameters = {
  floorSeconds: 25 * HOUR,
  parameters: {
    ...money,
    minWindow: 25 * HOUR,
    maxWindow: 14 * DAY,
    operatorClock: 2 * DAY,
    challengerClock: 2 * DAY,
  },
};

/** The public networks that `npm run deploy -- --network NAME` knows, by Hardhat's names. */
export const PUBLIC_NETWORKS = {
  sepolia: { chainId: 11155111, title: "Sepolia", chainType: "l1", rpc: "SEPOLIA_RPC_URL" },
  baseSepolia: { chainId: 84532, title: "Base Sepolia", chainType: "op", rpc: "BASE_SEPOLIA_RPC_URL" },
  arbitrumSepolia: {
    chainId: 421614,
    title: "Arbitrum Sepolia",
    chainType: "generic",
    rpc: "ARBITRUM_SEPOLIA_RPC_URL",
  },
  optimismSepolia: {
    chainId: 11155420,
    title: "OP Sepolia",
    chainType: "op",
    rpc: "OPTIMISM_SEPOLIA_RPC_URL",
  },
} as const;
export type PublicNetwork = keyof typeof PUBLIC_NETWORKS;

const LOCAL_CHAIN = 31337n;
const ROLLUPS: readonly bigint[] = [10n, 8453n, 42161n, 84532n, 421614n, 11155420n];

export function isLocalChain(chainId: bigint): boolean {
  return chainId === LOCAL_CHAIN;
}

/** Seconds that the admin of a chain's deployment has to wait between announcing and doing anything. */
export function adminDelaySeconds(chainId: bigint): number {
  return isLocalChain(chainId) ? 0 : 2 * DAY;
}

export function isRollup(chainId: bigint): boolean {
  return ROLLUPS.includes(chainId);
}

/** @returns the parameters of a development chain, a known rollup, or else layer 1. */
export function networkParameters(chainId: bigint): NetworkParameters {
  if (isLocalChain(chainId)) return local;
  return isRollup(chainId) ? rollup : layer1;
}
