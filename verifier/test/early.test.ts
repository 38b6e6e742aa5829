/**
 * Operators that commit to their trace before anybody asks for it: before they answer, with the answer, or before their receipt is
 * challenged. A challenger's node that missed it would wait for a commitment that is there until its own time is up.
 */
import { expect } from "chai";
import { splitBlob, wholeClaim } from "../../program/src/claim.ts";
import { depthOf } from "../../program/src/merkle.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { createWatch, trialOfRequest } from "../../scripts/simulate/watch.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { claimOfReceipt } from "../../sdk/src/infer/check.ts";
import { digestOfFile } from "../../sdk/src/infer/store.ts";
import { AUDIT_PATH } from "../../sdk/src/infer/wire.ts";
import { bondOfClass } from "../../sdk/src/receipts.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import type { Claim, Hex, Release } from "../../sdk/src/structs.ts";
import { keccak, requestIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import { startNode, type RunningNode } from "../src/node.ts";
import { encodeMove } from "../src/play/calls.ts";
import { defend } from "../src/play/trace.ts";
import type { Trial } from "../src/play/trial.ts";
import { corruptOperator, corruptTensors, outputOf, type Corruption } from "./corrupt.ts";
import { ANSWERS_ALL, CHECKS_ALL, isSettled, nodeOptions, stateOf } from "./player.ts";
import { buyReceipt, handTo, RESERVE, startReceiptLiar, urlOf } from "./receipts.ts";
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

  function wallet(account: number) {
    return world.chain.wallet(account);
  }

  function addressOf(account: number): Hex {
    return `0x${wallet(account).address.slice(2)}`;
  }

  async function start(account: number, lie?: Corruption): Promise<void> {
    const parts = lie === undefined ? {} : corruptOperator(lie);
    const node = await startNode({ ...nodeOptions(world, account), ...ANSWERS_ALL }, parts);
    nodes.push(node);
    await node.ready;
  }

  async function ask(account: number): Promise<RequestHandle> {
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * 5 + account) % 17);
    const terms = { fee: FEE, windowSeconds: WINDOW, operator: addressOf(account) };
    return request(connect(world.deployment, wallet(9)), addressOf(9), {
      ...{ releaseId: model.releaseId, input },
      ...terms,
    });
  }

  function commitment(claim: Claim, { tensors }: Stand): { readonly data: string } {
    const { game } = world.contracts;
    const { root, top } = defend(depthOf(tensors.length), wholeClaim(tensors));
    return { data: game.interface.encodeFunctionData("commitTrace", [claim, root, model.model.header, top]) };
  }

  function claimIn({ request: asked }: RequestHandle, account: number, { output }: Stand): Claim {
    return { request: asked, release, operator: addressOf(account), outputHash: keccak(output) };
  }

  async function trialOf({ requestId }: RequestHandle): Promise<Trial> {
    const trial = trialOfRequest(await watch(), requestId);
    if (trial === undefined) throw new Error("no trial yet");
    return trial;
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
    await until("settled", async () => isSettled((await trialOf(handle)).result));
    expect((await trialOf(handle)).result.verdict).to.equal("step");
    const { freeWei, lockedWei } = await world.contracts.vault.accountOf(addressOf(account));
    expect([freeWei, lockedWei]).to.deep.equal([STAKE - handle.request.bond, 0n]);
  }

  before(async () => {
    world = await startWorld();
    watch = createWatch(world.contracts, world.chain.provider);
    model = await publishFile(world, exampleModel("digits"));
    ({ release } = await readRelease(world.contracts, world.chain.provider, model.releaseId));
    await stake(world, 1, STAKE);
    const { receiptsVault } = connect(world.deployment, wallet(1));
    await (await receiptsVault.deposit({ value: RESERVE })).wait();
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

  async function blocksPass(): Promise<void> {
    const { number = 0 } = (await world.chain.provider.getBlock("latest")) ?? {};
    await until("blocks pass", async () => (await world.chain.provider.getBlockNumber()) > number + 3);
  }

  async function commitsBeforeItAnswers(handle: RequestHandle): Promise<void> {
    const stand = standOf(model, handle.input, LIE);
    const { market, game } = world.deployment.addresses;
    const commit = commitment(claimIn(handle, 2, stand), stand);
    await (await wallet(2).sendTransaction({ to: game, ...commit })).wait();
    // Which the verifier's node reads before there is an answer.
    await blocksPass();
    const fulfil = connect(world.deployment, wallet(2)).market.interface;
    const data = fulfil.encodeFunctionData("fulfill", [handle.request, stand.output]);
    await (await wallet(2).sendTransaction({ to: market, data })).wait();
    await start(2, LIE);
    await expectOverturned(handle, 2);
    expect(await secondsBetween((await trialOf(handle)).result.resultId)).to.be.greaterThan(3);
  }

  async function commitsWithItsAnswer(handle: RequestHandle): Promise<void> {
    const stand = standOf(model, handle.input, LIE);
    const { addresses } = world.deployment;
    const { market } = connect(world.deployment, wallet(3));
    const data = market.interface.encodeFunctionData("fulfill", [handle.request, stand.output]);
    const nonce = await wallet(3).getNonce();
    const fulfilled = await wallet(3).sendTransaction({ to: addresses.market, data, nonce });
    // What nobody has answered yet cannot be estimated.
    const commit = { ...commitment(claimIn(handle, 3, stand), stand), nonce: nonce + 1, gasLimit: 500_000 };
    const committed = await wallet(3).sendTransaction({ to: addresses.game, ...commit });
    await Promise.all([fulfilled.wait(), committed.wait()]);
    await start(3, LIE);
    await expectOverturned(handle, 3);
    expect(await secondsBetween((await trialOf(handle)).result.resultId)).to.be.at.least(0);
  }

  async function commitsToItsReceipt(): Promise<void> {
    const liar = await startReceiptLiar(world, 6, model, CLASS, corruptOperator(LIE));
    nodes.push(liar);
    await liar.ready;
    const file = await buyReceipt(world, 7, liar, model);
    const input = new Uint8Array(Buffer.from(file.input, "base64"));
    const { receipts, receiptsVault, market } = world.contracts;
    const stand = standOf(model, input, LIE);
    const unheard = await claimOfReceipt(receipts, file, release);
    // The parameters are those of the time of its first challenge, which can be guessed.
    const parameters = await market.packedParameters();
    const commit = commitment({ ...unheard, request: { ...unheard.request, parameters } }, stand);
    await (
      await wallet(6).sendTransaction({ to: world.deployment.addresses.receiptsGame, ...commit })
    ).wait();
    await blocksPass();
    await handTo(verifier, file);
    await until("overturned", async () => {
      const reply = await fetch(`${urlOf(verifier)}${AUDIT_PATH}/${digestOfFile(file)}`);
      return JSON.stringify(await reply.json()).includes('"won"');
    });
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
    const { addresses } = world.deployment;
    const { market } = connect(world.deployment, wallet(4));
    const commit = commitment(claimIn(handle, 4, stand), stand);
    await (await wallet(4).sendTransaction({ to: addresses.game, ...commit })).wait();
    await (await market.fulfill(handle.request, stand.output)).wait();
    await start(4);
    const challenge = encodeMove(world.contracts, await trialOf(handle), { kind: "challenge" });
    await (await wallet(5).sendTransaction({ to: addresses.game, data: challenge })).wait();
    const locked = (await world.contracts.vault.accountOf(addressOf(5))).lockedWei;
    expect(locked > 0n).to.equal(true);
    await pass(world, CLOCK + 1);
    await until("the game is over", async () => (await trialOf(handle)).result.openGames === 0);
    await pass(world, WINDOW);
    await until("final", async () => (await stateOf(world, handle)) === "final");
    const held = () => world.contracts.vault.accountOf(addressOf(4));
    await until(
      "settled",
      async () => (await held()).lockedWei === 0n && (await held()).freeWei > STAKE + locked / 2n,
    );
    expect((await world.contracts.vault.accountOf(addressOf(5))).lockedWei).to.equal(0n);
  });
});
