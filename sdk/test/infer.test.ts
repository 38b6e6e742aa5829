/** Paid inference on a real chain, with operators that are as bad as they can: a client never loses more than one price. */
import { createServer } from "node:http";
import { expect } from "chai";
import { Wallet } from "ethers";
import { freePort } from "../../scripts/anvil.ts";
import {
  addressOf,
  exampleModel,
  pass,
  publishFile,
  startWorld,
  type PublishedModel,
  type World,
} from "../../verifier/test/world.ts";
import { connectAssay } from "../src/assay.ts";
import { connect, type Contracts } from "../src/contracts.ts";
import { AssayError } from "../src/error.ts";
import { challengeBond, challengeReceipt, checkReceipt, parseReceiptFile } from "../src/infer/check.ts";
import type { InferenceClient, InferenceClientOptions, InferOptions } from "../src/infer/client.ts";
import { accountOf, announceLeaving, deposit, withdraw } from "../src/infer/deposits.ts";
import { fetchExchange, peerFailed } from "../src/infer/exchange.ts";
import { auditWith } from "../src/infer/sample.ts";
import { memoryStore, type InferenceStore } from "../src/infer/store.ts";
import { receiptFileSchema, toJson } from "../src/infer/wire.ts";
import { signAs, type Place } from "../src/receipts.ts";
import { revertName } from "../src/revert.ts";
import { MISDEEDS, startOperator, type Misdeed, type TestOperator } from "./operator.ts";

const ETHER = 10n ** 18n;
const PRICE = 10n ** 12n;
const OUTPUT_BYTES = 10;
const BOND_CLASS = 3;
const CLIENT = 9;

async function errorOf(work: Promise<unknown>): Promise<AssayError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("it worked");
}

