/** Whether to challenge an answer that is known to be wrong. Pure. */
import type { ParameterSet } from "../../../sdk/src/parameters.ts";
import type { Release } from "../../../sdk/src/structs.ts";
import { leave, TAKE, type Decision } from "./decision.ts";
import { ether } from "./ether.ts";
import { shareDown } from "./share.ts";

/** "paying": when the share of the bond covers the worst dispute. "always": whatever it costs. */
export const CHALLENGE_POLICIES = ["paying", "always"] as const;
export type ChallengePolicy = (typeof CHALLENGE_POLICIES)[number];

export interface ChallengeTerms {
  readonly challenge: ChallengePolicy;
  /** Most that may be locked in own games at once, wei; undefined: all of the stake. */
  readonly bankroll: bigint | undefined;
}

export interface ChallengeFacts {
  readonly release: Release;
  readonly rules: ParameterSet;
  /** Operator's bond, wei. */
  readonly bondWei: bigint;
  /** Challengers that entered before. */
  readonly entries: number;
  /** Wei per gas. */
  readonly baseFee: bigint;
  /** Base fee and tip, wei per gas. */
  readonly feePerGas: bigint;
  /** Selects of a dispute that goes all the way, at most. */
  readonly rounds: number;
  /** What own games lock already and may come to lock, wei. */
  readonly lockedWei: bigint;
  /** Stake that nothing binds, less what own games may come to lock of it, wei; undefined: not looked at. */
  readonly freeWei?: bigint;
}

/** `DisputeGame.stakesNow`: a game's bond and a select's deposit in a block with this base fee, wei. */
export function stakesAt(
  { challengerBondGwei, selectDepositGwei, responseGas }: ParameterSet,
  baseFee: bigint,
): { readonly bondWei: bigint; readonly depositWei: bigint } {
  const responses = 2n * BigInt(responseGas) * baseFee;
  const most = (gwei: number): bigint => {
    const least = BigInt(gwei) * 1_000_000_000n;
    return least > responses ? least : responses;
  };
  return { bondWei: most(challengerBondGwei), depositWei: most(selectDepositGwei) };
}

/** Bond and deposits that a dispute of so many selects may lock, all of which come back, wei. */
export function lockWei(rules: ParameterSet, baseFee: bigint, rounds: number): bigint {
  const { bondWei, depositWei } = stakesAt(rules, baseFee);
  return bondWei + BigInt(rounds) * depositWei;
}

function atLeastZero(wei: bigint): bigint {
  return wei > 0n ? wei : 0n;
}

export interface ChallengeEstimate {
  /** Share of the operator's bond, wei. */
  readonly rewardWei: bigint;
  /** Gas of the worst dispute, wei. */
  readonly costWei: bigint;
  /** See {@link lockWei}. */
  readonly lockWei: bigint;
}

/**
 * reward = bond / 2^(2 + entries); cost = release.disputeGas * (base fee + tip); lock = bond of a game + rounds * deposit. There is
 * no probability in it: who has recomputed the trace knows that it wins. The cost is the worst case, since a liar chooses how long a
 * dispute takes.
 */
export function estimateChallenge(facts: Omit<ChallengeFacts, "lockedWei" | "freeWei">): ChallengeEstimate {
  return {
    rewardWei: shareDown(facts.bondWei, facts.entries),
    costWei: BigInt(facts.release.disputeGas) * facts.feePerGas,
    lockWei: lockWei(facts.rules, facts.baseFee, facts.rounds),
  };
}

/** Looked at again with each block of the window: a challenge that does not pay at this base fee may pay at the next. */
export function considerChallenge(terms: ChallengeTerms, facts: ChallengeFacts): Decision {
  const { rewardWei, costWei, lockWei } = estimateChallenge(facts);
  if (terms.challenge === "paying" && rewardWei < costWei)
    return leave("reward-below-cost", `reward below cost (${ether(rewardWei)} < ${ether(costWei)})`);
  const sum = facts.lockedWei + lockWei;
  if (terms.bankroll !== undefined && sum > terms.bankroll)
    return leave(
      "bankroll-exhausted",
      `it could lock ${ether(sum)}, above the bankroll of ${ether(terms.bankroll)}`,
    );
  // A game that cannot pay for its later selects loses what it has locked.
  if (facts.freeWei !== undefined && lockWei > facts.freeWei)
    return leave(
      "stake-too-low",
      `free stake below what it could lock (${ether(atLeastZero(facts.freeWei))} < ${ether(lockWei)})`,
    );
  return TAKE;
}

/** Locked in an own game, and what its later selects may add, wei. */
export function gameLockWei(
  game: { readonly escrowWei: bigint; readonly selections: readonly unknown[] },
  rounds: number,
  depositWei: bigint,
): bigint {
  return game.escrowWei + BigInt(Math.max(0, rounds - game.selections.length)) * depositWei;
}
