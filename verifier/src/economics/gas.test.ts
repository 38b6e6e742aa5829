/** The estimates against receipts of the contracts, on a chain with the calldata floor of EIP-7623. */
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { network } from "hardhat";
import { deployAssay } from "../../../scripts/deployment.ts";
import { parseEvent } from "../../../sdk/src/events.ts";
import { byteRelease, dense, gasOf } from "../../../test/support/gas.ts";
import { answerGas, deliveryGas } from "./gas.ts";

const WINDOW_SECONDS = 60;
const CALLBACK_GAS = 200_000;
const MAX_CALLBACK_GAS = 5_000_000;
/** As HostileConsumer.Mood. */
const BURN_GAS = 2;
/** More than any call takes: what an estimate of the chain says of a callback is no matter here. */
const LIMIT = { gasLimit: 15_000_000n };

interface Measured {
  readonly answered: number;
  readonly delivered: number | undefined;
}

describe("gas of answering", function () {
  this.timeout(120_000);

  async function setUp() {
    const connection = await network.create({ override: { initialBaseFeePerGas: 0 } });
    const { ethers, networkHelpers } = connection;
    const { registry, vault, market } = await deployAssay(connection);
    const [first] = await ethers.getSigners();
    if (first === undefined) throw new Error("no account");
    const operator = first.address;
    await vault.deposit({ value: 10n ** 21n });

    async function publish(modelId: bigint, outputBytes: number): Promise<string> {
      const { header, release } = byteRelease(modelId, 128, outputBytes);
      await registry.publish(release, header, "ipfs://file");
      return registry.releaseIdOf(release);
    }

    // A requester whose callbacks burn all gas that they get.
    const consumer = await ethers.deployContract("HostileConsumer");
    await consumer.setMood(BURN_GAS);
    const requester = await consumer.getAddress();
    await networkHelpers.setBalance(requester, 10n ** 21n);
    await networkHelpers.impersonateAccount(requester);
    const asking = market.connect(await ethers.getSigner(requester));

    /** Gas of one request's `fulfill` and `finalize`, and of a `deliver` where there is a callback. */
    async function cycle(
      releaseId: string,
      outputBytes: number,
      callbackGas: number,
      nonce: number,
    ): Promise<Measured> {
      const ask = {
        releaseId,
        nonce,
        bond: 0n,
        answerSeconds: 600n,
        windowSeconds: WINDOW_SECONDS,
        operator: ZeroAddress,
        callbackGas,
        refundTo: requester,
      };
      const sent = await asking.request(ask, dense(128, nonce), { value: 10n ** 15n, gasPrice: 0n });
      const receipt = await sent.wait();
      const events = (receipt?.logs ?? []).map((log) => parseEvent("market", log));
      const request = events.find((event) => event?.name === "Requested")?.request;
      if (request === undefined) throw new Error("no request was made");
      const output = dense(outputBytes, nonce);
      await networkHelpers.time.increase(300);
      const fulfilled = await gasOf(market.fulfill(request, output, LIMIT));
      await networkHelpers.time.increase(WINDOW_SECONDS);
      const finalized = await gasOf(market.finalize(request, operator, output, LIMIT));
      const delivered =
        callbackGas === 0 ? undefined : await gasOf(market.deliver(request, operator, output, LIMIT));
      return { answered: fulfilled + finalized, delivered };
    }

    async function newModel(): Promise<bigint> {
      await registry.createModel("ipfs://model");
      return registry.modelCount();
    }
    return { cycle, newModel, publish };
  }

  it("is at most the estimate, and at least half of it", async () => {
    const { cycle, newModel, publish } = await setUp();
    for (const outputBytes of [1, 64, 1000, 4096, 20_000, 80_000]) {
      const releaseId = await publish(await newModel(), outputBytes);
      for (const [nonce, callbackGas] of [0, 0, CALLBACK_GAS, MAX_CALLBACK_GAS].entries()) {
        const { answered, delivered } = await cycle(releaseId, outputBytes, callbackGas, nonce);
        const estimates = [[answered, answerGas({ outputBytes }, callbackGas)] as const];
        if (delivered !== undefined) estimates.push([delivered, deliveryGas({ outputBytes }, callbackGas)]);
        for (const [measured, estimate] of estimates) {
          const what = `${outputBytes} bytes, callback ${callbackGas}: ${measured} of ${estimate}`;
          if (process.env["ASSAY_TEST_LOG"] === "info") console.log(what);
          expect(measured, what).to.be.at.most(estimate);
          expect(measured, what).to.be.at.least(estimate / 2);
        }
      }
    }
  });
});
