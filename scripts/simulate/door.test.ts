/** The second door of the simulation: a plan that follows from the seed, a way to operators that fails, invariants that can break. */
import { expect } from "chai";
import { VoidSigner } from "ethers";
import type { DoorFacts, OrderFact, PurseFact, ReceiptFact } from "./door/facts.ts";
import { brokenAtDoor } from "./door/invariants.ts";
import { askAllAgain, createLetters } from "./door/letters.ts";
import { doorPlanOf } from "./door/plan.ts";
import type { Facts, LedgerFact } from "./facts.ts";
import { brokenInvariants } from "./invariants.ts";
import { keyOfMove } from "./moves.ts";
import { stream } from "./random.ts";
import { requestsOf } from "./requests.ts";
import { LIARS, MAX_IN_FLIGHT, RECEIPT_PRICE, REDEEM_FROM, SELLERS } from "./rules.ts";
import { serve } from "../serve.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { parseDeployment } from "../../sdk/src/deployment.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { HEADERS, toHeader } from "../../sdk/src/infer/wire.ts";

const SEEDS = [1, 2, 3, 77];

describe("the plan of the second door", () => {
  it("follows from the seed alone, and from streams of its own", () => {
    expect(doorPlanOf(5, 600)).to.deep.equal(doorPlanOf(5, 600));
    expect(doorPlanOf(5, 600)).to.not.deep.equal(doorPlanOf(6, 600));
    const before = requestsOf(5, 600);
    doorPlanOf(5, 600);
    expect(requestsOf(5, 600)).to.deep.equal(before);
  });

  it("has something of everything, in two minutes and for any seed", () => {
    for (const seed of SEEDS) {
      const { orders, closing, rushes, restarts, weather } = doorPlanOf(seed, 120);
      expect(orders.length).to.be.at.least(25);
      for (const liar of LIARS) expect(orders.some(({ operator }) => operator === liar)).to.equal(true);
      expect(orders.some(({ challengers }) => challengers.length > 0)).to.equal(true);
      expect(closing.map(({ operator }) => operator)).to.deep.equal(SELLERS);
      expect(new Set(closing.map(({ input }) => input.join())).size).to.equal(SELLERS.length);
      expect(rushes.length).to.be.at.least(1);
      expect(restarts.length).to.be.at.least(1);
      expect(weather.length).to.be.at.least(5);
    }
  });
});

describe("the client's way to operators", () => {
  const address = `0x${"11".repeat(20)}`;
  const bytes = `0x${"22".repeat(32)}`;
  const order = { releaseId: bytes, inputsRoot: bytes, client: address, operator: address };
  const payload = {
    order: { ...order, priceWei: 1n, nonce: 1n, expiresAt: 1 },
    totalWei: 1n,
    signature: "0x",
  };
  const payment = toHeader({ x402Version: 2, accepted: { scheme: "assay-voucher", network: "x" }, payload });

  it("loses answers, and knows what was answered and whether it is the same again", async () => {
    let [calls, said] = [0, "first"];
    const server = await serve((_request, response) => {
      calls++;
      response.writeHead(200, { [HEADERS.response]: said }).end("output");
    });
    try {
      const letters = createLetters(stream(1, "test"), () => true);
      const ask = { url: server.url, body: "input", maxBytes: 100, timeoutMs: 1000, trusted: true };
      for (let i = 0; i < 60; i++)
        await letters.exchange({ ...ask, headers: { [HEADERS.payment]: payment } }).catch(() => undefined);
      expect(letters.lost()).to.be.within(1, 30);
      expect(calls).to.be.above(60);
      const [letter] = letters.sent();
      expect(letters.sent().length).to.equal(1);
      expect(letter?.answers.size).to.equal(1);
      const [same] = await askAllAgain(letters);
      expect(letter?.answers.has(same?.again ?? "")).to.equal(true);
      said = "second";
      const [other] = await askAllAgain(letters);
      expect(letter?.answers.has(other?.again ?? "")).to.equal(false);
    } finally {
      await server.close();
    }
  });
});

