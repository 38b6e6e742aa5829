/**
 * A feed and a schedule on the real market with a real model: onnxruntime answers, the referee overturns a lie, and each wei ends
 * where the rules say. (What needs no model is tested in contracts/feeds.) Then the gas of all of it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { getAddress, type BaseContract } from "ethers";
import { InferenceSession, Tensor } from "../program/src/onnx/onnxruntime.ts";
import { fromHex, toHex, type Request } from "../sdk/src/structs.ts";
import type { InferenceSchedule } from "../types/ethers-contracts/index.js";
import { openArena, outputOf, testInputs, WINDOW_SECONDS, type Arena } from "./support/arena.ts";
import { dense, gasOf } from "./support/gas.ts";
import { openGasStage } from "./support/gasStage.ts";
import { requestedIn } from "./support/requested.ts";
import { handleOf } from "../verifier/src/play/trace.ts";
import { expectSnapshot } from "./support/snapshot.ts";

const MODEL = join(import.meta.dirname, "../examples/models/breast-cancer/breast-cancer.onnx");
const INTERVAL = 600;
const ANSWER_SECONDS = 600;
const F32 = 12;
const FEE = 10n ** 15n;
const TIPS = { min: 10n ** 13n, max: 10n ** 14n };
const BUDGET = 10n ** 16n;
const NEVER = 2n ** 40n - 1n;
/** Of RequestState. */
const DELIVERED = 4n;
const OVERTURNED = 5n;
/** Of int192. */
const LARGEST = 2n ** 191n - 1n;

const TERMS = {
  interval: INTERVAL,
  endAt: NEVER,
  feeWei: FEE,
  feeGas: 0,
  maxFeeWei: FEE,
  minTipWei: TIPS.min,
  maxTipWei: TIPS.max,
  tipSeconds: 100,
};

/** What onnxruntime says of an input of 30 floats. */
async function answerOf(input: Uint8Array): Promise<Uint8Array> {
  const session = await InferenceSession.create(readFileSync(MODEL), { logSeverityLevel: 3 });
  const floats = new Float32Array(input.slice().buffer);
  const { p_malignant: p } = await session.run({ features: new Tensor("float32", floats, [1, 30]) });
  await session.release();
  return new Uint8Array((p?.data as Float32Array).slice().buffer);
}

/** A float as a number of 8 decimals: exact in double precision below 1. */
function fixed8(bytes: Uint8Array): bigint {
  return BigInt(Math.round(new DataView(bytes.buffer).getFloat32(0, true) * 1e8));
}

function policyOf(arena: Arena, releaseId: string) {
  return {
    releaseId,
    bond: 0n,
    answerSeconds: ANSWER_SECONDS,
    windowSeconds: WINDOW_SECONDS,
    operator: arena.operator.address,
    callbackGas: 100_000,
  };
}

async function fund(arena: Arena, target: BaseContract): Promise<void> {
  const [funder] = await arena.ethers.getSigners();
  await (await funder?.sendTransaction({ to: await target.getAddress(), value: BUDGET }))?.wait();
}

