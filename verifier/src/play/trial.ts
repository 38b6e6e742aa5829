/** One trial as its players see it, and the moves they can make. Plain data; byte strings as bytes. */
import type { OutputProof, StepProof } from "../../../program/src/prove.ts";
import { unpackParameters, type ParameterSet } from "../../../sdk/src/parameters.ts";
import type { Claim, Hex, Node } from "../../../sdk/src/structs.ts";
import {
  isExpired,
  isTold,
  type ChainState,
  type GameRecord,
  type ReleaseRecord,
  type ResultRecord,
  type ToldRequest,
  type ToldResult,
} from "../chain/state.ts";

export interface Trial {
  /** Time of the chain's newest block, unix seconds. */
  readonly now: number;
  readonly release: ReleaseRecord;
  readonly request: ToldRequest;
  readonly result: ToldResult;
  /** It is a receipt's, and the time to challenge it is over. */
  readonly expired: boolean;
}

/** Calls to the dispute game, but for the claim, which is always the trial's. */
export type Move =
  | { readonly kind: "challenge" }
  | { readonly kind: "commitTrace"; readonly root: Uint8Array; readonly top: Uint8Array }
  | { readonly kind: "openInput" }
  | { readonly kind: "select"; readonly from: Node; readonly selection: Selection }
  | { readonly kind: "reveal"; readonly node: Node; readonly children: Uint8Array }
  | {
      readonly kind: "prove";
      readonly instruction: number;
      readonly element: number;
      readonly proof: StepProof;
    }
  | {
      readonly kind: "proveOutput";
      readonly output: number;
      readonly element: number;
      readonly proof: OutputProof;
    }
  | { readonly kind: "timeout"; readonly challenger: Hex; readonly node: Node }
  | { readonly kind: "settleGame"; readonly challenger: Hex }
  | { readonly kind: "settleBond" };

/** `IDisputeGame.Selection`; the last three only where the path leads from the trace into a tensor. */
export interface Selection {
  readonly node: Node;
  readonly path: Uint8Array;
  readonly header: Uint8Array;
  readonly encoding: Uint8Array;
  readonly encodingPath: Uint8Array;
}

export interface PlannedMove {
  readonly move: Move;
  /** Unix seconds by which it must be mined; undefined if nothing is lost by waiting. */
  readonly deadline: number | undefined;
}

/**
 * A result of the state on trial.
 * @returns undefined while the events of the release or request have not been seen, or nobody has told us input and output.
 */
export function trialOf(
  state: Pick<ChainState, "requests" | "releases" | "results" | "queues">,
  result: ResultRecord,
  now: number,
): Trial | undefined {
  const request = state.requests.get(result.requestId);
  const release = request && state.releases.get(request.request.releaseId);
  if (request === undefined || release === undefined || !isTold(request) || !isTold(result)) return undefined;
  const expired = request.court === "receipts" && isExpired(state, request, now);
  return { now, release, request, result, expired };
}

export function claimOf({ release, request, result }: Pick<Trial, "release" | "request" | "result">): Claim {
  const { operator, outputHash } = result;
  return { request: request.request, release: release.release, operator, outputHash };
}

export function rulesOf(trial: Trial): ParameterSet {
  return unpackParameters(trial.request.request.parameters);
}

/** The node that a game is about: the one selected last, or the trace root. */
export function selectedNode(result: ResultRecord, game: GameRecord): Node {
  const root: Node = {
    hash: result.commit?.traceRoot ?? `0x${"00".repeat(32)}`,
    tensor: false,
    height: result.commit?.traceDepth ?? 0,
    instruction: 0,
    index: 0,
  };
  return game.selections.at(-1) ?? root;
}

export function isOver(trial: Trial): boolean {
  return isFinal(trial) || (trial.request.status !== "requested" && trial.request.status !== "answered");
}

export function isFinal({ request, expired }: Trial): boolean {
  return (
    request.status === "final" || request.status === "delivered" || (request.status === "answered" && expired)
  );
}

/** Whether this answer was judged wrong. */
export function isOverturned(trial: Trial): boolean {
  return trial.result.verdict !== "none";
}