describe("moves at the second door", () => {
  const names = ["registry", "vault", "market", "game", "referee", "directory", "receipts", "receiptsVault"];
  const at = [...names, "receiptsGame", "deposits"].map(
    (name, i) => [name, `0x${String(i).repeat(40)}`] as const,
  );
  const deployment = parseDeployment({ chainId: 31337, block: 0, addresses: Object.fromEntries(at) });
  const contracts = connect(deployment, new VoidSigner(`0x${"11".repeat(20)}`));
  const { receipts, receiptsGame, game, deposits, registry } = deployment.addresses;
  const hash = (digit: string): Hex => `0x${digit.repeat(64)}`;

  it("are the same for the same, whoever sends them and at whatever fee", () => {
    const reveal = (node: string): string =>
      contracts.game.interface.encodeFunctionData("reveal", [
        hash("1"),
        hash("2"),
        hash(node),
        true,
        0,
        "0x",
      ]);
    const redeem = (totalWei: bigint): string => {
      const client = `0x${"22".repeat(20)}`;
      const voucher = { client, operator: client, totalWei, order: hash("3") };
      return contracts.deposits.interface.encodeFunctionData("redeem", [[voucher], ["0x"], client]);
    };
    expect(keyOfMove(contracts, receiptsGame, reveal("4"))).to.equal(`reveal:${hash("1")}:${hash("4")}:0`);
    expect(keyOfMove(contracts, game, reveal("4"))).to.equal(`reveal:${hash("1")}:${hash("4")}:0`);
    expect(keyOfMove(contracts, receiptsGame, reveal("5"))).to.not.equal(
      keyOfMove(contracts, receiptsGame, reveal("4")),
    );
    expect(keyOfMove(contracts, deposits, redeem(1n))).to.match(/^redeem:/);
    expect(keyOfMove(contracts, deposits, redeem(1n))).to.equal(keyOfMove(contracts, deposits, redeem(1n)));
    expect(keyOfMove(contracts, deposits, redeem(2n))).to.not.equal(
      keyOfMove(contracts, deposits, redeem(1n)),
    );
    const revoke = contracts.receipts.interface.encodeFunctionData("revokeKey", [receipts]);
    expect(keyOfMove(contracts, receipts, revoke)).to.match(/^revokeKey:/);
    expect(keyOfMove(contracts, registry, revoke)).to.equal(undefined);
  });
});

