/** A whole dispute, about whatever it is, of a node process that is killed at a chosen point and started again. */
import { setTimeout as sleep } from "node:timers/promises";
import { splitBlob } from "../../program/src/claim.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { anywhereBelow } from "../../scripts/simulate/tactics.ts";
import { readMoves, type MinedMove } from "../../scripts/simulate/moves.ts";
import { createWatch, type Watched } from "../../scripts/simulate/watch.ts";
import { fromHex } from "../../sdk/src/structs.ts";
import { clocksAt } from "../src/chain/state.ts";
import { exactTrace } from "../src/compute/exact.ts";
import { encodeMove, gameFor } from "../src/play/calls.ts";
import { selectedNode, type Move, type Trial } from "../src/play/trial.ts";
import type { Interposer, KillPoint } from "./interpose.ts";
import { createMortal, type Mortal, type Stand } from "./killing.ts";

/** What the node under test is in the dispute. */
export type Side = "challenger" | "operator";

export const STAKE = 10n ** 18n;
/** Seconds of the chain: nobody is to lose because this machine is slow. */
export const CLOCK = 900;
const LIMIT_MS = 300_000;

/** A dispute that has been brought about. */
export interface Dispute {
  /** The first block that is looked at for the node's moves. */
  readonly from: number;
  /** Undefined: there is none yet. */
  trialIn(watched: Watched): Trial | undefined;
  /** Called again and again: what the other side does, where no node plays it. */
  look(trial: Trial | undefined): Promise<void>;
  isOver(trial: Trial): boolean;
  /** Before the node is told to end. */
  finish?(): Promise<void>;
  /** What must hold beside what holds of every dispute. */
  expectEnd(outcome: Outcome): Promise<void>;
}

/** What is disputed, and by whom, as often as it is played. */
export interface Stage extends Stand {
  /** The moves that the node has to make, whatever happens to it. */
  readonly moves: readonly string[];
  /** Before each play: the chain as it was before the first. */
  rewind?(): Promise<void>;
  /** Starts the node and brings about what it plays. */
  open(node: Mortal): Promise<Dispute>;
}

export interface Outcome {
  readonly stage: Stage;
  readonly dispute: Dispute;
  readonly node: Mortal;
  /** Whether the point came at all. */
  readonly fired: boolean;
  readonly seen: Interposer["seen"];
  readonly trial: Trial;
  /** Every call of the node's account to the contracts that was mined. */
  readonly moves: readonly MinedMove[];
  /** Exit code of the node when it was told to end. */
  readonly exit: number | null;
}

/**
 * One dispute from its beginning to the last payout.
 * @param point Where the node is killed; undefined: nowhere.
 * @throws Error if it does not end.
 */
export async function playDispute(stage: Stage, point: KillPoint | undefined): Promise<Outcome> {
  const { contracts, chain } = stage.world;
  await stage.rewind?.();
  const node = await createMortal(stage, point);
  try {
    const dispute = await stage.open(node);
    const watch = createWatch(contracts, chain.provider);
    let trial: Trial | undefined;
    for (const end = Date.now() + LIMIT_MS; trial === undefined || !dispute.isOver(trial);) {
      if (Date.now() > end)
        throw new Error(`the dispute did not end (${trial?.request.status ?? "no trial"}):\n${node.said()}`);
      await sleep(200);
      trial = dispute.trialIn(await watch());
      await dispute.look(trial);
    }
    // A point after the last move kills a node that has nothing left to do.
    await node.revived();
    await dispute.finish?.();
    const exit = await node.end();
    const head = await chain.provider.getBlockNumber();
    const accounts = [node.account.address];
    const moves = await readMoves(contracts, chain.provider, accounts, dispute.from, head);
    const { fired, seen } = node.interposer;
    return { stage, dispute, node, fired, seen: [...seen], trial, moves, exit };
  } finally {
    await node.discard();
  }
}

/** The challenger of what is right: challenges, selects once as deep as it can, then lets all clocks run out. */
export function createCrank({ world, model }: Stand, account: number): (trial: Trial) => Promise<void> {
  const wallet = world.chain.wallet(account);
  const done = new Set<string>();

  async function once(key: string, run: () => Promise<unknown>): Promise<void> {
    if (done.has(key)) return;
    done.add(key);
    await run();
  }

  function send(key: string, trial: Trial, move: () => Move | undefined): Promise<void> {
    return once(key, async () => {
      const made = move();
      if (made === undefined) return;
      const data = encodeMove(world.contracts, trial, made);
      await wallet.sendTransaction({ to: gameFor(world.contracts, trial), data, gasLimit: 3_000_000 });
    });
  }

  const pass = (key: string, seconds: number): Promise<void> =>
    once(key, () => world.chain.provider.send("evm_increaseTime", [seconds]));

  return async (trial) => {
    const { result, now } = trial;
    const mine = result.games.get(wallet.address.toLowerCase());
    if (mine === undefined) return send("challenge", trial, () => ({ kind: "challenge" }));
    if (mine.status !== "open") return pass("window", Math.max(0, result.endsAt - now) + 1);
    if (clocksAt(result, mine, now).operatorOnMove) return;
    if (mine.selections.at(-1)?.height === 0) return pass("clock", CLOCK + 1);
    return send(`select ${mine.selections.length}`, trial, () => {
      const { program, commitment } = model.model;
      const input = fromHex(trial.request.input);
      const trace = exactTrace(model.model, input);
      const run = { program, commitment, inputs: splitBlob(program.inputs, input), trace };
      const from = selectedNode(result, mine);
      const selection = anywhereBelow(run, from, seededRng(7));
      return selection && { kind: "select", from, selection };
    });
  };
}
