/**
 * Gas of the market's life cycle, against the committed figures in gas.snapshot.json and the ceilings below. The chain charges
 * the calldata floor price of EIP-7623.
 */
import { expect } from "chai";
import { hexlify, keccak256, ZeroAddress } from "ethers";
import type { DeployedContracts } from "../scripts/deployment.ts";
import type { OutputHashes } from "../types/ethers-contracts/index.js";
import { dense, gasOf } from "./support/gas.ts";
import { openGasStage } from "./support/gasStage.ts";
import { requestedIn } from "./support/requested.ts";
import { expectSnapshot } from "./support/snapshot.ts";

const CYCLE_CEILING = 220_000;
const REQUEST_4K_CEILING = 210_000;
const WINDOW_SECONDS = 60;
const FEE = 10n ** 15n;

async function setUp() {
  const { ethers, contracts, operator, later, publish } = await openGasStage(10n ** 18n);

  async function consumerOf(inputBytes: number, outputBytes: number): Promise<OutputHashes> {
    const policy = {
      releaseId: await publish(inputBytes, outputBytes),
      bond: 10n ** 16n,
      answerSeconds: 600n,
      windowSeconds: WINDOW_SECONDS,
      operator: ZeroAddress,
      callbackGas: 60_000n,
    };
    return ethers.deployContract("OutputHashes", [await contracts.market.getAddress(), policy]);
  }

  /** One request from ask to callback. */
  async function cycle(consumer: OutputHashes, input: Buffer, output: Buffer) {
    await later(1000);
    const { gas: asked, request } = await ask(consumer, input);
    // Past every turn of the sortition, so that the figures do not depend on a draw.
    await later(300);
    const fulfilled = await gasOf(contracts.market.connect(operator).fulfill(request, output));
    await later(WINDOW_SECONDS);
    const finalized = await gasOf(contracts.market.finalize(request, operator.address, output));
    const requestId = await contracts.market.requestIdOf(request);
    expect(await consumer.outputHashOf(requestId)).to.equal(keccak256(output));
    return { request: asked, fulfill: fulfilled, finalize: finalized };
  }

  return { contracts, consumerOf, cycle };
}

/** Gas of a request made through a consumer, and the request as the market fixed it. */
async function ask(consumer: OutputHashes, input: Buffer) {
  const receipt = await (await consumer.ask(input, { value: FEE })).wait();
  return { gas: Number(receipt?.gasUsed), request: requestedIn(receipt).request };
}

/** Gas of a new offer with one endpoint, of a change of it, and of its withdrawal. */
async function announcements({ directory }: DeployedContracts, releaseId: string) {
  const announce = (endpoints: string[], price: bigint, bond: bigint): Promise<number> => {
    const offer = { feeWei: price, gas: 143_000, tipMwei: 1000, gasPercent: 127, maxBondWei: bond };
    return gasOf(directory.announce(endpoints, [{ releaseId, offer }]));
  };
  return {
    offer: await announce(["https://assay.example"], 0n, 10n ** 18n),
    change: await announce(["https://assay.example"], 10n ** 15n, 10n ** 18n),
    withdrawal: await gasOf(
      directory.announce(
        [],
        [{ releaseId, offer: { feeWei: 0n, gas: 0, tipMwei: 0, gasPercent: 0, maxBondWei: 0n } }],
      ),
    ),
  };
}

describe("gas", () => {
  it("stays at the committed figures and under the ceilings", async () => {
    const { contracts, consumerOf, cycle } = await setUp();
    const small = await consumerOf(128, 64);
    const first = await cycle(small, dense(128, 1), dense(64, 1));
    const later = await cycle(small, dense(128, 2), dense(64, 2));
    const large = await consumerOf(4096, 64);
    await cycle(large, dense(4096, 1), dense(64, 3));
    const direct = {
      releaseId: await large.releaseId(),
      nonce: 7n,
      bond: 10n ** 16n,
      answerSeconds: 600n,
      windowSeconds: WINDOW_SECONDS,
      operator: ZeroAddress,
      callbackGas: 0n,
      refundTo: await small.getAddress(),
    };
    const figures = {
      firstRequestOfModel: first,
      "128B": { ...later, total: later.request + later.fulfill + later.finalize },
      "4KiB": {
        requestByConsumer: await gasOf(large.ask(dense(4096, 2), { value: FEE })),
        requestByAccount: await gasOf(
          contracts.market.request(direct, hexlify(dense(4096, 3)), { value: FEE }),
        ),
      },
    };
    const announced = await announcements(contracts, await large.releaseId());
    expect(figures["128B"].total).to.be.at.most(CYCLE_CEILING);
    expect(figures["4KiB"].requestByConsumer).to.be.at.most(REQUEST_4K_CEILING);
    expect(figures["4KiB"].requestByAccount).to.be.at.most(REQUEST_4K_CEILING);
    expectSnapshot("gas", { ...figures, announced });
  });
});