describe("a feed on a real model", () => {
  it("publishes what onnxruntime answers, keeps its value when a lie is overturned, and accounts for every wei", async () => {
    const arena = await openArena("breast-cancer");
    const { ethers, deployed, networkHelpers, operator } = arena;
    const [market, vault] = [deployed.market, deployed.vault];
    const source = await ethers.deployContract("SetInput");
    const releaseId = await deployed.registry.releaseIdOf(arena.release);
    const value = {
      source: await source.getAddress(),
      offset: 0,
      dtype: F32,
      decimals: 8,
      minAnswer: 0n,
      maxAnswer: 10n ** 8n,
      heartbeat: INTERVAL + WINDOW_SECONDS,
      description: "p(malignant)",
    };
    const feed = await ethers.deployContract("InferenceFeed", [
      await market.getAddress(),
      policyOf(arena, releaseId),
      ethers.ZeroAddress,
      TERMS,
      value,
    ]);
    const at = await feed.getAddress();
    await fund(arena, feed);
    const tipTo = ethers.Wallet.createRandom().address;

    const inputs = testInputs("breast-cancer");
    let tips = 0n;
    /** One poke, answered with `output`. */
    const round = async (input: Uint8Array, output: Uint8Array): Promise<Request> => {
      await source.set(input);
      await networkHelpers.time.increase(INTERVAL);
      tips = await ethers.provider.getBalance(tipTo);
      const request = requestedIn(await (await feed.poke(tipTo)).wait()).request;
      tips = (await ethers.provider.getBalance(tipTo)) - tips;
      await market.connect(operator.signer).fulfill(request, output);
      return request;
    };

    const answers: bigint[] = [];
    for (const input of inputs.slice(0, 3)) {
      const output = await answerOf(input);
      const request = await round(input, output);
      await networkHelpers.time.increase(WINDOW_SECONDS);
      await market.finalize(request, operator.address, output);
      const latest = await feed.latestRoundData();
      answers.push(fixed8(output));
      expect(latest).to.deep.equal([
        BigInt(answers.length),
        answers.at(-1),
        BigInt(request.requestedAt),
        BigInt(request.requestedAt),
        BigInt(answers.length),
      ]);
      expect(tips > 0n && tips <= TIPS.max).to.equal(true);
    }
    expect(new Set(answers).size).to.be.greaterThan(1);
    expect(await feed.isStale()).to.equal(false);

    // A lie, played to its end.
    const honest = inputs[3] ?? new Uint8Array();
    const run = arena.runOf(honest);
    const lie = outputOf(run);
    new DataView(lie.buffer).setFloat32(0, 0.5, true);
    const before = await feed.budgetWei();
    const request = await round(honest, lie);
    const challenger = await arena.player();
    const requestId = await market.requestIdOf(request);
    const resultId = await market.resultIdOf(requestId, operator.address, ethers.keccak256(lie));
    await arena.play(toHex(fromHex(`0x${resultId.slice(2)}`)), challenger, run, handleOf(run));
    expect((await market.statusOf(requestId)).state).to.equal(OVERTURNED);
    await market.refund(request);
    expect(await feed.budgetWei()).to.equal(before - tips);
    expect((await feed.latestRoundData()).answer).to.equal(answers[2]);
    expect((await feed.getRoundData(1)).answer).to.equal(answers[0]);
    await networkHelpers.time.increase(INTERVAL);
    expect(await feed.isStale()).to.equal(true);

    // Budget + tips + fees = deposits.
    const allTips = await ethers.provider.getBalance(tipTo);
    const { freeWei } = await vault.accountOf(at);
    expect(freeWei).to.equal(FEE);
    const held = await ethers.provider.getBalance(at);
    expect(held + freeWei + allTips + 3n * FEE).to.equal(BUDGET);
    expect(await ethers.provider.getBalance(await market.getAddress())).to.equal(0n);
    await feed.collect();
    expect(await ethers.provider.getBalance(at)).to.equal(held + FEE);
  });

  it("a schedule makes a consumer's request again and again, until it is cancelled", async () => {
    const arena = await openArena("breast-cancer");
    const { ethers, deployed, networkHelpers, operator } = arena;
    const { market } = deployed;
    const [owner] = await ethers.getSigners();
    if (owner === undefined) throw new Error("an account is needed");
    const releaseId = await deployed.registry.releaseIdOf(arena.release);
    const consumer = await ethers.deployContract("OutputHashes", [
      await market.getAddress(),
      policyOf(arena, releaseId),
    ]);
    const input = testInputs("breast-cancer")[0] ?? new Uint8Array();
    const output = await answerOf(input);
    const schedule = await ethers.deployContract("InferenceSchedule", [
      await market.getAddress(),
      owner.address,
      TERMS,
      await consumer.getAddress(),
      consumer.interface.encodeFunctionData("ask", [input]),
    ]);
    await fund(arena, schedule);
    const tipTo = ethers.Wallet.createRandom().address;

    const poke = async (): Promise<Request> => {
      await networkHelpers.time.increase(INTERVAL);
      return requestedIn(await (await schedule.poke(tipTo)).wait()).request;
    };
    const answered = await poke();
    expect(getAddress(answered.requester)).to.equal(await consumer.getAddress());
    await market.connect(operator.signer).fulfill(answered, output);
    await networkHelpers.time.increase(WINDOW_SECONDS);
    await market.finalize(answered, operator.address, output);
    expect(await consumer.outputHashOf(await market.requestIdOf(answered))).to.equal(
      ethers.keccak256(output),
    );

    const silent = await poke();
    const spent = 2n * FEE + (await ethers.provider.getBalance(tipTo));
    const to = ethers.Wallet.createRandom().address;
    await schedule.cancel(to);
    expect(await ethers.provider.getBalance(to)).to.equal(BUDGET - spent);
    await networkHelpers.time.increase(ANSWER_SECONDS + 1);
    await market.refund(silent);
    await schedule.withdraw(FEE, to);
    expect(await ethers.provider.getBalance(to)).to.equal(BUDGET - spent + FEE);
    expect(await schedule.budgetWei()).to.equal(0n);
  });
});

