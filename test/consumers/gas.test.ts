/** Gas of every way in which a contract uses inference, and of conversions for each element: consumers.snapshot.json. */
import { expect } from "chai";
import { ZeroAddress, type BaseContract, type ContractTransactionResponse } from "ethers";
import { seededRng } from "../../program/src/testing/rng.ts";
import type { Request } from "../../sdk/src/structs.ts";
import { dense, gasOf } from "../support/gas.ts";
import { openGasStage } from "../support/gasStage.ts";
import { requestedIn } from "../support/requested.ts";
import { expectSnapshot, type Figures } from "../support/snapshot.ts";

/** Bytes of addresses and times are calldata. */
const SNAPSHOT_SHARE = 0.01;
const WINDOW_SECONDS = 300;
const FEE = 10n ** 15n;
const ETHER = 10n ** 18n;
const ELEMENTS = 64;
/** Gas of an element in assembly, as a share of the plain loop's, at most: what pays for having it. */
const ASSEMBLY_SHARE = 0.5;

async function setUp() {
  const { ethers, contracts, operator, later, publish } = await openGasStage(100n * ETHER);
  const market = await contracts.market.getAddress();
  const policyOf = (releaseId: string) => ({
    ...{ releaseId, bond: ETHER, answerSeconds: 600n, windowSeconds: WINDOW_SECONDS },
    ...{ operator: operator.address, callbackGas: 150_000n },
  });
  async function asked(
    sent: Promise<ContractTransactionResponse>,
  ): Promise<{ gas: number; request: Request; id: string }> {
    const receipt = await (await sent).wait();
    const { request, requestId } = requestedIn(receipt);
    return { gas: Number(receipt?.gasUsed), request, id: requestId };
  }
  const fulfill = async (request: Request, output: Uint8Array): Promise<void> => {
    await later(10);
    await (await contracts.market.connect(operator).fulfill(request, output)).wait();
  };
  const finalize = async (request: Request, output: Uint8Array): Promise<number> => {
    await later(WINDOW_SECONDS);
    return gasOf(contracts.market.finalize(request, operator.address, output));
  };
  return { ethers, contracts, market, operator, later, publish, policyOf, asked, fulfill, finalize };
}

type Stage = Awaited<ReturnType<typeof setUp>>;

/** Float32 bits, little-endian. */
function float32(value: number): Uint8Array {
  return new Uint8Array(new Float32Array([value]).buffer);
}

async function poolFigures({
  ethers,
  market,
  later,
  asked,
  fulfill,
  finalize,
  ...stage
}: Stage): Promise<Figures> {
  const token = () => ethers.deployContract("TestToken", [ETHER * 10n ** 6n]);
  const tokens = [await token(), await token()] as const;
  const policy = stage.policyOf(await stage.publish(36, 4));
  const addresses = await Promise.all(tokens.map((one) => one.getAddress()));
  const pool = await ethers.deployContract("VolatilityPool", [market, policy, ...addresses]);
  for (const one of tokens) {
    await one.transfer(await pool.getAddress(), 1000n * ETHER);
    await one.approve(await pool.getAddress(), ETHER * 10n ** 6n);
  }
  for (let i = 0; i < 12; i++) {
    await later(301);
    await pool.swap(i % 2 === 0, ETHER, 0n);
  }
  const figures: Record<string, number> = {};
  // The second time, no slot is fresh.
  for (const name of ["", "Later"]) {
    await later(301);
    figures[`swapWithPrice${name}`] = await gasOf(pool.swap(true, ETHER, 0n));
    const { gas, request } = await asked(pool.askForFee({ value: FEE }));
    figures[`askForFee${name}`] = gas;
    await fulfill(request, float32(0.002));
    figures[`finalize${name}`] = await finalize(request, float32(0.002));
    expect(await pool.fee()).to.equal(2000n);
  }
  return figures;
}

async function creditFigures({
  ethers,
  market,
  operator,
  contracts,
  asked,
  fulfill,
  finalize,
  ...stage
}: Stage): Promise<Figures> {
  const [underwriter] = await ethers.getSigners();
  const releaseId = await stage.publish(20, 4);
  const demands = { releaseId, minBondWei: ETHER, minWindowSeconds: WINDOW_SECONDS, maxAgeSeconds: 86_400 };
  const [address, loan] = [underwriter?.address ?? ZeroAddress, ETHER / 2n];
  const line = await ethers.deployContract("CreditLine", [market, demands, address, loan]);
  const measured = await ethers.deployContract("AnswersGas", [market, demands]);
  await underwriter?.sendTransaction({ to: await line.getAddress(), value: 10n * ETHER });
  const file = await gasOf(line.file(address, [3n * ETHER, ETHER / 10n, 100n * ETHER, 2n * ETHER, ETHER]));
  const [filed] = await line.queryFilter(line.filters.Filed());
  const ask = { ...stage.policyOf(releaseId), nonce: 1n, callbackGas: 0n, refundTo: address };
  const { request, id } = await asked(
    contracts.market.request(ask, filed?.args.input ?? "0x", { value: FEE }),
  );
  const output = float32(0.95);
  await fulfill(request, output);
  await stage.later(10);
  await ethers.provider.send("evm_mine", []);
  const provisional = Number(await measured.provisional(request, operator.address, output));
  const finalized = await finalize(request, output);
  const attested = Number(await measured.attested(request, operator.address, output));
  const finalById = Number(await measured.finalById(id, operator.address, output));
  const borrow = await gasOf(line.borrow(ETHER / 10n, request, operator.address, output));
  return { file, finalizeWithoutCallback: finalized, borrow, views: { provisional, attested, finalById } };
}

