/** The worked examples on the real market with their real models: final, stale, overturned and hostile answers, and every wei. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { encodeTensors } from "../../sdk/src/encode.ts";
import { outputOf, testInputs, WINDOW_SECONDS } from "../support/arena.ts";
import { BOND, FEE, float32At, float32Bytes, openStage } from "../support/stage.ts";

const MODELS = join(import.meta.dirname, "../../examples/models");
const model = (name: string): Uint8Array => new Uint8Array(readFileSync(join(MODELS, name, `${name}.onnx`)));
const ETHER = 10n ** 18n;
const MAX_FEE = 10_000n;

type Features = [bigint, bigint, bigint, bigint, bigint];

describe("a swap fee set by a volatility model", () => {
  async function setUp() {
    const stage = await openStage({ file: model("volatility") });
    const { arena } = stage;
    const { ethers, networkHelpers } = arena;
    const tokens = [await ethers.deployContract("TestToken", [ETHER * 10n ** 6n])];
    tokens.push(await ethers.deployContract("TestToken", [ETHER * 10n ** 6n]));
    const [tokenA, tokenB] = tokens as [(typeof tokens)[0], (typeof tokens)[0]];
    const addresses = [await tokenA.getAddress(), await tokenB.getAddress()];
    const pool = await ethers.deployContract("VolatilityPool", [stage.market, stage.policy, ...addresses]);
    const at = await pool.getAddress();
    for (const [k, token] of tokens.entries()) {
      await token.transfer(at, (k === 0 ? 1000n : 3000n) * ETHER);
      await token.approve(at, ETHER * 10n ** 6n);
    }
    const trader = await stage.player();
    /** Swaps of different sizes, each with a price before it. */
    const trade = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        await networkHelpers.time.increase(301);
        await pool.swap(i % 2 === 0, ETHER * BigInt(1 + ((i * 7) % 5)), 0n);
      }
    };
    const ask = async () =>
      stage.asked(await stage.mined(pool.connect(trader.signer).askForFee({ value: FEE })));
    return { ...stage, pool, tokenA, tokenB, trader, trade, ask, at };
  }

  it("follows final answers within its bounds, and takes the highest fee when they are stale", async () => {
    const { pool, trade, ask, arena, ...stage } = await setUp();
    await expect(pool.askForFee()).to.be.revertedWithCustomError(pool, "TooFewPrices");
    const prices: bigint[] = [];
    for (let i = 0; i < 9; i++) {
      const [a, b] = [await stage.tokenA.balanceOf(stage.at), await stage.tokenB.balanceOf(stage.at)];
      prices.push((b * ETHER) / a);
      await trade(1);
    }
    expect(await pool.fee()).to.equal(MAX_FEE);
    const asked = await ask();
    const expected = encodeTensors([{ name: "prices", dtype: "f32", shape: [1, 9] }], {
      prices: prices.map((price) => Number(`${price}e-18`)),
    });
    expect([...asked.input]).to.deep.equal([...expected]);
    const output = stage.right(asked);
    const millionths = BigInt(Math.round(float32At(output) * 1e6));
    expect(Number(millionths)).to.be.within(501, 9_999);
    const before = await stage.freeOf(stage.operator);
    await stage.answer(asked, output);
    expect(await pool.fee(), "provisional").to.equal(MAX_FEE);
    await stage.finalize(asked, output);
    expect(await stage.stateOf(asked)).to.equal("delivered");
    expect(await pool.fee()).to.equal(millionths);
    expect((await stage.freeOf(stage.operator)) - before).to.equal(await stage.earned(FEE));
    await stage.expectSolvent(0n);

    const [a, b] = [await stage.tokenA.balanceOf(stage.at), await stage.tokenB.balanceOf(stage.at)];
    const net = (ETHER * (1_000_000n - millionths)) / 1_000_000n;
    const out = (b * net) / (a + net);
    await expect(pool.swap(true, ETHER, out + 1n)).to.be.revertedWithCustomError(pool, "TooLittleOut");
    await pool.swap(true, ETHER, out);
    expect(await stage.tokenA.balanceOf(stage.at)).to.equal(a + ETHER);
    expect(await stage.tokenB.balanceOf(stage.at)).to.equal(b - out);
    await arena.networkHelpers.time.increase(3600);
    expect(await pool.fee(), "stale").to.equal(MAX_FEE);
  });

  it("keeps its fee when an answer is overturned, late or no number, and the fee paid goes where it belongs", async () => {
    const { pool, trade, ask, arena, ...stage } = await setUp();
    const { market } = arena.deployed;
    await trade(9);
    const [first, second] = [await ask(), await ask()];
    const output = stage.right(second);
    for (const asked of [first, second]) await stage.answer(asked, output);
    await stage.finalize(second, output);
    const fee = await pool.fee();
    const answered = await pool.answeredNonce();
    await stage.finalize(first, output);
    expect(await pool.answeredNonce(), "an older answer").to.equal(answered);

    const lied = await ask();
    const lie = float32Bytes(1e-9);
    const before = { asker: await stage.freeOf(stage.trader), verifier: await stage.freeOf(stage.verifier) };
    const operatorBefore = await arena.accountOf(stage.operator);
    await stage.answer(lied, lie);
    await stage.expectSolvent(FEE);
    await stage.overturn(lied, lie);
    await expect(stage.finalize(lied, lie)).to.be.revertedWithCustomError(market, "StateIs");
    await market.refund(lied.request);
    expect((await stage.freeOf(stage.trader)) - before.asker, "refund").to.equal(FEE);
    expect((await stage.freeOf(stage.verifier)) - before.verifier, "share").to.equal(lied.request.bond / 4n);
    const operatorAfter = await arena.accountOf(stage.operator);
    expect(operatorBefore.free + operatorBefore.locked - operatorAfter.free - operatorAfter.locked).to.equal(
      lied.request.bond,
    );
    expect(await pool.fee()).to.equal(fee);

    // Nobody challenged these: the pool has its own bounds.
    for (const [bytes, expected] of [
      [float32Bytes(NaN), fee],
      [float32Bytes(Infinity), fee],
      [float32Bytes(-1), fee],
      [float32Bytes(1e30), MAX_FEE],
      [float32Bytes(0), 500n],
    ] as const) {
      const asked = await ask();
      await stage.answer(asked, bytes);
      await stage.finalize(asked, bytes);
      expect(await stage.stateOf(asked)).to.equal(expected === fee ? "final" : "delivered");
      expect(await pool.fee()).to.equal(expected);
    }
    await stage.expectSolvent(0n);
  });
});

