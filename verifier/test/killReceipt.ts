/** Disputes about receipts: of an operator that gave a right one, and of a verifier that was handed a wrong one. */
import { expect } from "chai";
import { z } from "zod/v4";
import type { Watched } from "../../scripts/simulate/watch.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { AUDIT_PATH, toJson, type Settlement } from "../../sdk/src/infer/wire.ts";
import { bondOfClass, digestOf } from "../../sdk/src/receipts.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { sameHex, toHex, type Hex } from "../../sdk/src/structs.ts";
import { startNode } from "../src/node.ts";
import { isFinal, trialOf, type Trial } from "../src/play/trial.ts";
import { digestSigner } from "../src/serve/digests.ts";
import { createBuyer, fileOf, placeOf, type Bought, type Buyer, type Ordered } from "./buyer.ts";
import { corruptOperator } from "./corrupt.ts";
import { startSlowWorld } from "./killAnswer.ts";
import { orNobody, PRICE, PRICE_ETHER } from "./killCustomers.ts";
import { createCrank, STAKE, type Dispute, type Stage } from "./killDispute.ts";
import { startMiner, type Miner, type Mortal } from "./killing.ts";
import { nodeOptions } from "./player.ts";
import { standingSchema } from "./receipts.ts";
import { until } from "./until.ts";
import { exampleModel, publishFile, type PublishedModel, type World } from "./world.ts";

/** So that a challenge pays whatever gas costs. */
const CLASS = 6;
const BOND = bondOfClass(CLASS);
const RESERVE = 10n ** 18n;
const DEPOSIT = 10n ** 16n;
const NEVER = 10n ** 24n;
const LIAR = 1;
const CRANK = 2;
const CLIENT = 5;
const LIAR_KEY: Hex = `0x${"6e".repeat(32)}`;
const CHALLENGE_GAS = 3_000_000;

function inputOf({ model }: PublishedModel, seed: number): Uint8Array {
  return Uint8Array.from({ length: model.inputBytes }, (_, i) => (i * seed + 3) % 17);
}

/** Asks until there is an answer: the deposit has to be seen first. */
async function buy(
  buyer: Buyer,
  url: string,
  ordered: Ordered,
): Promise<Bought & { settlement: Settlement }> {
  let bought: Bought | undefined;
  await until("it is answered", async () => {
    bought = await orNobody(buyer.send(url, ordered));
    return bought?.settlement !== undefined;
  });
  if (bought?.settlement === undefined) throw new Error("no receipt");
  return { ...bought, settlement: bought.settlement };
}

/** The trial of a receipt; its input and output are told by whoever has them. */
function trialOfReceipt({ state, now }: Watched, digest: Hex, input: Uint8Array, output: Uint8Array) {
  for (const request of state.requests.values()) {
    const result = request.resultId && state.results.get(request.resultId);
    if (result === undefined || !sameHex(request.request.inputHash, digest)) continue;
    request.input = toHex(input);
    result.output = toHex(output);
    return trialOf(state, result, now);
  }
  return undefined;
}

function isSettled({ result }: Trial): boolean {
  return [...result.games.values()].every(({ status }) => status === "settled");
}

/** Waits until so many transactions of an account have been mined. @returns the block after that. */
async function mined({ chain }: World, account: Hex, count: number): Promise<number> {
  await until("it is mined", async () => (await chain.provider.getTransactionCount(account)) >= count);
  return (await chain.provider.getBlockNumber()) + 1;
}

async function stopAll(world: World, miner: Miner, liar?: { stop(): Promise<void> }): Promise<void> {
  miner.resume();
  await liar?.stop();
  await miner.stop();
  await world.stop();
}

