/** What must be free of the stake for the next answer and the next challenge. Pure. */
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState, ReleaseRecord } from "../chain/state.ts";
import { bondFloor, type AnswerTerms } from "./answer.ts";
import { lockWei } from "./challenge.ts";
import { toLockIn, type RoundsOf } from "./locked.ts";
import { wholeAmong } from "./promises.ts";

type Wanted = AnswerTerms["serve"];

export interface StakeFacts {
  readonly me: Hex;
  /** Wei per gas. */
  readonly baseFee: bigint;
  /** Releases that are answered, and those of which answers are verified; undefined: none. */
  readonly serve: Wanted | undefined;
  readonly verify: Wanted | undefined;
  /** Whether this node has derived a release itself. */
  readonly isReady: (releaseId: Hex) => boolean;
  readonly roundsOf: RoundsOf;
  /** Processes that share the stake. */
  readonly processes: number;
}

/**
 * The higher one of the least bond of the dearest release and of what the longest dispute may lock, on top of what own games may come
 * to lock. Of releases that the owner did not name only those that are ready count: a stranger may claim anything.
 * @returns wei; undefined until the rules are known.
 */
export function stakeNeeded(
  state: Pick<ChainState, "releases" | "requests" | "results" | "queues" | "parameters">,
  { me, baseFee, serve, verify, isReady, roundsOf, processes }: StakeFacts,
): bigint | undefined {
  if (state.parameters === undefined) return undefined;
  const rules = unpackParameters(state.parameters);

  function mostOf(wanted: Wanted, numberOf: (record: ReleaseRecord) => number): number {
    let most = 0;
    for (const record of state.releases.values()) {
      const { releaseId } = record;
      const counts = wanted === "all" ? isReady(releaseId) : wanted.some((id) => sameHex(id, releaseId));
      if (counts) most = Math.max(most, numberOf(record));
    }
    return most;
  }

  const gas = (wanted: Wanted): number => mostOf(wanted, ({ release }) => release.disputeGas);
  const rounds = (wanted: Wanted): number => mostOf(wanted, ({ releaseId }) => roundsOf(releaseId));
  const answerWei = serve === undefined ? 0n : bondFloor({ disputeGas: gas(serve) }, rules, baseFee);
  const challengeWei =
    verify === undefined ? 0n : wholeAmong(processes, lockWei(rules, baseFee, rounds(verify)));
  const nextWei = answerWei > challengeWei ? answerWei : challengeWei;
  return nextWei + toLockIn("market", state, me, baseFee, roundsOf);
}