describe("a loan limit set by a tree ensemble", () => {
  const MAX_LOAN = ETHER / 2n;
  const GOOD: Features = [3n * ETHER, ETHER / 10n, 100n * ETHER, 0n, ETHER];

  async function setUp() {
    const stage = await openStage({ file: model("credit") });
    const { ethers } = stage.arena;
    const [borrower, other, scorer] = [await stage.player(), await stage.player(), await stage.player()];
    const [, underwriter] = await ethers.getSigners();
    if (underwriter === undefined) throw new Error("no account");
    const demands = {
      releaseId: stage.releaseId,
      minBondWei: BOND,
      minWindowSeconds: WINDOW_SECONDS,
      maxAgeSeconds: 86_400,
    };
    const args = [stage.market, demands, underwriter.address] as const;
    const lines = await ethers.deployContract("CreditLine", [...args, MAX_LOAN]);
    await expect(ethers.deployContract("CreditLine", [...args, BOND])).to.be.revertedWithCustomError(
      lines,
      "BondBelowLoan",
    );
    await (await borrower.signer.sendTransaction({ to: await lines.getAddress(), value: 2n * ETHER })).wait();
    const line = lines.connect(borrower.signer);
    let nonce = 0n;
    /** Anybody's request about an input, as the contract wants it but for `changes`. */
    const score = async (
      input: Uint8Array,
      changes: { bond?: bigint; windowSeconds?: number; releaseId?: string } = {},
    ) => {
      const ask = {
        ...{ releaseId: stage.releaseId, nonce: nonce++, bond: BOND, answerSeconds: 600n, callbackGas: 0n },
        ...{ windowSeconds: WINDOW_SECONDS, operator: stage.operator.address, refundTo: scorer.address },
        ...changes,
      };
      const { market } = stage.arena.deployed;
      return stage.asked(
        await stage.mined(market.connect(scorer.signer).request(ask, input, { value: FEE })),
      );
    };
    /** Has somebody's features filed. @returns the model's input. */
    const file = async (who: string, features: Features): Promise<Uint8Array> => {
      await lines.connect(underwriter).file(who, features);
      return encodeTensors([{ name: "applicant", dtype: "f32", shape: [1, 5] }], {
        applicant: features.map((value) => Number(`${value}e-18`)),
      });
    };
    return { ...stage, line, lines, borrower, other, scorer, score, file };
  }

  it("lends by a final answer that somebody else asked for, to the wei", async () => {
    const { line, borrower, other, file, score, arena, operator, ...stage } = await setUp();
    const { provider } = arena.ethers;
    const input = await file(borrower.address, GOOD);
    expect(await line.fileOf(borrower.address)).to.equal(arena.ethers.keccak256(input));
    const asked = await score(input);
    const output = stage.right(asked);
    const p = float32At(output);
    expect(p).to.be.within(0.81, 0.999);
    const limit = await line.limitFor(output);
    expect(Math.abs(Number(limit) / Number(MAX_LOAN) - (p - 0.8) / 0.2)).to.be.below(1e-6);

    await stage.answer(asked, output);
    const borrow = (amount: bigint) => line.borrow(amount, asked.request, operator.address, output);
    await expect(borrow(limit)).to.be.revertedWithCustomError(line, "NotFinal");
    await stage.finalize(asked, output);
    expect(await stage.stateOf(asked)).to.equal("final");
    await expect(borrow(limit + 1n))
      .to.be.revertedWithCustomError(line, "AboveLimit")
      .withArgs(limit + 1n, limit);
    const before = await provider.getBalance(borrower.address);
    const receipt = await stage.mined(borrow(limit));
    const spent = (receipt?.gasUsed ?? 0n) * (receipt?.gasPrice ?? 0n);
    expect((await provider.getBalance(borrower.address)) - before + spent).to.equal(limit);
    expect(await provider.getBalance(await line.getAddress())).to.equal(2n * ETHER - limit);
    await expect(borrow(1n)).to.be.revertedWithCustomError(line, "DebtOpen");

    const debt = limit + (limit * 5n) / 100n;
    expect(await line.debtOf(borrower.address)).to.equal(debt);
    await expect(line.repay(borrower.address, { value: debt + 1n })).to.be.revertedWithCustomError(
      line,
      "RepaidTooMuch",
    );
    await line.repay(borrower.address, { value: debt });
    expect(await provider.getBalance(await line.getAddress())).to.equal(2n * ETHER + debt - limit);
    await stage.mined(borrow(1n));
    // One score, one borrower, however equal another's file is.
    await file(other.address, GOOD);
    await expect(
      line.connect(other.signer).borrow(1n, asked.request, operator.address, output),
    ).to.be.revertedWithCustomError(line, "ScoreUsed");
    await stage.expectSolvent(0n);
  });

  it("takes no other answer: overturned, unasked, cheap, hasty, old, of another file, altered", async () => {
    const { line, lines, borrower, file, score, arena, operator, ...stage } = await setUp();
    const poor: Features = [ETHER / 2n, 2n * ETHER, 2n * ETHER, 4n * ETHER, 5n * ETHER];
    const input = await file(borrower.address, poor);
    const borrow = (asked: Awaited<ReturnType<typeof score>>, output: Uint8Array) =>
      line.borrow(1n, asked.request, operator.address, output);

    const lied = await score(input);
    const lie = float32Bytes(1);
    await stage.answer(lied, lie);
    await stage.overturn(lied, lie);
    await expect(borrow(lied, lie)).to.be.revertedWithCustomError(line, "NotStanding");
    const refunded = await stage.freeOf(stage.scorer);
    await arena.deployed.market.refund(lied.request);
    expect((await stage.freeOf(stage.scorer)) - refunded).to.equal(FEE);
    await expect(borrow(lied, lie), "refunded").to.be.revertedWithCustomError(line, "NotStanding");

    const honest = await score(input);
    const output = stage.right(honest);
    await expect(borrow(honest, output), "no answer").to.be.revertedWithCustomError(line, "NotStanding");
    await stage.answer(honest, output);
    await stage.finalize(honest, output);
    await expect(borrow(honest, output)).to.be.revertedWithCustomError(line, "AboveLimit").withArgs(1n, 0n);
    await expect(borrow(honest, lie), "another output").to.be.revertedWithCustomError(line, "NotStanding");
    await expect(
      line.borrow(1n, honest.request, borrower.address, output),
      "another operator",
    ).to.be.revertedWithCustomError(line, "NotStanding");
    const forged = { ...honest.request, bond: honest.request.bond + 1n };
    await expect(borrow({ ...honest, request: forged }, output)).to.be.revertedWithCustomError(
      line,
      "NotStanding",
    );

    // Final though wrong: nobody looked, since so little was at stake or so little time was left.
    for (const [changes, error] of [
      [{ bond: BOND / 2n }, "BondBelow"],
      [{ windowSeconds: WINDOW_SECONDS - 1 }, "WindowBelow"],
    ] as const) {
      const asked = await score(input, changes);
      await stage.answer(asked, lie);
      await stage.finalize(asked, lie);
      await expect(borrow(asked, lie)).to.be.revertedWithCustomError(line, error);
    }
    const good = await file(stage.scorer.address, GOOD);
    const ofAnother = await score(good);
    const high = stage.right(ofAnother);
    await stage.answer(ofAnother, high);
    await stage.finalize(ofAnother, high);
    await expect(borrow(ofAnother, high)).to.be.revertedWithCustomError(line, "OtherInput");
    await file(borrower.address, GOOD);
    await arena.networkHelpers.time.increase(86_400);
    await expect(borrow(ofAnother, high)).to.be.revertedWithCustomError(line, "RequestTooOld");
    await expect(line.file(borrower.address, GOOD)).to.be.revertedWithCustomError(line, "NotUnderwriter");
    await expect(
      lines.connect(stage.verifier.signer).borrow(1n, ofAnother.request, operator.address, high),
    ).to.be.revertedWithCustomError(line, "NoFile");
    await stage.expectSolvent(0n);
  });

  it("bounds the limit whatever the score", async () => {
    const { line } = await setUp();
    for (const [p, limit] of [
      [-1, 0n],
      [0.79, 0n],
      [1, MAX_LOAN],
      [1e20, MAX_LOAN],
    ] as const)
      expect(await line.limitFor(float32Bytes(p))).to.equal(limit);
    await expect(line.limitFor(float32Bytes(NaN))).to.be.revertedWithCustomError(line, "NotANumber");
  });
});