describe("gas of feeds", () => {
  it("stays at the committed figures", async () => {
    const { ethers, contracts, owner, operator, later, publish } = await openGasStage(10n ** 18n);
    const { market } = contracts;
    const releaseId = await publish(128, 64);
    const source = await ethers.deployContract("TimestampInput", [dense(128, 1), 0]);
    const policy = {
      releaseId,
      bond: 10n ** 16n,
      answerSeconds: ANSWER_SECONDS,
      windowSeconds: WINDOW_SECONDS,
      operator: operator.address,
      callbackGas: 60_000,
    };
    const value = {
      source: await source.getAddress(),
      offset: 60,
      dtype: F32,
      decimals: 18,
      minAnswer: -LARGEST,
      maxAnswer: LARGEST,
      heartbeat: INTERVAL + WINDOW_SECONDS,
      description: "gas",
    };
    const at = await market.getAddress();
    const feed = await ethers.deployContract("InferenceFeed", [at, policy, owner.address, TERMS, value], {
      value: BUDGET,
    });
    const tipTo = owner.address;
    const cycle = async (target: typeof feed | InferenceSchedule, output: Buffer) => {
      await later(INTERVAL);
      const receipt = await (await target.poke(tipTo)).wait();
      const { request } = requestedIn(receipt);
      await later(1);
      await market.connect(operator).fulfill(request, output);
      await later(WINDOW_SECONDS);
      const finalized = await gasOf(market.finalize(request, operator.address, output));
      expect((await market.statusOf(await market.requestIdOf(request))).state).to.equal(DELIVERED);
      return { poke: Number(receipt?.gasUsed), finalize: finalized };
    };
    const first = await cycle(feed, dense(64, 1));
    const second = await cycle(feed, dense(64, 2));
    expect(await feed.latestRound()).to.equal(2n);
    const reader = await ethers.deployContract("FeedReader");

    const consumer = await ethers.deployContract("OutputHashes", [at, policy]);
    const schedule = await ethers.deployContract(
      "InferenceSchedule",
      [
        at,
        owner.address,
        TERMS,
        await consumer.getAddress(),
        consumer.interface.encodeFunctionData("ask", [dense(128, 1)]),
      ],
      { value: BUDGET },
    );
    await cycle(schedule, dense(64, 3));
    const scheduled = await cycle(schedule, dense(64, 4));
    expectSnapshot("feeds", {
      feed: { first, later: second },
      read: {
        latestRoundData: Number(await reader.gasOfLatest(await feed.getAddress())),
        getRoundData: Number(await reader.gasOfRound(await feed.getAddress(), 1)),
      },
      schedule: scheduled,
      deployment: {
        feed: Number((await feed.deploymentTransaction()?.wait())?.gasUsed),
        schedule: Number((await schedule.deploymentTransaction()?.wait())?.gasUsed),
      },
    });
  });
});