describe("paid inference", function () {
  this.timeout(300_000);
  let world: World;
  let digits: PublishedModel;
  let place: Place;
  let contracts: Contracts;
  const running: TestOperator[] = [];
  const as = (account: number): Contracts => connect(world.deployment, world.chain.wallet(account));

  before(async () => {
    world = await startWorld({ blockSeconds: 0 });
    digits = await publishFile(world, exampleModel("digits"));
    const { chainId, addresses } = world.deployment;
    place = { chainId, receipts: addresses.receipts, deposits: addresses.deposits };
    contracts = as(CLIENT);
  });

  after(async () => {
    await Promise.all(running.map((operator) => operator.stop()));
    await world.stop();
  });

  /** With key, reserve and endpoint, and a deposit of the client's. */
  async function enrol(account: number, priceWei = PRICE, reserveWei = ETHER): Promise<TestOperator> {
    const key = new Wallet(Wallet.createRandom().privateKey);
    const operator = addressOf(world, account);
    const { receipts, directory } = as(account);
    const proof = await signAs(key, place, "Key", { operator });
    await (await receipts.addKey(key.address, proof)).wait();
    await (await receipts.addReserve({ value: reserveWei })).wait();
    const started = await startOperator({
      ...{ place, operator, key, releaseId: digits.releaseId, signature: digits.model.signature },
      ...{ voucherSigner: addressOf(world, CLIENT), priceWei, bondClass: BOND_CLASS },
      answer: (input) => Uint8Array.from({ length: OUTPUT_BYTES }, (_, i) => (input[i] ?? 0) ^ 7),
    });
    running.push(started);
    await (await directory.announce([started.url], [])).wait();
    return started;
  }

  const fund = (operator: TestOperator, wei = 100n * PRICE) =>
    deposit(contracts, operator.options.operator, wei, addressOf(world, CLIENT));

  interface Shop {
    readonly client: InferenceClient;
    readonly store: InferenceStore;
    readonly ask: (seed: number, options?: Partial<InferOptions>) => ReturnType<InferenceClient["infer"]>;
  }

  async function open(options: Partial<InferenceClientOptions> = {}): Promise<Shop> {
    const store = options.store ?? memoryStore();
    const assay = await connectAssay(world.chain.wallet(CLIENT), world.deployment);
    const client = await assay.inference({
      allowPrivate: true,
      termsSeconds: 0,
      attempts: 1,
      ...options,
      store,
    });
    const { releaseId, model } = digits;
    return {
      ...{ client, store },
      ask: (seed, more = {}) =>
        client.infer({
          ...{ releaseId, signature: model.signature, timeoutSeconds: 5 },
          input: { pixels: Array.from({ length: 64 }, (_, i) => (i * seed) % 17) },
          ...more,
        }),
    };
  }

  it("takes the cheapest that there is a deposit for, and keeps the receipt", async () => {
    const [dear, cheap] = [await enrol(1, 2n * PRICE), await enrol(2)];
    const { client, ask, store } = await open();
    const without = await errorOf(ask(1));
    expect(without.code).to.equal("PAYMENT_REQUIRED");
    const { operators } = await client.operators(digits.releaseId);
    expect(operators.map(({ operator }) => operator)).to.deep.equal([
      addressOf(world, 2),
      addressOf(world, 1),
    ]);
    expect(operators[0]).to.deep.include({ coverWei: ETHER, bondWei: 8n * 10n ** 15n, overturned: 0 });
    await fund(dear);
    expect((await ask(1)).operator).to.equal(addressOf(world, 1));
    await fund(cheap);
    const { operator, output, priceWei, receipt } = await ask(2);
    expect([operator, priceWei]).to.deep.equal([addressOf(world, 2), PRICE]);
    expect(output).to.have.length(OUTPUT_BYTES);
    const kept = [];
    for await (const file of store.receipts()) kept.push(file);
    expect(kept).to.deep.include(receipt);
    expect(await client.ledger(addressOf(world, 2))).to.deep.equal({
      obtainedWei: PRICE,
      signedWei: PRICE,
      open: [],
    });
    expect(parseReceiptFile(toJson(receipt))).to.deep.equal(receipt);
    expect((await ask(3, { maxPriceWei: 3n * PRICE, operator: addressOf(world, 1) })).operator).to.equal(
      addressOf(world, 1),
    );
    expect((await errorOf(ask(3, { maxPriceWei: PRICE - 1n }))).code).to.equal("NOT_FOUND");
    expect((await errorOf(ask(3, { minBondClass: BOND_CLASS + 1 }))).code).to.equal("NOT_FOUND");
  });

  it("is one HTTP request for each answer, and none to the chain, while terms are fresh", async () => {
    const one = await enrol(3);
    await fund(one);
    const operator = addressOf(world, 3);
    const { ask } = await open({ termsSeconds: 60 });
    await ask(1, { operator });
    const before = one.asked;
    const queries: string[] = [];
    const count = ({ payload }: { payload?: unknown }): void => {
      // All that the client asks; what waited for a transaction looks at blocks once more.
      const methods = JSON.stringify(payload ?? "").match(/"eth_(call|getLogs)"/g);
      queries.push(...(methods ?? []));
    };
    await world.chain.provider.on("debug", count);
    for (let seed = 2; seed < 7; seed++) await ask(seed, { operator });
    expect([one.asked, queries]).to.deep.equal([before + 5, []]);
    // So are they counted.
    await accountOf(contracts, addressOf(world, CLIENT), operator);
    expect(queries).to.include('"eth_call"');
    await world.chain.provider.off("debug", count);
  });

  it("asks again who could not be reached, though terms are kept for long", async () => {
    const operator = addressOf(world, 12);
    await fund(await enrol(12));
    let down = true;
    const { ask } = await open({
      termsSeconds: 60,
      exchange: async (wanted) => {
        if (down) throw peerFailed(wanted.url, "it is down");
        return fetchExchange(wanted);
      },
    });
    expect((await errorOf(ask(1, { operator }))).code).to.equal("NOT_FOUND");
    down = false;
    expect((await ask(1, { operator })).operator).to.equal(operator);
  });

  it("pays for many at once, each voucher no higher than what is on its way", async () => {
    const one = await enrol(4);
    await fund(one);
    const { ask, client } = await open({ maxInFlight: 4 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => ask(i + 1, { operator: addressOf(world, 4) })),
    );
    expect(new Set(answers.map(({ receipt }) => receipt.receipt.requestHash)).size).to.equal(12);
    expect(one).to.include({ owedWei: 12n * PRICE, signedWei: 12n * PRICE });
    expect((await client.ledger(addressOf(world, 4))).open).to.deep.equal([]);
  });

  describe("an operator that", () => {
    let bad: TestOperator;
    let shop: Shop;
    before(async () => {
      bad = await enrol(5);
      await fund(bad, 1000n * PRICE);
      shop = await open();
      await shop.ask(1, { operator: addressOf(world, 5) });
    });

    const CODES: Partial<Record<Misdeed, string>> = {
      ...{ "hangs up": "PEER_FAILED", "never ends its answer": "PEER_FAILED", redirects: "PEER_FAILED" },
      ...{ fails: "PEER_FAILED", drips: "TIMED_OUT", refuses: "BAD_PAYMENT", "has no time": "BUSY" },
      ...{ "asks for more than its terms": "PAYMENT_REQUIRED", "counts more as owed": "PAYMENT_REQUIRED" },
    };
    for (const misdeed of MISDEEDS)
      it(`${misdeed} gets one price at most`, async () => {
        const operator = addressOf(world, 5);
        bad.misdeed = misdeed;
        const seed = 2 + MISDEEDS.indexOf(misdeed);
        const before = await shop.client.ledger(operator);
        expect(before).to.deep.include({ open: [], signedWei: before.obtainedWei });
        for (let i = 0; i < 3; i++) {
          const error = await errorOf(
            shop.ask(seed + 100 * i, { operator, timeoutSeconds: misdeed === "drips" ? 0.6 : 5 }),
          );
          expect(error.code, error.message).to.equal(CODES[misdeed] ?? "BAD_RECEIPT");
          expect(error.message).not.to.match(/\p{C}/u);
          const { signedWei, obtainedWei } = await shop.client.ledger(operator);
          expect(signedWei - obtainedWei).to.equal(PRICE);
          expect(bad.signedWei <= signedWei).to.equal(true);
        }
        bad.misdeed = undefined;
        // The same question is the same order: what was paid for comes at last.
        const { receipt } = await shop.ask(seed, { operator });
        const after = await shop.client.ledger(operator);
        expect(after).to.deep.equal({
          obtainedWei: before.obtainedWei + PRICE,
          signedWei: before.signedWei + PRICE,
          open: [],
        });
        expect(bad.orders.get([...bad.orders.keys()].at(-1) ?? 0n)).to.equal(receipt.receipt.requestHash);
      });

    it("cannot be reached is asked for the same order by the next process, before anything new", async () => {
      const operator = addressOf(world, 5);
      const { store } = shop;
      bad.misdeed = "hangs up";
      await errorOf(shop.ask(1000, { operator }));
      bad.misdeed = undefined;
      const next = await open({ store });
      const count = bad.orders.size;
      const owed = bad.owedWei;
      // Another question: the lost answer is fetched on the way.
      await next.ask(1001, { operator });
      expect([bad.orders.size, bad.owedWei]).to.deep.equal([count + 1, owed + PRICE]);
      expect((await next.client.ledger(operator)).open).to.deep.equal([]);
    });

    it("rightly counts what a client forgot is paid on once that is acknowledged", async () => {
      const operator = addressOf(world, 5);
      const { ask, client } = await open();
      const error = await errorOf(ask(2000, { operator }));
      expect([error.code, error.details["owedWei"]]).to.deep.equal(["PAYMENT_REQUIRED", bad.owedWei]);
      await client.acknowledge(operator, bad.owedWei);
      expect((await ask(2000, { operator })).priceWei).to.equal(PRICE);
    });
  });

  it("leaves out who is not backed, and says why", async () => {
    const one = await enrol(6, PRICE, 10n ** 15n);
    await fund(one, PRICE);
    const operator = addressOf(world, 6);
    const { ask, store } = await open();
    const why = async (): Promise<string> => (await errorOf(ask(1, { operator }))).message;
    expect(await why()).to.include("reserve");
    await (await as(6).receipts.addReserve({ value: ETHER })).wait();
    await ask(1, { operator });
    expect((await errorOf(ask(2, { operator }))).message).to.include("used up");
    await fund(one);
    await announceLeaving(contracts, operator);
    expect(await why()).to.include("leaving");
    await fund(one);
    const stranger = {
      provider: world.chain.provider,
      store: memoryStore(),
      client: addressOf(world, CLIENT),
    };
    const assay = await connectAssay(world.chain.wallet(8), world.deployment);
    const { signature } = digits.model;
    const asking = { releaseId: digits.releaseId, signature, input: new Uint8Array(64), operator };
    const other = await assay.inference({ ...stranger, allowPrivate: true });
    expect((await errorOf(other.infer(asking))).message).to.include("signed by");
    const guarded = await open({ store, allowPrivate: false });
    expect((await errorOf(guarded.ask(3, { operator }))).message).to.include("public");
    expect((await guarded.ask(3, { operator, endpoint: one.url })).operator).to.equal(operator);
    await (await as(6).receipts.revokeKey(one.options.key.address)).wait();
    const later = await open({ now: () => Math.floor(Date.now() / 1000) + 3600 });
    expect((await errorOf(later.ask(4, { operator }))).message).to.include("revoked");
  });

  it("does not take a deposit's signer for another, and returns what is left after the notice", async () => {
    const operator = addressOf(world, 7);
    await deposit(contracts, operator, 5n, addressOf(world, 8));
    expect(await accountOf(contracts, addressOf(world, CLIENT), operator)).to.deep.equal({
      ...{ depositWei: 5n, redeemedWei: 0n, leavesAt: 0, signer: addressOf(world, 8) },
    });
    expect(revertName(await errorOf(deposit(contracts, operator, 5n, addressOf(world, CLIENT))))).to.equal(
      "SignerIs",
    );
    expect(revertName(await errorOf(withdraw(contracts, operator, addressOf(world, CLIENT))))).to.equal(
      "NotLeaving",
    );
    await announceLeaving(contracts, operator);
    await pass(world, 3 * 86_400 + 1);
    await withdraw(contracts, operator, addressOf(world, CLIENT));
    expect((await accountOf(contracts, addressOf(world, CLIENT), operator)).depositWei).to.equal(0n);
  });

  describe("a receipt", () => {
    it("is checked against the chain, and challenged", async () => {
      const one = await enrol(10);
      await fund(one);
      const { ask } = await open();
      const { receipt: file, output } = await ask(5, {
        operator: addressOf(world, 10),
        ...{ timeoutSeconds: 20 },
      });
      const { provider } = world.chain;
      const { signature } = digits.model;
      const now = file.receipt.issuedAt + 10;
      const statuses = async (given = file): Promise<string> =>
        (await checkReceipt(contracts, provider, given, { signature, now }))
          .filter(({ status }) => status !== "ok")
          .map(({ check, status }) => `${check}: ${status}`)
          .join();
      expect(await statuses()).to.equal("");
      const changed = (change: Partial<typeof file.receipt>) => ({
        ...file,
        receipt: { ...file.receipt, ...change },
      });
      expect(await statuses({ ...file, chainId: 1 })).to.equal("place: fail");
      expect(await statuses({ ...file, output: file.input })).to.equal("output: fail");
      expect(await statuses({ ...file, input: Buffer.alloc(64).toString("base64") })).to.equal("input: fail");
      expect(await statuses(changed({ bondClass: 12 }))).to.equal("signature: fail,cover: warn");
      expect(await statuses(changed({ issuedAt: now - 8 * 86_400 }))).to.equal("signature: fail,time: fail");
      const unknown = await checkReceipt(contracts, provider, changed({ releaseId: `0x${"12".repeat(32)}` }));
      expect(unknown.find(({ check }) => check === "release")?.status).to.equal("fail");
      expect(output).to.have.length(OUTPUT_BYTES);

      // The chain's clock is ahead of ours by now; the receipt is still good for a while.
      const challenger = as(8);
      expect(revertName(await errorOf(challengeReceipt(challenger, provider, file)))).to.equal(
        "InsufficientFree",
      );
      const { release } = await (await connectAssay(provider, world.deployment)).release(digits.releaseId);
      const bond = await challengeBond(challenger, file, release);
      await (await challenger.receiptsVault.deposit({ value: bond })).wait();
      const outcome = await challengeReceipt(challenger, provider, file);
      expect(outcome.begun).to.equal(true);
      expect(await statuses()).to.equal("trial: warn");
      expect(revertName(await errorOf(challengeReceipt(challenger, provider, file)))).not.to.equal(undefined);
    });

    it("is recomputed as often as the client likes, by itself or by a node", async () => {
      const one = await enrol(11);
      await fund(one);
      const operator = addressOf(world, 11);
      let draw = 0.4;
      const { ask } = await open({ random: () => draw });
      const seen: string[] = [];
      const sample = {
        ...{ share: 0.5, wait: true, check: () => Promise.resolve("wrong" as const) },
        onJudgement: (judgement: string) => seen.push(judgement),
      };
      const suspicious = await ask(1, { operator, sample });
      expect([suspicious.suspect, await suspicious.judged, seen]).to.deep.equal([true, "wrong", ["wrong"]]);
      draw = 0.5;
      const unchecked = await ask(2, { operator, sample });
      expect([unchecked.suspect, unchecked.judged]).to.deep.equal([false, undefined]);
      draw = 0;
      const failing = { share: 1, check: () => Promise.reject(new Error("no time")) };
      expect(await (await ask(3, { operator, sample: failing })).judged).to.equal("unknown");
      expect((await errorOf(ask(4, { operator, sample: { ...sample, share: 2 } }))).code).to.equal(
        "BAD_CONFIG",
      );

      let polls = 0;
      const port = await freePort();
      const digest = `0x${"ab".repeat(32)}`;
      const node = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          if (request.method === "POST") {
            receiptFileSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
            response.writeHead(202).end(JSON.stringify({ digest }));
          } else {
            expect(request.url).to.equal(`/v1/audit/${digest}`);
            const state = polls++ < 2 ? "pending" : "right";
            response.end(JSON.stringify({ state, challenge: "none" }));
          }
        });
      });
      await new Promise<void>((ready) => node.listen(port, "127.0.0.1", ready));
      const check = auditWith(`http://127.0.0.1:${port}/`, { pollSeconds: 0.01 });
      const judged = await (await ask(5, { operator, sample: { share: 1, check } })).judged;
      expect([judged, polls]).to.deep.equal(["right", 3]);
      node.close();
      const gone = auditWith(`http://127.0.0.1:${port}/`);
      expect(await (await ask(6, { operator, sample: { share: 1, check: gone } })).judged).to.equal(
        "unknown",
      );
    });
  });
});
