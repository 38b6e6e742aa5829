/** What a challenger of a right answer does next: stall, point at random places, or send a proof that proves nothing. */
import { splitBlob } from "../../program/src/claim.ts";
import { proveStep } from "../../program/src/prove.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { treePath } from "../../program/src/merkle.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { fromHex, toHex, type Node } from "../../sdk/src/structs.ts";
import { clocksAt, type GameRecord } from "../../verifier/src/chain/state.ts";
import { access, claimOfTrace, type HonestRun } from "../../verifier/src/play/evidence.ts";
import { levelsBelow, siblings } from "../../verifier/src/play/tree.ts";
import { planChallenger, planSettlement } from "../../verifier/src/play/planner.ts";
import {
  isOver,
  isOverturned,
  selectedNode,
  type Move,
  type Selection,
  type Trial,
} from "../../verifier/src/play/trial.ts";
import type { ModelDescription } from "../../verifier/src/releases/describe.ts";
import type { Tactic } from "./requests.ts";

const EMPTY = new Uint8Array();

/** A place below the node selected last, any at all: the trace is right everywhere. Undefined: there is nothing below. */
export function anywhereBelow(
  { commitment, program, trace }: HonestRun,
  from: Node,
  rng: Rng,
): Selection | undefined {
  const claim = claimOfTrace(trace);
  if (from.tensor) {
    if (from.height === 0) return undefined;
    const height = from.height - levelsBelow(from.height);
    const index = from.index * 2 ** (from.height - height) + rng.int(0, 2 ** (from.height - height) - 1);
    const node = (level: number, i: number): Uint8Array => claim.tensorNode(from.instruction, level, i);
    return {
      node: { ...from, hash: toHex(node(height, index)), height, index },
      path: siblings(node, height, index, from.height),
      ...{ header: EMPTY, encoding: EMPTY, encodingPath: EMPTY },
    };
  }
  const instruction = rng.int(0, program.instructions.length - 1);
  const { depth } = trace.tensorTree(instruction);
  const height = rng.int(0, depth);
  const index = rng.int(0, 2 ** (depth - height) - 1);
  const node = (level: number, i: number): Uint8Array => claim.tensorNode(instruction, level, i);
  const path = [siblings(node, height, index, depth), siblings(claim.node, 0, instruction, from.height)];
  return {
    node: { hash: toHex(node(height, index)), tensor: true, height, instruction, index },
    path: new Uint8Array(Buffer.concat(path)),
    header: commitment.header,
    encoding: commitment.encodings[instruction] ?? EMPTY,
    encodingPath: new Uint8Array(Buffer.concat(treePath(commitment.instructions, instruction))),
  };
}

function uselessProof(run: HonestRun, rng: Rng): Move {
  const instruction = rng.int(0, run.program.instructions.length - 1);
  const trace = access(run, claimOfTrace(run.trace));
  const proof = proveStep({
    commitment: run.commitment,
    program: run.program,
    trace,
    instruction,
    element: 0,
  });
  return { kind: "prove", instruction, element: 0, proof };
}

/** What a challenger takes whatever its tactic: the game of an operator whose clock ran out, and then its share. */
export function takingOf(trial: Trial, { challenger }: GameRecord): Move | undefined {
  return isOverturned(trial)
    ? planSettlement(trial, challenger)[0]
    : planChallenger(trial, challenger, undefined)?.move;
}

/**
 * The next move in a game that was begun.
 * @returns undefined: it is not the challenger's turn, or it has nothing more to say.
 */
export function moveOf(
  trial: Trial,
  mine: GameRecord,
  tactic: Tactic,
  { program, commitment }: ModelDescription,
  rng: Rng,
): Move | undefined {
  if (isOver(trial) || isOverturned(trial) || tactic === "stalls") return undefined;
  if (mine.status !== "open" || trial.result.commit === undefined) return undefined;
  if (clocksAt(trial.result, mine, trial.now).operatorOnMove) return undefined;
  const inputs = splitBlob(program.inputs, fromHex(trial.request.input));
  const run: HonestRun = { program, commitment, inputs, trace: computeTrace(program, inputs) };
  if (tactic === "proves") return uselessProof(run, rng);
  const from = selectedNode(trial.result, mine);
  const selection = anywhereBelow(run, from, rng);
  return selection && { kind: "select", from, selection };
}
