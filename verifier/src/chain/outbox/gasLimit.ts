/** How much gas a transaction may take, whatever endpoints say that it needs. Pure. */
import { getBytes } from "ethers";

/** An estimate can fall short where a call's gas depends on what is left. */
const MARGIN = 1.3;
/** EIP-7825. */
const MAX_TRANSACTION_GAS = 2 ** 24;
/** Blocks that hold more have no limit that means anything: such chains (Arbitrum) charge in gas for what they publish elsewhere. */
const NO_LIMIT = 2 ** 32;
const TRANSACTION_GAS = 21_000;
/** EIP-7623: of calldata, a zero byte is one token, any other four. */
const TOKEN_GAS = 10;
/** A limit so many times too high binds wei of the wallet that others need. */
const MAX_EXCESS = 2;

/** Gas of a call. */
export interface GasNeed {
  /** What endpoints say. */
  readonly estimate: number;
  /** Calldata, 0x hex. */
  readonly data: string;
  /** What a block of the chain holds. */
  readonly blockGas: number;
}

/** Below this no pool takes it. */
export function leastGas(data: string): number {
  const tokens = getBytes(data).reduce((sum, byte) => sum + (byte === 0 ? 1 : 4), 0);
  return TRANSACTION_GAS + TOKEN_GAS * tokens;
}

/** What every pool takes: a false estimate keeps nothing from being mined. */
function bounded(gas: number, { data, blockGas }: GasNeed): number {
  const most = blockGas > NO_LIMIT ? blockGas : Math.min(MAX_TRANSACTION_GAS, blockGas);
  return Math.min(Math.max(gas, leastGas(data)), most);
}

export function gasLimitFor(need: GasNeed): number {
  return Math.floor(bounded(need.estimate * MARGIN, need));
}

/** @returns what a limit should be instead; undefined: it will do. */
export function betterGasLimit(gasLimit: number, need: GasNeed): number | undefined {
  const better = gasLimitFor(need);
  const isOff =
    gasLimit < bounded(need.estimate, need) ||
    gasLimit > bounded(gasLimit, need) ||
    gasLimit > MAX_EXCESS * better;
  return isOff ? better : undefined;
}
