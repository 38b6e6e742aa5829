/** Disputes about answers on chain. */
import { expect } from "chai";
import { networkParameters } from "../../scripts/networks.ts";
import { trialOfRequest } from "../../scripts/simulate/watch.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { request } from "../../sdk/src/request.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { isFinal, type Trial } from "../src/play/trial.ts";
import { corruptOperator } from "./corrupt.ts";
import {
  CLOCK,
  createCrank,
  STAKE,
  type Dispute,
  type Outcome,
  type Side,
  type Stage,
} from "./killDispute.ts";
import { startMiner, type Mortal } from "./killing.ts";
import { ANSWERS_ALL, nodeOptions } from "./player.ts";
import { exampleModel, publishFile, stake, startWorld, type World } from "./world.ts";

const FEE = 10n ** 15n;
const WINDOW = 1800;
const CRANK = 2;
const ASKER = 9;

/** The moves of each side. */
const MOVES: Readonly<Record<Side, readonly string[]>> = {
  challenger: ["challenge", "openInput", "select", "prove", "settleGame", "settleBond", "refund"],
  operator: ["fulfill", "commitTrace", "reveal", "timeout", "finalize", "settleGame"],
};

/** A chain on which clocks are long, without blocks of its own. */
export function startSlowWorld(): Promise<World> {
  const { floorSeconds, parameters } = networkParameters(31337n);
  const clocks = { operatorClock: CLOCK, challengerClock: CLOCK };
  return startWorld({ blockSeconds: 0, rules: { floorSeconds, parameters: { ...parameters, ...clocks } } });
}

function isOver(side: Side, { request: { status }, result }: Trial): boolean {
  const settled = [...result.games.values()].every((game) => game.status === "settled");
  return settled && (side === "operator" ? status === "final" : status === "refunded" && result.bondSettled);
}

async function expectEnd(side: Side, { stage, node, trial }: Outcome): Promise<void> {
  const { request, result } = trial;
  const { freeWei, lockedWei } = await stage.world.contracts.vault.accountOf(node.account.address);
  expect(lockedWei).to.equal(0n);
  if (side === "challenger") {
    expect(result.verdict).to.equal("step");
    expect(freeWei).to.equal(STAKE + request.request.bond / 4n);
    return;
  }
  expect(result.verdict).to.equal("none");
  const earned = FEE - FEE / 20n - FEE / 100n;
  const staked = [...result.games.values()].reduce((sum, { bondWei }) => sum + bondWei, 0n);
  // Half of the challenger's bond, and half of each deposit.
  expect(freeWei >= STAKE + earned + staked / 2n).to.equal(true);
}

/** @param side Of the node under test; the other one is an operator that lies, or a challenger without a case. */
export async function openAnswers(side: Side): Promise<Stage> {
  const world = await startSlowWorld();
  const model = await publishFile(world, exampleModel("breast-cancer"));
  let liar: RunningNode | undefined;
  if (side === "challenger") {
    await stake(world, 1, 100n * STAKE);
    const options = { ...nodeOptions(world, 1), ...ANSWERS_ALL, pollMs: 100 };
    // The first instruction reads the input, so that the proof needs every move there is.
    liar = await startNode(options, corruptOperator({ instruction: 0, byte: 2 }));
    await liar.ready;
  } else await stake(world, CRANK, 100n * STAKE);
  const miner = await startMiner(world);

  async function open(node: Mortal): Promise<Dispute> {
    const { account, interposer } = node;
    await connect(world.deployment, account.wallet).vault.deposit({ value: STAKE });
    interposer.begin();
    await node.start({ role: side === "operator" ? "operator" : "verifier", http: "off" });
    const asker = world.chain.wallet(ASKER);
    const operator: Hex = liar?.address ?? account.address;
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * 5 + 3) % 17);
    const { releaseId } = model;
    const ask = { releaseId, input, fee: FEE, windowSeconds: WINDOW, answerSeconds: 3600, operator };
    const asked = await request(connect(world.deployment, asker), `0x${asker.address.slice(2)}`, ask);
    const crank = createCrank(stage, CRANK);
    return {
      from: asked.block,
      trialIn: (watched) => trialOfRequest(watched, asked.requestId),
      async look(trial) {
        if (trial !== undefined && side === "operator" && !isFinal(trial)) await crank(trial);
      },
      isOver: (trial) => isOver(side, trial),
      expectEnd: (outcome) => expectEnd(side, outcome),
    };
  }

  const stage: Stage = {
    ...{ world, model, miner, moves: MOVES[side], open },
    async stop() {
      miner.resume();
      await liar?.stop();
      await miner.stop();
      await world.stop();
    },
  };
  return stage;
}
