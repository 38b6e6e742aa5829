import { expect } from "chai";
import { connect } from "../../sdk/src/contracts.ts";
import { waitForAnswer } from "../../sdk/src/answer.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import { fromHex, type Hex } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { clocksAt } from "../src/chain/state.ts";
import type { RunningNode } from "../src/node.ts";
import { encodeMove } from "../src/play/calls.ts";
import { selectedNode } from "../src/play/trial.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { alteredAnswer, corruptOperator, silentOperator } from "./corrupt.ts";
import { codeOf } from "./failure.ts";
import { createWatch } from "../../scripts/simulate/watch.ts";
import { isSettled, startPlayer, stateOf, trialOf } from "./player.ts";
import { until } from "./until.ts";
import {
  exampleModel,
  pass,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "./world.ts";

const STAKE = 10n ** 18n;
const FEE = 10n ** 15n;
/** Seconds: longer than a busy machine takes to answer, check and challenge; the tests do not wait for its end. */
const WINDOW = 900;
const CLOCK = 60;

describe("disputes on a real chain", function () {
  this.timeout(280_000);
  let world: World;
  let watch: ReturnType<typeof createWatch>;
  let digits: PublishedModel;
  let cancer: PublishedModel;
  const nodes: RunningNode[] = [];
  const addresses: Hex[] = [];

  async function start(account: number, parts?: Partial<OperatorParts>): Promise<RunningNode> {
    const node = await startPlayer(world, account, STAKE, parts);
    nodes.push(node);
    addresses[account] = node.address;
    await node.ready;
    return node;
  }

  async function ask(model: PublishedModel, operator: RunningNode, seed: number): Promise<RequestHandle> {
    const wallet = world.chain.wallet(9);
    const contracts = connect(world.deployment, wallet);
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * seed + 3) % 17);
    const { releaseId } = model;
    return request(contracts, `0x${wallet.address.slice(2)}`, {
      releaseId,
      input,
      fee: FEE,
      windowSeconds: WINDOW,
      operator: operator.address,
    });
  }

  async function freeAndLocked(account: number): Promise<readonly [bigint, bigint]> {
    const { freeWei, lockedWei } = await world.contracts.vault.accountOf(addresses[account] ?? "");
    return [freeWei, lockedWei];
  }

  before(async () => {
    world = await startWorld();
    watch = createWatch(world.contracts, world.chain.provider);
    digits = await publishFile(world, exampleModel("digits"));
    cancer = await publishFile(world, exampleModel("breast-cancer"));
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await world.stop();
  });

  it("overturns wrong answers by each kind of proof, pays the challenger and refunds the requester", async () => {
    const [verifier, ...operators] = await Promise.all([
      start(1),
      start(2, alteredAnswer),
      start(3, corruptOperator({ instruction: 3, byte: 102 })),
      start(4, corruptOperator({ instruction: 0, byte: 2 })),
    ]);
    const models = [digits, digits, cancer];
    const verdicts = ["output", "step", "step"];
    const handles: RequestHandle[] = [];
    for (const [i, operator] of operators.entries())
      handles.push(await ask(models[i] ?? digits, operator, 5));
    for (const handle of handles)
      await until("refunded", async () => (await stateOf(world, handle)) === "refunded");

    let shares = 0n;
    for (const [i, handle] of handles.entries()) {
      await until("settled", async () => isSettled((await trialOf(watch, handle)).result));
      expect((await trialOf(watch, handle)).result.verdict).to.equal(verdicts[i]);
      expect(await freeAndLocked(i + 2)).to.deep.equal([STAKE - handle.request.bond, 0n]);
      shares += handle.request.bond / 4n;
    }
    expect(await freeAndLocked(1)).to.deep.equal([STAKE + shares, 0n]);
    const requester = await world.contracts.vault.accountOf(world.chain.wallet(9).address);
    expect(requester.freeWei).to.equal(3n * FEE);
    await verifier.stop();
    nodes.splice(nodes.indexOf(verifier), 1);
  });

  it("defends a right answer against a challenger that stalls, and collects half of its bond", async () => {
    const operator = await start(5, {});
    await stake(world, 6, STAKE);
    const handle = await ask(cancer, operator, 7);
    const contracts = connect(world.deployment, world.chain.wallet(6));
    const answer = await waitForAnswer(contracts, world.chain.provider, handle, { pollSeconds: 0.2 });
    expect(answer.output).to.deep.equal(exactOutput(cancer.model, handle.input));
    const challenge = encodeMove(contracts, await trialOf(watch, handle), { kind: "challenge" });
    const to = world.deployment.addresses.game;
    await (await world.chain.wallet(6).sendTransaction({ to, data: challenge })).wait();
    await until(
      "the trace is committed",
      async () => (await trialOf(watch, handle)).result.commit !== undefined,
    );

    // The node's clocks are the contract's.
    const trial = await trialOf(watch, handle);
    const game = [...trial.result.games.values()][0];
    if (game === undefined) throw new Error("no game");
    const head = await world.chain.provider.getBlock("latest");
    const onChain = await contracts.game.clocksOf(
      game.disputeId,
      answer.resultId,
      selectedNode(trial.result, game),
      {
        blockTag: head?.number ?? "latest",
      },
    );
    const { operatorOnMove, operatorSeconds, challengerSeconds } = clocksAt(
      trial.result,
      game,
      head?.timestamp ?? 0,
    );
    expect([operatorOnMove, BigInt(operatorSeconds)]).to.deep.equal([
      onChain.operatorOnMove,
      onChain.operatorSeconds,
    ]);
    // The view runs in the block's own time, or that of the one to come.
    expect(Number(onChain.challengerSeconds) - challengerSeconds).to.be.within(0, 2);

    const locked = (await contracts.vault.accountOf(world.chain.wallet(6).address)).lockedWei;
    await pass(world, CLOCK + 1);
    await until("the game is over", async () => (await trialOf(watch, handle)).result.openGames === 0);
    await pass(world, WINDOW);
    await until("final", async () => (await stateOf(world, handle)) === "final");
    await until(
      "settled",
      async () => (await freeAndLocked(5))[1] === 0n && (await freeAndLocked(5))[0] > STAKE + locked / 2n,
    );
    expect((await contracts.vault.accountOf(world.chain.wallet(6).address)).lockedWei).to.equal(0n);
  });

  it("wins on time against an operator that falls silent", async () => {
    const [operator] = await Promise.all([start(7, silentOperator), start(8)]);
    const handle = await ask(digits, operator, 11);
    await until(
      "challenged",
      async () =>
        (await stateOf(world, handle)) === "answered" &&
        (await trialOf(watch, handle)).result.openGames === 1,
    );
    await pass(world, CLOCK + 1);
    await until("refunded", async () => (await stateOf(world, handle)) === "refunded");
    expect((await trialOf(watch, handle)).result.verdict).to.equal("clock");
    const reader = connect(world.deployment, world.chain.provider);
    expect(await codeOf(waitForAnswer(reader, world.chain.provider, handle))).to.equal("UNANSWERED");
  });

  it("answers with the bytes of the input that was asked for", async () => {
    const { state } = await watch();
    for (const result of state.results.values()) {
      const found = state.requests.get(result.requestId);
      const model = [digits, cancer].find(({ releaseId }) => releaseId === found?.request.releaseId)?.model;
      if (found?.input === undefined || result.output === undefined || model === undefined)
        throw new Error("unknown request");
      const isRight = Buffer.compare(exactOutput(model, fromHex(found.input)), fromHex(result.output)) === 0;
      expect(isRight).to.equal(found.status === "final");
    }
  });
});
