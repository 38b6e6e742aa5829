/**
 * Operators that commit to their trace before anybody asks for it: before they answer, with the answer, or before their receipt is
 * challenged. A challenger's node that missed it would wait for a commitment that is there until its own time is up.
 */
import { expect } from "chai";
import type { ContractTransactionResponse, Overrides } from "ethers";
import { splitBlob, wholeClaim } from "../../program/src/claim.ts";
import { depthOf } from "../../program/src/merkle.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { createWatch } from "../../scripts/simulate/watch.ts";
import { connect, type Contracts } from "../../sdk/src/contracts.ts";
import { claimOfReceipt, inputOfReceipt } from "../../sdk/src/infer/check.ts";
import { digestOfFile } from "../../sdk/src/infer/store.ts";
import { bondOfClass } from "../../sdk/src/receipts.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import type { Claim, Hex, Release } from "../../sdk/src/structs.ts";
import { keccak, requestIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { defend } from "../src/play/trace.ts";
import { corruptOperator, corruptTensors, outputOf, type Corruption } from "./corrupt.ts";
import { ANSWERS_ALL, CHECKS_ALL, isSettled, nodeOptions, stateOf, trialOf } from "./player.ts";
import { buyReceipt, handTo, RESERVE, standingOf, startReceiptLiar } from "./receipts.ts";
import { until } from "./until.ts";
import {
  addressOf,
  blocksPass,
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
/** Seconds: longer than a busy machine takes. */
const WINDOW = 900;
const CLOCK = 60;
const CLASS = 4;
const LIE: Corruption = { instruction: 3, byte: 102 };

/** What an operator stands by: outputs and the trace that gives them. */
interface Stand {
  readonly output: Uint8Array;
  readonly tensors: readonly Uint8Array[];
}

function standOf({ model: { program } }: PublishedModel, input: Uint8Array, lie?: Corruption): Stand {
  const inputs = splitBlob(program.inputs, input);
  const tensors =
    lie === undefined ? computeTrace(program, inputs).tensors : corruptTensors(program, inputs, lie);
  return { output: outputOf(program, tensors), tensors };
}

describe("traces committed early", function () {
  this.timeout(280_000);
  let world: World;
  let watch: ReturnType<typeof createWatch>;
  let model: PublishedModel;
  let release: Release;
  let verifier: RunningNode;
  const nodes: RunningNode[] = [];

  const as = (account: number): Contracts => connect(world.deployment, world.chain.wallet(account));
  const address = (account: number): Hex => addressOf(world, account);

  async function start(account: number, lie?: Corruption): Promise<void> {
    const parts = lie === undefined ? {} : corruptOperator(lie);
    const node = await startNode({ ...nodeOptions(world, account), ...ANSWERS_ALL }, parts);
    nodes.push(node);
    await node.ready;
  }

  async function ask(account: number): Promise<RequestHandle> {
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * 5 + account) % 17);
    const terms = { fee: FEE, windowSeconds: WINDOW, operator: address(account) };
    return request(as(9), address(9), { releaseId: model.releaseId, input, ...terms });
  }

  /** Sends the commitment to a trace. */
  function commit(
    game: Contracts["game"],
    claim: Claim,
    { tensors }: Stand,
    overrides: Overrides = {},
  ): Promise<ContractTransactionResponse> {
    const { root, top } = defend(depthOf(tensors.length), wholeClaim(tensors));
    return game.commitTrace(claim, root, model.model.header, top, overrides);
  }

  function claimIn({ request: asked }: RequestHandle, account: number, { output }: Stand): Claim {
    return { request: asked, release, operator: address(account), outputHash: keccak(output) };
  }

  /** Seconds between the commitment and the first challenge of the answer. */
  async function secondsBetween(resultId: Hex): Promise<number> {
    const { events } = await watch();
    const [committed, challenged] = (["TraceCommitted", "Challenged"] as const).map((name) =>
      events.find(({ event }) => event.name === name && event.resultId === resultId),
    );
    if (committed === undefined || challenged === undefined)
      throw new Error("nobody committed or challenged");
    return challenged.timestamp - committed.timestamp;
  }

  async function expectOverturned(handle: RequestHandle, account: number): Promise<void> {
    await until("refunded", async () => (await stateOf(world, handle)) === "refunded");
    await until("settled", async () => isSettled((await trialOf(watch, handle)).result));
    expect((await trialOf(watch, handle)).result.verdict).to.equal("step");
    const { freeWei, lockedWei } = await world.contracts.vault.accountOf(address(account));
    expect([freeWei, lockedWei]).to.deep.equal([STAKE - handle.request.bond, 0n]);
  }

  before(async () => {
    world = await startWorld();
    watch = createWatch(world.contracts, world.chain.provider);
    model = await publishFile(world, exampleModel("digits"));
    ({ release } = await readRelease(world.contracts, world.chain.provider, model.releaseId));
    await stake(world, 1, STAKE);
    await (await as(1).receiptsVault.deposit({ value: RESERVE })).wait();
    verifier = await startNode({
      ...{ ...nodeOptions(world, 1), ...CHECKS_ALL },
      http: { host: "127.0.0.1", port: 0 },
    });
    nodes.push(verifier);
    await verifier.ready;
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await world.stop();
  });

  async function commitsBeforeItAnswers(handle: RequestHandle): Promise<void> {
    const stand = standOf(model, handle.input, LIE);
    const { market, game } = as(2);
    await (await commit(game, claimIn(handle, 2, stand), stand)).wait();
    // Which the verifier's node reads before there is an answer.
    await blocksPass(world);
    await (await market.fulfill(handle.request, stand.output)).wait();
    await start(2, LIE);
    await expectOverturned(handle, 2);
    expect(await secondsBetween((await trialOf(watch, handle)).result.resultId)).to.be.greaterThan(3);
  }

  async function commitsWithItsAnswer(handle: RequestHandle): Promise<void> {
    const stand = standOf(model, handle.input, LIE);
    const { market, game } = as(3);
    const nonce = await world.chain.wallet(3).getNonce();
    const fulfilled = await market.fulfill(handle.request, stand.output, { nonce });
    // What nobody has answered yet cannot be estimated.
    const next = { nonce: nonce + 1, gasLimit: 500_000 };
    const committed = await commit(game, claimIn(handle, 3, stand), stand, next);
    await Promise.all([fulfilled.wait(), committed.wait()]);
    await start(3, LIE);
    await expectOverturned(handle, 3);
    expect(await secondsBetween((await trialOf(watch, handle)).result.resultId)).to.be.at.least(0);
  }

  async function commitsToItsReceipt(): Promise<void> {
    const liar = await startReceiptLiar(world, 6, model, CLASS, corruptOperator(LIE));
    nodes.push(liar);
    await liar.ready;
    const file = await buyReceipt(world, 7, liar, model);
    const { receipts, receiptsVault, market } = world.contracts;
    const stand = standOf(model, inputOfReceipt(file), LIE);
    const unheard = await claimOfReceipt(receipts, file, release);
    // The parameters are those of the time of its first challenge, which can be guessed.
    const parameters = await market.packedParameters();
    const claim = { ...unheard, request: { ...unheard.request, parameters } };
    await (await commit(as(6).receiptsGame, claim, stand)).wait();
    await blocksPass(world);
    await handTo(verifier, file);
    const digest = digestOfFile(file);
    await until("overturned", async () => (await standingOf(verifier, digest)).challenge === "won");
    const { request: asked, outputHash } = await claimOfReceipt(receipts, file, release);
    const requestId = requestIdOf(world.deployment.chainId, world.deployment.addresses.receipts, asked);
    expect(await secondsBetween(resultIdOf(requestId, liar.address, outputHash))).to.be.greaterThan(3);
    await until("the rest of its bond is burned", async () => {
      const { lockedWei } = await receiptsVault.accountOf(liar.address);
      return lockedWei === RESERVE - bondOfClass(CLASS);
    });
  }

  it("save no liar: neither before its answer, nor with it, nor before its receipt is challenged", async () => {
    const stakes = [2, 3].map((account) => stake(world, account, STAKE));
    const [early, prompt] = [await ask(2), await ask(3)];
    await Promise.all(stakes);
    await Promise.all([commitsBeforeItAnswers(early), commitsWithItsAnswer(prompt), commitsToItsReceipt()]);
  });

  it("take nothing from an honest operator: from the challenge on it is the challenger's time", async () => {
    await Promise.all([stake(world, 4, STAKE), stake(world, 5, STAKE)]);
    const handle = await ask(4);
    const stand = standOf(model, handle.input);
    const { market, game } = as(4);
    await (await commit(game, claimIn(handle, 4, stand), stand)).wait();
    await (await market.fulfill(handle.request, stand.output)).wait();
    await start(4);
    await (await as(5).game.challenge(claimIn(handle, 4, stand))).wait();
    const locked = (await world.contracts.vault.accountOf(address(5))).lockedWei;
    expect(locked > 0n).to.equal(true);
    await pass(world, CLOCK + 1);
    await until("the game is over", async () => (await trialOf(watch, handle)).result.openGames === 0);
    await pass(world, WINDOW);
    await until("final", async () => (await stateOf(world, handle)) === "final");
    const held = () => world.contracts.vault.accountOf(address(4));
    await until(
      "settled",
      async () => (await held()).lockedWei === 0n && (await held()).freeWei > STAKE + locked / 2n,
    );
    expect((await world.contracts.vault.accountOf(address(5))).lockedWei).to.equal(0n);
  });
});