/** The node gave a right receipt over HTTP, which is challenged without a case. */
export async function openDefence(): Promise<Stage> {
  const world = await startSlowWorld();
  const { contracts, deployment } = world;
  const { provider } = world.chain;
  const model = await publishFile(world, exampleModel("breast-cancer"));
  const crank = world.chain.wallet(CRANK);
  const { receiptsVault, receipts } = connect(deployment, crank);
  await (await receiptsVault.deposit({ value: STAKE })).wait();
  const { release } = await readRelease(contracts, provider, model.releaseId);
  const miner = await startMiner(world);
  let snapshot: unknown;

  /** Receipts are of our own time, and a dispute ends seven days of the chain's after: each begins where the first one did. */
  async function rewind(): Promise<void> {
    miner.pause();
    if (snapshot !== undefined) await provider.send("evm_revert", [snapshot]);
    const late = Math.floor(Date.now() / 1000) - ((await provider.getBlock("latest"))?.timestamp ?? 0);
    if (late > 0) await provider.send("evm_increaseTime", [late]);
    snapshot = await provider.send("evm_snapshot", []);
    miner.resume();
  }

  async function open(node: Mortal): Promise<Dispute> {
    const { account, interposer, url } = node;
    await connect(deployment, account.wallet).receipts.addReserve({ value: RESERVE });
    const buyer = await createBuyer(world, CLIENT, account.address, 0n);
    await buyer.deposits.deposit(account.address, buyer.client, { value: DEPOSIT });
    const from = await mined(world, account.address, 1);
    const price = { receiptPrice: PRICE_ETHER, receiptBondClass: CLASS, announce: false };
    await node.start({ role: "operator", serve: [model.releaseId], ...price });
    const ordered = await buyer.order(model, inputOf(model, 5), PRICE, PRICE);
    const { settlement, body } = await buy(buyer, url, ordered);
    const digest = digestOf(placeOf(world), "Receipt", settlement.receipt);
    const burnedWei = await contracts.receiptsVault.burnedWei();
    interposer.begin();
    await receipts.challenge(settlement.receipt, release, settlement.signature, { gasLimit: CHALLENGE_GAS });
    const play = createCrank(stage, CRANK);
    return {
      from,
      trialIn: (watched) => trialOfReceipt(watched, digest, ordered.input, body),
      async look(trial) {
        if (trial !== undefined && !isFinal(trial)) await play(trial);
      },
      isOver: isSettled,
      async expectEnd({ trial: { result } }) {
        expect(result.verdict).to.equal("none");
        const escrow = [...result.games.values()].reduce((sum, game) => sum + game.escrowWei, 0n);
        const own = await contracts.receiptsVault.accountOf(account.address);
        // Half of what the challenger had locked; the rest is burned.
        expect([own.freeWei, own.lockedWei]).to.deep.equal([escrow / 2n, RESERVE]);
        const { reserveWei, live, liveWei } = await contracts.receipts.reserveOf(account.address);
        expect([reserveWei, live, liveWei]).to.deep.equal([RESERVE, 0n, 0n]);
        const lost = await contracts.receiptsVault.accountOf(crank.address);
        expect([lost.freeWei, lost.lockedWei]).to.deep.equal([STAKE - escrow, 0n]);
        expect((await contracts.receiptsVault.burnedWei()) - burnedWei).to.equal(escrow - escrow / 2n);
      },
    };
  }

  const moves = ["addKey", "commitTrace", "reveal", "timeout", "settleGame"];
  const stop = (): Promise<void> => stopAll(world, miner);
  const stage: Stage = { world, model, miner, moves, rewind, open, stop };
  return stage;
}

/** A block this deep is final to the node, and what is over by then is forgotten. */
const FINALITY = 8;

