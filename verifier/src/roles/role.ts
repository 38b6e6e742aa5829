/** What both roles work with. */
import type { Contracts } from "../../../sdk/src/contracts.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import { sameHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import type { Sender } from "../chain/outbox/intent.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState, Court, ResultRecord } from "../chain/state.ts";
import type { Batcher } from "../compute/batcher.ts";
import type { ExactPool } from "../compute/exactPool.ts";
import type { InferencePool } from "../compute/pool.ts";
import type { FastPaths } from "../compute/selfCheck.ts";
import type { Duty } from "../duties.ts";
import type { GasPrice } from "../economics/feePerGas.ts";
import { toLockIn, type RoundsOf } from "../economics/locked.ts";
import { shareAmong, type Promises } from "../economics/promises.ts";
import type { Reading } from "../economics/reading.ts";
import type { RunTimes } from "../economics/runTimes.ts";
import { logError, type Logger } from "../log.ts";
import type { RoleProbe } from "../observe/probes.ts";
import { encodeMove, gameFor, moveKey } from "../play/calls.ts";
import { trialOf, type Move, type Trial } from "../play/trial.ts";
import { roundsIn } from "../releases/disputeGas.ts";
import type { Releases } from "../releases/prepare.ts";
import type { Findings } from "../state/findings.ts";

export interface RoleContext {
  readonly contracts: Contracts;
  readonly sender: Sender;
  readonly pool: InferencePool;
  readonly exact: ExactPool;
  /** `pool`, with runs that several inputs share. */
  readonly batcher: Batcher;
  readonly releases: Releases;
  readonly fastPaths: FastPaths;
  readonly findings: Findings;
  /** What an operator shows over HTTP of the trace that it defends, checked; undefined: it shows nothing. */
  readonly askReveal: (
    endpoints: readonly string[],
    resultId: Hex,
    node: Node,
  ) => Promise<Uint8Array | undefined>;
  /** Input and output of a receipt that we gave or were handed; undefined: not known (yet). @param digest Of the receipt. */
  readonly heard: (digest: Hex, receipt: Receipt) => Heard | undefined;
  readonly runTimes: RunTimes;
  /** Own stake that nothing binds, wei. */
  readonly freeStake: Reading<bigint>;
  /** The same in the receipts' vault. */
  readonly freeForReceipts: Reading<bigint>;
  /** Of `freeStake`: bonds of answers, and what challenges may lock, that the chain does not show yet. */
  readonly promised: Readonly<Record<"answers" | "challenges", Promises>>;
  /** Processes of this identity that share the database. */
  readonly processes: () => number;
  readonly gasPrice: (head: BlockRef) => GasPrice;
  /** Processes that compute traces side by side. */
  readonly workers: number;
  readonly probe: RoleProbe;
  readonly log: Logger;
}

/** Of a duty that computes: what waits for its release's file takes nobody's turn. */
export function placesFor(
  { releases }: Pick<RoleContext, "releases">,
  releaseId: Hex,
  places: number,
): number {
  return releases.ready(releaseId) === undefined ? 0 : places;
}

/** Selects of a dispute about a release at most. */
export function roundsOf(
  { releases }: { readonly releases: Pick<Releases, "ready"> },
  state: Pick<ChainState, "releases">,
): RoundsOf {
  return (releaseId) => {
    const record = state.releases.get(releaseId);
    return (
      releases.ready(releaseId)?.model.disputeRounds ?? (record === undefined ? 0 : roundsIn(record.release))
    );
  };
}

/** What own games and challenges in a court leave of what is free in its vault, wei. */
export function leftIn(
  court: Court,
  freeWei: bigint | undefined,
  context: Pick<RoleContext, "sender" | "releases" | "gasPrice">,
  state: ChainState,
  head: BlockRef,
): bigint | undefined {
  if (freeWei === undefined) return undefined;
  const { baseFee } = context.gasPrice(head);
  return freeWei - toLockIn(court, state, context.sender.address, baseFee, roundsOf(context, state));
}

/** What this process may lock of that in challenges. */
export function challengeable(
  context: Pick<RoleContext, "processes">,
  leftWei: bigint | undefined,
): bigint | undefined {
  return leftWei === undefined ? undefined : shareAmong(context.processes(), leftWei);
}

export interface Heard {
  readonly input: Hex;
  readonly output: Hex;
}

export interface Role {
  /** Everything that is due in this state. No effects but the role's own memory. */
  duties(state: ChainState, head: BlockRef): Duty[];
  /** What is below a node of a trace that it defends; undefined if it does not, or the node is not in it. */
  reveal?(resultId: Hex, node: Node): Promise<Uint8Array | undefined>;
}

/** Completes the record of a receipt's trial by what we know of it. */
function tell({ requests }: ChainState, result: ResultRecord, heard: RoleContext["heard"]): void {
  const request = requests.get(result.requestId);
  if (request?.receipt === undefined || request.input !== undefined) return;
  const known = heard(request.request.inputHash, request.receipt);
  if (known === undefined) return;
  request.input = known.input;
  result.output = known.output;
}

/** Duties of each trial by itself: what is strange about one must not keep the node from the others. */
export function dutiesOfTrials(
  { log, sender, heard }: Pick<RoleContext, "log" | "sender" | "heard">,
  state: ChainState,
  head: BlockRef,
  whose: "mine" | "others",
  dutiesOf: (trial: Trial) => Duty[],
): Duty[] {
  return [...state.results.values()].flatMap((result) => {
    if (sameHex(result.operator, sender.address) !== (whose === "mine")) return [];
    tell(state, result, heard);
    const trial = trialOf(state, result, head.timestamp);
    if (trial === undefined) return [];
    try {
      return dutiesOf(trial);
    } catch (error) {
      logError(log, error, "a trial could not be planned", { result: result.resultId });
      return [];
    }
  });
}

export async function sendMove(
  { contracts, sender }: Pick<RoleContext, "contracts" | "sender">,
  trial: Trial,
  move: Move,
  deadline?: number,
): Promise<void> {
  const { resultId } = trial.result;
  await sender.send({
    key: moveKey(resultId, move),
    label: move.kind,
    subject: resultId,
    to: gameFor(contracts, trial),
    data: encodeMove(contracts, trial, move),
    ...(deadline === undefined ? {} : { priority: "move", deadline, stakeWei: trial.request.request.bond }),
  });
}

export function moveDuty(context: RoleContext, trial: Trial, move: Move, deadline?: number): Duty {
  const { requestId: subject } = trial.request;
  const run = (): Promise<void> => sendMove(context, trial, move, deadline);
  return { key: moveKey(trial.result.resultId, move), subject, deadline, run };
}