describe("the invariants of the second door", () => {
  const receipt: ReceiptFact = {
    digest: `0x${"33".repeat(32)}`,
    by: "operator-0",
    right: true,
    taken: ["verifier-0"],
    judged: ["right"],
    verdict: "none",
    bondSettled: false,
  };
  const caught = {
    by: "silent",
    right: false,
    judged: ["wrong"],
    verdict: "clock",
    bondSettled: true,
  } as const;
  const order: OrderFact = { by: "operator-0", answers: 1, again: "same" };
  const wei = 7n * RECEIPT_PRICE;
  const purse: PurseFact = {
    ...{ seller: "operator-0", held: wei, obtained: wei, signed: wei, open: 0 },
    ...{ owed: wei, promised: wei, redeemed: wei },
  };
  const ledger: LedgerFact = {
    name: "operator-0",
    address: `0x${"11".repeat(20)}`,
    honest: true,
    ...{ free: 2n, locked: 10n, reserve: 10n },
    ...{ deposited: 0n, withdrawn: 0n, earned: 0n, credited: 10n, won: 2n, lost: 0n },
  };
  const good: DoorFacts = {
    receipts: [receipt, { ...receipt, ...caught }],
    orders: [order],
    unanswered: ["silent"],
    purses: [purse],
    games: [{ challenger: "verifier-0", lost: false, settled: true, about: "receipt" }],
    queued: 0,
    ledger: [ledger],
    vault: { balance: 5n, accounted: 5n },
    deposits: { balance: 3n, accounted: 3n },
    surprises: [],
  };
  const broken = (facts: Partial<DoorFacts>): string[] =>
    brokenAtDoor({ ...good, ...facts }).map(({ invariant }) => invariant);
  const of = (fact: Partial<ReceiptFact>): string[] => broken({ receipts: [{ ...receipt, ...fact }] });
  const paid = (fact: Partial<PurseFact>): string[] => broken({ purses: [{ ...purse, ...fact }] });

  it("hold when all went well", () => {
    expect(broken({})).to.deep.equal([]);
  });

  it("break for whatever must not happen to a receipt", () => {
    expect(of({ right: false, judged: ["wrong"] })).to.deep.equal(["HONEST_WRONG", "LIE_STANDS"]);
    expect(of({ ...caught, verdict: "none" })).to.deep.equal(["LIE_STANDS"]);
    expect(of({ ...caught, bondSettled: false })).to.deep.equal(["UNSETTLED"]);
    expect(of({ verdict: "clock", bondSettled: true })).to.deep.equal(["HONEST_STAKE", "RIGHT_ANSWER"]);
    expect(of({ ...caught, right: true, judged: ["right"] })).to.deep.equal(["RIGHT_ANSWER"]);
    expect(of({ taken: [], judged: [] })).to.deep.equal(["RECEIPT_LOST"]);
    for (const judged of [["wrong"], ["pending"], ["none"], []] as const)
      expect(of({ judged }), judged.join()).to.deep.equal(["MISJUDGED"]);
    expect(of({ ...caught, judged: ["wrong", "right"] })).to.deep.equal(["MISJUDGED"]);
    expect(broken({ orders: [{ ...order, answers: 2 }] })).to.deep.equal(["RECEIPT_LOST"]);
    expect(broken({ orders: [{ ...order, again: "other" }] })).to.deep.equal(["RECEIPT_LOST"]);
    expect(broken({ orders: [{ ...order, again: "none" }] })).to.deep.equal(["RECEIPT_LOST"]);
    expect(broken({ unanswered: ["operator-1"] })).to.deep.equal(["UNANSWERED"]);
    expect(broken({ surprises: ["a TypeError"] })).to.deep.equal(["SURPRISE"]);
  });

  it("break for whatever must not happen to vouchers", () => {
    expect(paid({ held: wei - RECEIPT_PRICE })).to.deep.equal(["CHARGED", "CHARGED"]);
    expect(paid({ obtained: wei + RECEIPT_PRICE })).to.deep.equal(["CHARGED"]);
    expect(paid({ owed: wei + RECEIPT_PRICE })).to.deep.equal(["CHARGED"]);
    expect(paid({ redeemed: wei + 1n })).to.deep.equal(["CHARGED"]);
    const most = wei + BigInt(MAX_IN_FLIGHT) * RECEIPT_PRICE;
    expect(paid({ signed: most, promised: most, redeemed: most })).to.deep.equal([]);
    expect(paid({ signed: most + 1n, promised: most + 1n, redeemed: most })).to.deep.equal(["CHARGED"]);
    expect(paid({ open: 1 })).to.deep.equal(["UNSETTLED"]);
    expect(paid({ promised: wei - 1n })).to.deep.equal(["UNREDEEMED"]);
    expect(paid({ redeemed: wei - REDEEM_FROM })).to.deep.equal(["UNREDEEMED"]);
    expect(paid({ redeemed: wei - REDEEM_FROM + 1n })).to.deep.equal([]);
  });

  it("are among those of the play", () => {
    const facts: Facts = {
      ...{ requests: [], missing: [], games: [], ledger: [], moves: [], twice: [] },
      vault: { balance: 0n, accounted: 0n },
      market: { balance: 0n, owed: 0n },
      door: good,
    };
    const all = (door: Partial<DoorFacts>): string[] =>
      brokenInvariants({ ...facts, door: { ...good, ...door } }).map(({ invariant }) => invariant);
    expect(all({})).to.deep.equal([]);
    expect(all({ ledger: [{ ...ledger, free: 1n, lost: 1n }] })).to.deep.equal(["HONEST_STAKE"]);
    expect(all({ ledger: [{ ...ledger, free: 1n }] })).to.deep.equal(["HONEST_STAKE"]);
    expect(all({ ledger: [{ ...ledger, reserve: 9n }] })).to.deep.equal(["UNSETTLED"]);
    expect(all({ vault: { balance: 5n, accounted: 6n } })).to.deep.equal(["MONEY"]);
    expect(all({ deposits: { balance: 3n, accounted: 2n } })).to.deep.equal(["MONEY"]);
    const lost = { challenger: "verifier-0", lost: true, settled: false, about: "receipt" } as const;
    expect(all({ games: [lost] })).to.deep.equal(["HONEST_STAKE", "UNSETTLED"]);
    expect(all({ surprises: ["a TypeError"] })).to.deep.equal(["SURPRISE"]);
  });
});