/** The node is handed a wrong receipt, by an operator that defends it. */
export async function openAudits(): Promise<Stage> {
  const world = await startSlowWorld();
  const { contracts, deployment } = world;
  const { provider } = world.chain;
  const model = await publishFile(world, exampleModel("breast-cancer"));
  await (
    await connect(deployment, world.chain.wallet(LIAR)).receipts.addReserve({ value: 100n * RESERVE })
  ).wait();
  const liar = await startNode(
    {
      ...nodeOptions(world, LIAR),
      operator: { serve: [model.releaseId], minFee: 0n },
      http: { host: "127.0.0.1", port: 0 },
      receipts: {
        releases: [model.releaseId],
        ...{ priceWei: PRICE, bondClass: CLASS, answers: "checked", redeemFromWei: NEVER },
        signer: digestSigner(LIAR_KEY),
      },
      pollMs: 100,
    },
    corruptOperator({ instruction: 0, byte: 2 }),
  );
  const buyer = await createBuyer(world, CLIENT, liar.address, 100n * DEPOSIT);
  let totalWei = 0n;
  const miner = await startMiner(world);

  async function wrongReceipt(): Promise<{ ordered: Ordered; bought: Awaited<ReturnType<typeof buy>> }> {
    totalWei += PRICE;
    const ordered = await buyer.order(model, inputOf(model, 5), PRICE, totalWei);
    return { ordered, bought: await buy(buyer, liar.url ?? "", ordered) };
  }

  async function open(node: Mortal): Promise<Dispute> {
    const { account, interposer, url } = node;
    await connect(deployment, account.wallet).receiptsVault.deposit({ value: STAKE });
    const from = await mined(world, account.address, 1);
    const { ordered, bought } = await wrongReceipt();
    const file = fileOf(placeOf(world), ordered, bought);
    const digest = digestOf(placeOf(world), "Receipt", bought.settlement.receipt);
    const burnedWei = await contracts.receiptsVault.burnedWei();
    // A play that failed may have left a trial behind.
    const { reserveWei, live, liveWei } = await contracts.receipts.reserveOf(liar.address);
    await node.start({ role: "verifier", finality: FINALITY });
    interposer.begin();

    let taken = false;
    async function hand(): Promise<Response> {
      const headers = { "content-type": "application/json" };
      const reply = await fetch(`${url}${AUDIT_PATH}`, { method: "POST", headers, body: toJson(file) });
      taken ||= reply.status === 202;
      return reply;
    }
    // Once it is taken it is not handed in again, though the node be killed before anybody hears of it.
    await until("it is taken", async () => {
      const reply = await orNobody(interposer.through(`POST ${AUDIT_PATH}`, hand));
      if (reply !== undefined) expect(reply.status, await reply.text()).to.be.oneOf([202, 503]);
      return taken;
    });

    /** Undefined: it does not answer just now. What was taken is known ever after. */
    async function standing(): Promise<z.infer<typeof standingSchema> | undefined> {
      const reply = await orNobody(fetch(`${url}${AUDIT_PATH}/${digest}`));
      if (reply === undefined) return undefined;
      expect(reply.status, "what was taken is remembered").to.equal(200);
      return standingSchema.parse(await reply.json());
    }

    return {
      from,
      trialIn: (watched) => trialOfReceipt(watched, digest, ordered.input, bought.body),
      async look() {
        await standing();
      },
      isOver: (trial) =>
        trial.request.status === "overturned" && isSettled(trial) && trial.result.bondSettled,
      async finish() {
        await until("it knows that it won", async () => (await standing())?.challenge === "won");
        await provider.send("anvil_mine", [`0x${(4 * FINALITY).toString(16)}`]);
        const head = await provider.getBlockNumber();
        await until("the end is final", async () => {
          const health = z.object({ block: z.number() }).parse(await (await fetch(`${url}/health`)).json());
          return health.block >= head;
        });
        expect(await standing()).to.deep.include({ state: "wrong", challenge: "won" });
      },
      async expectEnd({ trial: { result } }) {
        expect(result.verdict).to.equal("step");
        const own = await contracts.receiptsVault.accountOf(account.address);
        expect([own.freeWei, own.lockedWei]).to.deep.equal([STAKE + BOND / 4n, 0n]);
        const left = await contracts.receipts.reserveOf(liar.address);
        expect([left.reserveWei, left.live, left.liveWei]).to.deep.equal([reserveWei - BOND, live, liveWei]);
        const theirs = await contracts.receiptsVault.accountOf(liar.address);
        expect([theirs.freeWei, theirs.lockedWei]).to.deep.equal([0n, left.reserveWei]);
        expect((await contracts.receiptsVault.burnedWei()) - burnedWei).to.equal(BOND - BOND / 4n);
      },
    };
  }

  const moves = ["challenge", "select", "prove", "settleGame", "settleBond"];
  return { world, model, miner, moves, open, stop: () => stopAll(world, miner, liar) };
}