describe("a door that opens for the digit that it asks for", () => {
  const images = testInputs("digits");

  async function setUp() {
    const stage = await openStage("digits");
    const door = await stage.arena.ethers.deployContract("DigitDoor", [stage.market, stage.policy]);
    const visitor = await stage.player();
    const at = door.connect(visitor.signer);
    const knock = async (): Promise<number> => {
      await stage.mined(at.knock());
      return Number((await door.visitOf(visitor.address)).digit);
    };
    const handIn = async (image: Uint8Array) =>
      stage.asked(await stage.mined(at.handIn(image, { value: FEE })));
    const seen = new Set<number>();
    /** A test image, a new one each time, that the model takes for this digit, or for another. */
    const imageOf = (digit: number, is: boolean): Uint8Array => {
      for (const [i, image] of images.entries()) {
        if (seen.has(i)) continue;
        const logits = outputOf(stage.arena.runOf(image));
        if ((logits.indexOf(Math.max(...logits)) === digit) !== is) continue;
        seen.add(i);
        return image;
      }
      throw new Error("no such image");
    };
    return { ...stage, door, visitor, at, knock, handIn, imageOf };
  }

  it("opens for a final answer; the porch lights up for one that is undisputed and a minute old", async () => {
    const { door, at, visitor, knock, handIn, imageOf, arena, operator, ...stage } = await setUp();
    const { time } = arena.networkHelpers;
    await expect(at.handIn(imageOf(1, true))).to.be.revertedWithCustomError(door, "NothingAsked");
    const digit = await knock();
    await expect(at.knock()).to.be.revertedWithCustomError(door, "AskedAlready");
    const drawing = imageOf(digit, true);
    const asked = await handIn(drawing);
    const output = stage.right(asked);
    const porch = () => door.isPorchLit(asked.requestId, operator.address, output);
    await expect(porch()).to.be.revertedWithCustomError(door, "NotStanding");
    await stage.answer(asked, output);
    const answeredAt = BigInt(await time.latest());
    await expect(porch()).to.be.revertedWithCustomError(door, "TooYoung");
    await time.increase(60);
    const [isLit, standing] = await porch();
    expect(isLit).to.equal(true);
    expect([standing.isFinal, standing.openGames, standing.bondWei]).to.deep.equal([false, 0n, BOND]);
    expect([standing.answeredAt, standing.endsAt - standing.answeredAt]).to.deep.equal([
      ...[answeredAt, BigInt(WINDOW_SECONDS)],
    ]);
    expect(await door.isOpenFor(visitor.address)).to.equal(false);
    await stage.finalize(asked, output);
    expect(await door.isOpenFor(visitor.address)).to.equal(true);
    expect((await porch())[1].isFinal).to.equal(true);
    await stage.expectSolvent(0n);
    await time.increase(86_400);
    expect(await door.isOpenFor(visitor.address)).to.equal(false);

    const again = await knock();
    await expect(at.handIn(drawing)).to.be.revertedWithCustomError(door, "DrawingUsed");
    await time.increase(600);
    await expect(at.handIn(imageOf(again, true))).to.be.revertedWithCustomError(door, "NothingAsked");
  });

  it("stays shut for another digit, and for a lie that is overturned while the porch is dark", async () => {
    const { door, visitor, knock, handIn, imageOf, arena, operator, ...stage } = await setUp();
    const handInOther = async () => {
      const digit = await knock();
      return { ...(await handIn(imageOf(digit, false))), digit };
    };
    const other = await handInOther();
    const said = stage.right(other);
    await stage.answer(other, said);
    await stage.finalize(other, said);
    expect(await stage.stateOf(other)).to.equal("delivered");
    expect(await door.isOpenFor(visitor.address)).to.equal(false);

    const lied = await handInOther();
    const lie = Uint8Array.from({ length: 10 }, (_, k) => (k === lied.digit ? 255 : 0));
    await stage.answer(lied, lie);
    await arena.networkHelpers.time.increase(60);
    const porch = () => door.isPorchLit(lied.requestId, operator.address, lie);
    expect((await porch())[0], "provisional answers may be wrong").to.equal(true);
    const resultId = await arena.deployed.market.resultIdOf(
      lied.requestId,
      operator.address,
      arena.ethers.keccak256(lie),
    );
    const trial = await arena.trialOf(`0x${resultId.slice(2)}`);
    await arena.make(stage.verifier, trial, { kind: "challenge" });
    await expect(porch()).to.be.revertedWithCustomError(door, "Disputed");
    await stage.overturn(lied, lie);
    await expect(porch()).to.be.revertedWithCustomError(door, "NotStanding");
    await expect(stage.finalize(lied, lie)).to.be.revertedWithCustomError(arena.deployed.market, "StateIs");
    const before = await stage.freeOf(visitor);
    await arena.deployed.market.refund(lied.request);
    expect((await stage.freeOf(visitor)) - before).to.equal(FEE);
    expect(await door.isOpenFor(visitor.address)).to.equal(false);
    await stage.expectSolvent(0n);
  });
});
