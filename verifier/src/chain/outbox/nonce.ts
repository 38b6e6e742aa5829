/** Which nonce is next, and whether a move may be sent at all. Pure. */
import { formatEther } from "ethers";
import { AssayError } from "../../../../sdk/src/error.ts";
import { affordable } from "./fees.ts";
import type { Priority } from "./intent.ts";
import type { Decision, Fees, Ledger } from "./journal.ts";

/** More than this of somebody else's transactions under our key is an endpoint's error. */
const MAX_FOREIGN = 64;

/** In flight at once: a move of this priority is sent only while there are fewer, so that the urgent ones always find room. */
export const SLOTS: Readonly<Record<Priority, number>> = { move: 16, answer: 12, routine: 4 };

export interface ChainView {
  /** Next nonce in the chain. */
  readonly nonce: number;
  /** Next nonce with the pool's transactions. */
  readonly pendingNonce: number;
  /** Transactions of others under our key have been in the way for long: replace them. */
  readonly outbid: boolean;
  /** Wei. */
  readonly balance: bigint;
  readonly baseFee: bigint;
}

export interface Candidate {
  readonly label: string;
  readonly priority: Priority;
  readonly value: bigint;
  readonly gasLimit: number;
  readonly fees: Fees;
}

/**
 * The lowest nonce that is free. What somebody else has sent with this key (the command line beside a node) is passed over while
 * it has a chance to be mined.
 */
export function chooseNonce(chain: ChainView, held: ReadonlySet<number>): number {
  const passed =
    chain.outbid || chain.pendingNonce > chain.nonce + held.size + MAX_FOREIGN ? 0 : chain.pendingNonce;
  let nonce = chain.nonce;
  while (held.has(nonce) || nonce < passed) nonce++;
  return nonce;
}

/** @param routineBudgetWei For gas of routine work in 24 hours; undefined: no limit. */
export function decide(
  move: Candidate,
  chain: ChainView,
  ledger: Ledger,
  routineBudgetWei: bigint | undefined,
): Decision {
  const nonce = chooseNonce(chain, ledger.held);
  // What is in flight waits for whoever fills a gap before it.
  const fillsGap = [...ledger.held].some((held) => held > nonce);
  if (ledger.pending >= SLOTS[move.priority] && !fillsGap) return { refused: "wait" };
  const fees = affordable(move.fees, {
    balance: chain.balance - ledger.committedWei,
    value: move.value,
    gasLimit: move.gasLimit,
    baseFee: chain.baseFee,
  });
  if (fees === undefined) {
    const needed = move.value + BigInt(move.gasLimit) * move.fees.maxFeePerGas + ledger.committedWei;
    return { refused: insufficient(move.label, chain.balance, needed) };
  }
  const gasWei = BigInt(move.gasLimit) * fees.maxFeePerGas;
  const used = ledger.routineSpentWei + ledger.routineCommittedWei + gasWei;
  if (move.priority === "routine" && routineBudgetWei !== undefined && used > routineBudgetWei)
    return { refused: exhausted(move.label, routineBudgetWei) };
  return { nonce, fees };
}

/** @param needed At least, for value and gas. */
export function insufficient(label: string, balance: bigint, needed: bigint): AssayError {
  return new AssayError(
    "INSUFFICIENT_FUNDS",
    `${label}: the wallet has ${formatEther(balance)} ETH, and value and gas take at least ${formatEther(needed)} ETH: send it ${formatEther(needed - balance)} ETH or more`,
    { retryable: true, details: { balanceWei: String(balance), neededWei: String(needed) } },
  );
}

function exhausted(label: string, budget: bigint): AssayError {
  return new AssayError(
    "BUDGET_EXHAUSTED",
    `${label}: routine work has used the ${formatEther(budget)} ETH that it may spend in a day`,
    { retryable: true, details: { budgetWei: String(budget) } },
  );
}
