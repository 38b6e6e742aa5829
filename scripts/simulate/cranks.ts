/** Challengers of right answers: one stalls, one points at random places, one sends proofs that prove nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { splitBlob } from "../../program/src/claim.ts";
import { proveStep } from "../../program/src/prove.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { treePath } from "../../program/src/merkle.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { fromHex, sameHex, toHex, type Node } from "../../sdk/src/structs.ts";
import { clocksAt, type GameRecord } from "../../verifier/src/chain/state.ts";
import { encodeMove } from "../../verifier/src/play/calls.ts";
import { access, claimOfTrace, type HonestRun } from "../../verifier/src/play/evidence.ts";
import { levelsBelow, siblings } from "../../verifier/src/play/tree.ts";
import {
  isOver,
  isOverturned,
  selectedNode,
  type Move,
  type Selection,
  type Trial,
} from "../../verifier/src/play/trial.ts";
import type { Hand } from "./hand.ts";
import { modelOf } from "./models.ts";
import type { PlannedRequest, Tactic } from "./requests.ts";
import { MODELS, OPERATORS, type CrankName, type ModelName } from "./rules.ts";
import type { Stage } from "./stage.ts";
import { createWatch, trialOfRequest } from "./watch.ts";

const EMPTY = new Uint8Array();
/** A move that has not had its effect by then is tried again. */
const PATIENCE_MS = 8000;
const LOOK_MS = 1000;

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

export interface CranksOptions {
  readonly stage: Stage;
  readonly plan: readonly PlannedRequest[];
  readonly hands: Readonly<Record<CrankName, Hand>>;
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

/** Plays until the signal is aborted; whatever is refused is tried again until its time has passed. */
export async function playCranks({ stage, plan, hands, rng, signal }: CranksOptions): Promise<void> {
  const { contracts, provider, accounts } = stage;
  const { deployment } = contracts;
  const { game } = deployment.addresses;
  const models = Object.fromEntries(MODELS.map((name) => [name, modelOf(name)])) as Record<
    ModelName,
    ReturnType<typeof modelOf>
  >;
  const honest = OPERATORS.map((name) => accounts[name].address);
  const watch = createWatch(contracts, provider);
  const sentAt = new Map<string, number>();

  function runOf(trial: Trial, model: ModelName): HonestRun {
    const { program, commitment } = models[model];
    const inputs = splitBlob(program.inputs, fromHex(trial.request.input));
    return { program, commitment, inputs, trace: computeTrace(program, inputs) };
  }

  function moveOf(
    trial: Trial,
    mine: GameRecord | undefined,
    tactic: Tactic,
    model: ModelName,
  ): Move | undefined {
    if (mine === undefined) return trial.now < trial.result.endsAt ? { kind: "challenge" } : undefined;
    if (tactic === "stalls" || mine.status !== "open" || trial.result.commit === undefined) return undefined;
    if (clocksAt(trial.result, mine, trial.now).operatorOnMove) return undefined;
    if (tactic === "proves") return uselessProof(runOf(trial, model), rng);
    const from = selectedNode(trial.result, mine);
    const selection = anywhereBelow(runOf(trial, model), from, rng);
    return selection && { kind: "select", from, selection };
  }

  async function play(trial: Trial, planned: PlannedRequest): Promise<void> {
    if (isOver(trial) || isOverturned(trial)) return;
    for (const { name, tactic } of planned.challengers) {
      const hand = hands[name];
      const mine = trial.result.games.get(hand.address.toLowerCase());
      const key = `${trial.result.resultId}:${name}:${mine?.selections.length ?? "none"}`;
      // A useless proof changes nothing: it is sent once.
      const patience = tactic === "proves" && mine !== undefined ? Infinity : PATIENCE_MS;
      if (Date.now() < (sentAt.get(key) ?? 0) + patience) continue;
      const move = moveOf(trial, mine, tactic, planned.model);
      if (move === undefined) continue;
      sentAt.set(key, Date.now());
      await hand.send(game, encodeMove(contracts, trial, move));
    }
  }

  async function round(): Promise<void> {
    const watched = await watch();
    for (const { operator, requestId } of watched.state.results.values()) {
      const trial = trialOfRequest(watched, requestId);
      const planned = plan[Number(trial?.request.request.nonce)];
      if (
        trial !== undefined &&
        planned !== undefined &&
        honest.some((address) => sameHex(address, operator))
      )
        await play(trial, planned);
    }
  }

  while (!signal.aborted) {
    // The chain can move while it is read: the next look sees it as it is then.
    await round().catch(() => undefined);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
