/**
 * The dispute game without a chain, for tests of the planner: it checks each move's hashes as the contract does, turns moves
 * into the contract's events, and keeps the time.
 */
import { expect } from "chai";
import { keccak, disputeIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import {
  fromHex,
  toHex,
  ZERO_ADDRESS,
  ZERO_HASH,
  type Hex,
  type Release,
  type Request,
} from "../../sdk/src/structs.ts";
import { sha256 } from "../../program/src/merkle.ts";
import type { AssayEvent } from "../../sdk/src/events.ts";
import { apply, emptyState, type ChainState } from "../src/chain/state.ts";
import { levelsBelow, padding, type TreeKind } from "../src/play/tree.ts";
import { trialOf, type Move, type Trial } from "../src/play/trial.ts";

export const OPERATOR: Hex = `0x${"0a".repeat(20)}`;
export const CLOCK_SECONDS = 100;
const START = 1_000_000;
const WINDOW = 50;

/** Root reached from a node by packed siblings. */
export function climb(node: Uint8Array, index: number, path: Uint8Array): Uint8Array {
  let hash = node;
  for (let level = 0; level * 32 < path.length; level++) {
    const sibling = path.subarray(32 * level, 32 * level + 32);
    hash = Math.floor(index / 2 ** level) % 2 === 0 ? sha256(hash, sibling) : sha256(sibling, hash);
  }
  return hash;
}

/** Root of a subtree over packed nodes, missing ones being padding. */
function subtreeRoot(kind: TreeKind, height: number, children: Uint8Array): Uint8Array {
  const levels = levelsBelow(height);
  const pad = padding(kind, height - levels);
  let nodes = Array.from({ length: 2 ** levels }, (_, i) =>
    children.length >= 32 * (i + 1) ? children.subarray(32 * i, 32 * i + 32) : pad,
  );
  while (nodes.length > 1)
    nodes = nodes.filter((_, i) => i % 2 === 0).map((left, i) => sha256(left, nodes[2 * i + 1] ?? pad));
  return nodes[0] ?? pad;
}

export interface Simulation {
  readonly state: ChainState;
  readonly moves: string[];
  trial(): Trial;
  wait(seconds: number): void;
  perform(move: Move, by: Hex): void;
}

/** A trial of `output`, published for `input`. */
export function simulate(
  header: Uint8Array,
  input: Uint8Array,
  output: Uint8Array,
  traceDepth: number,
): Simulation {
  const state = emptyState();
  const moves: string[] = [];
  let now = START;
  const emit = (event: AssayEvent): void => apply(state, { event, blockNumber: 1, timestamp: now });

  const release: Release = {
    modelId: 1n,
    programRoot: toHex(sha256(header)),
    fileSha256: ZERO_HASH,
    loweringVersion: 1,
    bindingsHash: ZERO_HASH,
    signatureHash: ZERO_HASH,
    inputBytes: input.length,
    outputBytes: output.length,
    atol: 0,
    rtol: 0,
    stepGas: 1,
    disputeGas: 1,
    royaltyBps: 0,
  };
  const request: Request = {
    requester: ZERO_ADDRESS,
    nonce: 0n,
    releaseId: ZERO_HASH,
    inputHash: keccak(input),
    fee: 0n,
    bond: 0n,
    requestedAt: now,
    deadline: now + 100,
    windowSeconds: WINDOW,
    operator: OPERATOR,
    callbackGas: 0,
    refundTo: ZERO_ADDRESS,
    terms: 0n,
    parameters: (BigInt(CLOCK_SECONDS) << 64n) | (BigInt(CLOCK_SECONDS) << 88n),
  };
  const requestId = keccak("0x01");
  const resultId = resultIdOf(requestId, OPERATOR, keccak(output));
  const ids = { requestId, resultId };
  emit({
    name: "Released",
    releaseId: ZERO_HASH,
    modelId: 1n,
    programRoot: release.programRoot,
    release,
    header: toHex(header),
    contentUri: "",
  });
  emit({
    name: "Requested",
    requestId,
    releaseId: ZERO_HASH,
    requester: ZERO_ADDRESS,
    request,
    input: toHex(input),
  });
  emit({ name: "Fulfilled", ...ids, operator: OPERATOR, endsAt: now + WINDOW, output: toHex(output) });

  function trial(): Trial {
    const result = state.results.get(resultId);
    const found = result && trialOf(state, result, now);
    if (found === undefined) throw new Error("no trial");
    return found;
  }

  function overturn(verdict: "clock" | "step" | "output", by: Hex): void {
    emit({ name: "OperatorLost", resultId, verdict, by });
    emit({ name: "Overturned", ...ids });
  }

  /** The checks of DisputeGame._requireBelow on hashes. */
  function checkSelection(move: Extract<Move, { kind: "select" }>): void {
    const { from, selection } = move;
    const { node, path } = selection;
    const levels = node.tensor === from.tensor ? from.height - node.height : path.length / 32 - from.height;
    const reached = climb(fromHex(node.hash), node.index, path.subarray(0, 32 * levels));
    const crossed = climb(reached, node.instruction, path.subarray(32 * levels));
    expect(toHex(crossed)).to.equal(from.hash);
    if (node.tensor === from.tensor) {
      expect(node.height).to.be.at.most(from.height - levelsBelow(from.height));
      expect(Math.floor(node.index / 2 ** levels)).to.equal(from.index);
    } else expect(Math.floor(node.instruction / 2 ** from.height)).to.equal(from.index);
  }

  function perform(move: Move, by: Hex): void {
    const game = { resultId, disputeId: disputeIdOf(resultId, by) };
    const traceRoot = trial().result.commit?.traceRoot ?? ZERO_HASH;
    moves.push(move.kind);
    switch (move.kind) {
      case "challenge": {
        const claim = { request, release, operator: OPERATOR, outputHash: keccak(output) };
        const { size: entry } = trial().result.games;
        return emit({ name: "Challenged", ...game, challenger: by, entry, bondWei: 1n, claim });
      }
      case "commitTrace":
        expect(toHex(subtreeRoot("trace", traceDepth, move.top))).to.equal(toHex(move.root));
        return emit({
          name: "TraceCommitted",
          resultId,
          traceRoot: toHex(move.root),
          traceDepth,
          header: toHex(header),
          top: toHex(move.top),
        });
      case "select":
        checkSelection(move);
        return emit({
          name: "Selected",
          ...game,
          challenger: by,
          traceRoot,
          node: move.selection.node,
          depositWei: 1n,
        });
      case "reveal": {
        const { hash, tensor, height } = move.node;
        const root =
          tensor && height === 0
            ? sha256(move.children)
            : subtreeRoot(tensor ? "tensor" : "trace", height, move.children);
        expect(toHex(root)).to.equal(hash);
        return emit({
          name: "Revealed",
          resultId,
          node: hash,
          tensor,
          height,
          children: toHex(move.children),
        });
      }
      case "openInput":
        return emit({ name: "InputOpened", requestId, inputsRoot: keccak("0x02") });
      case "prove":
        return overturn("step", by);
      case "proveOutput":
        return overturn("output", by);
      case "timeout": {
        if (by === move.challenger) return overturn("clock", by);
        return emit({ name: "ChallengerLost", resultId, disputeId: disputeIdOf(resultId, move.challenger) });
      }
      case "settleGame":
        return emit({ name: "GameSettled", ...game, returnedWei: 1n, shareWei: 0n, forfeitedWei: 0n });
      case "settleBond":
        return emit({ name: "BondSettled", resultId, burnedWei: 1n });
    }
  }

  return {
    state,
    moves,
    trial,
    perform,
    wait: (seconds) => {
      now += seconds;
    },
  };
}