async function doorFigures({
  ethers,
  market,
  operator,
  asked,
  fulfill,
  finalize,
  ...stage
}: Stage): Promise<Figures> {
  const door = await ethers.deployContract("DigitDoor", [
    market,
    stage.policyOf(await stage.publish(64, 10)),
  ]);
  const [visitor] = await ethers.getSigners();
  await stage.later(10);
  const knock = await gasOf(door.knock());
  const { digit } = await door.visitOf(visitor?.address ?? ZeroAddress);
  const { gas: handIn, request } = await asked(door.handIn(dense(64, 1), { value: FEE }));
  const logits = dense(10, 1).map((_, i) => (i === Number(digit) ? 200 : 7));
  await fulfill(request, logits);
  const finalized = await finalize(request, logits);
  expect(await door.isOpenFor(visitor?.address ?? ZeroAddress)).to.equal(true);
  return {
    knock,
    handIn,
    finalize: finalized,
    porchAsTransaction: Number(
      await door.isPorchLit.estimateGas(
        await stage.contracts.market.requestIdOf(request),
        operator.address,
        logits,
      ),
    ),
  };
}

/** Gas of one element among {@link ELEMENTS}, rounded up, the array's or blob's own share included. */
async function elementFigures({ ethers }: Stage): Promise<Figures> {
  const gas: BaseContract = await ethers.deployContract("TensorsGas");
  const rng = seededRng(1);
  const per = async (name: string, ...args: unknown[]): Promise<number> => {
    const result: unknown = await gas.getFunction(name).staticCall(...args);
    const used = Array.isArray(result) ? (result[0] as bigint) : (result as bigint);
    return Math.ceil(Number(used) / ELEMENTS);
  };
  const values = (bits: number): bigint[] => Array.from({ length: ELEMENTS }, () => rng.bits(bits));
  const blob = (width: number): Buffer => dense(width * ELEMENTS, 1);
  const prices = values(72);
  const floats = Buffer.from(new Float32Array(prices.map((price) => Number(price) / 1e18)).buffer);
  const figures = {
    u8: {
      pack: await per("packU8", values(8)),
      unpack: await per("unpackU8", blob(1)),
      at: await per("u8At", blob(1)),
    },
    bool: {
      pack: await per(
        "packBool",
        values(1).map((v) => v === 1n),
      ),
      unpack: await per("unpackBool", Buffer.alloc(ELEMENTS, 1)),
    },
    i16: { pack: await per("packI16", values(15)), unpack: await per("unpackI16", blob(2)) },
    u32: { pack: await per("packU32", values(32)), unpack: await per("unpackU32", blob(4)) },
    i64: {
      pack: await per("packI64", values(63)),
      unpack: await per("unpackI64", blob(8)),
      at: await per("i64At", blob(8)),
    },
    f32: {
      pack: await per("packF32", prices, 18),
      unpack: await per("unpackF32", floats, 18),
      put: await per("putF32", prices, 18),
      at: await per("f32At", floats, 18),
    },
    f32Integers: { pack: await per("packF32", prices, 0) },
    f32Of100Decimals: {
      pack: await per("packF32", prices, 100),
      unpack: await per("unpackF32", Buffer.alloc(4 * ELEMENTS, 1), 100),
    },
    f16: {
      pack: await per("packF16", values(64), 18),
      unpack: await per("unpackF16", Buffer.alloc(2 * ELEMENTS, 0x11), 18),
    },
    bf16: {
      pack: await per("packBF16", prices, 18),
      unpack: await per("unpackBF16", Buffer.alloc(2 * ELEMENTS, 0x11), 18),
    },
    argmax: { u8: await per("argmaxU8", blob(1)), f32: await per("argmaxF32", floats) },
    plain: {
      packU32: await per("plainPackU32", values(32)),
      unpackU32: await per("plainUnpackU32", blob(4)),
    },
  };
  expect(figures.u32.pack).to.be.at.most(figures.plain.packU32 * ASSEMBLY_SHARE);
  expect(figures.u32.unpack).to.be.at.most(figures.plain.unpackU32 * ASSEMBLY_SHARE);
  return figures;
}

describe("gas of consumers", () => {
  it("stays at the committed figures", async () => {
    const stage = await setUp();
    const pool = await poolFigures(stage);
    const credit = await creditFigures(stage);
    const door = await doorFigures(stage);
    const elements = await elementFigures(stage);
    expectSnapshot("consumers", { pool, credit, door, elements }, SNAPSHOT_SHARE);
  });
});
