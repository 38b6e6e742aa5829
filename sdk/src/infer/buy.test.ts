/** However messages get lost, and processes end: a client never signs for more than it got and what was on its way. */
import { expect } from "chai";
import { Wallet } from "ethers";
import fc from "fast-check";
import { seededRng, type Rng } from "../../../program/src/testing/rng.ts";
import { AssayError } from "../error.ts";
import { keccak } from "../ids.ts";
import { digestOf, signAs, signerOf, type Place } from "../receipts.ts";
import { sameHex, toHex, ZERO_ADDRESS, type Hex } from "../structs.ts";
import { createBuyer, type Buyer } from "./buy.ts";
import type { Exchange, HttpSaid } from "./exchange.ts";
import { memoryStore } from "./store.ts";
import type { OperatorTerms } from "./survey.ts";
import { fromHeader, HEADERS, paymentSchema, toHeader, toJson, voucherOf } from "./wire.ts";

const PRICE = 1000n;
const DEPOSIT = 10n ** 18n;
const AT_ONCE = 3;
const OUTPUT = new Uint8Array([1, 2, 3]);
const at = (digit: string): Hex => `0x${digit.repeat(40)}`;
const place: Place = { chainId: 1, receipts: at("e"), deposits: at("d") };
const OPERATOR = at("a");
const [client, key] = [1, 2].map((digit) => new Wallet(`0x${String(digit).repeat(64)}`)) as [Wallet, Wallet];
const CLIENT: Hex = `0x${client.address.slice(2)}`;

const account = { depositWei: DEPOSIT, redeemedWei: 0n, leavesAt: 0, signer: CLIENT };
const terms: OperatorTerms = {
  ...{ operator: OPERATOR, endpoint: "https://operator.example", trusted: false },
  ...{ keyUntil: 2 ** 40, coverWei: 1n, bondWei: 1n, overturned: 0, account },
  terms: {
    ...{ scheme: "assay-voucher", network: "eip155:1", asset: ZERO_ADDRESS, amount: PRICE, payTo: OPERATOR },
    maxTimeoutSeconds: 60,
    extra: {
      ...{ releaseId: keccak("0x"), receipts: place.receipts, deposits: place.deposits },
      ...{ key: CLIENT, bondClass: 2 },
    },
  },
};

function said(status: number, body: Uint8Array = new Uint8Array(), header?: string): HttpSaid {
  return { status, body, header: (name) => (name === HEADERS.response ? (header ?? null) : null) };
}

function lost(): never {
  throw new AssayError("PEER_FAILED", "the line is dead", { retryable: true });
}

const TROUBLES = [
  "none",
  "none",
  "none",
  "before",
  "after",
  "busy",
  "refuses",
  "breaks",
  "forges",
  "withholds",
] as const;

/** An honest operator behind a line, and sometimes behind a liar, that the seed decides. */
function createOperator(rng: Rng, honest: boolean) {
  const answers = new Map<string, Promise<HttpSaid>>();
  const seen = { bestWei: 0n, owedWei: 0n, unpaid: 0, orders: new Map<bigint, Hex>() };
  let calm = false;

  const exchange: Exchange = async ({ headers = {} }) => {
    const text = headers[HEADERS.payment] ?? "";
    const { order, totalWei, signature } = fromHeader(paymentSchema, "payment", text).payload;
    const digest = digestOf(place, "Order", order);
    const voucher = voucherOf(order, totalWei, digest);
    expect(signerOf(place, "Voucher", voucher, signature)).to.equal(client.address);
    expect(seen.orders.get(order.nonce) ?? digest, "a nonce is one order's").to.equal(digest);
    seen.orders.set(order.nonce, digest);
    const trouble = calm ? "none" : rng.pick(TROUBLES);
    for (let i = rng.int(0, 3); i > 0; i--) await Promise.resolve();
    if (trouble === "before") lost();
    if (totalWei > seen.bestWei) seen.bestWei = totalWei;
    // Who is honest does not forget what it has answered.
    const open = !honest || !answers.has(digest);
    if (open && trouble === "busy") return said(503);
    if (open && trouble === "refuses") return said(400);
    if (trouble === "breaks") return said(500);
    if (!answers.has(digest)) {
      if (seen.bestWei < seen.owedWei + order.priceWei) {
        seen.unpaid++;
        const resource = { url: "", description: "", mimeType: "" };
        const body = {
          x402Version: 2,
          error: "more",
          resource,
          accepts: [],
          extensions: { owedWei: seen.owedWei },
        };
        return said(402, new TextEncoder().encode(toJson(body)));
      }
      seen.owedWei += order.priceWei;
      const receipt = {
        ...{ requestHash: digest, releaseId: order.releaseId, inputsRoot: order.inputsRoot },
        ...{ outputHash: keccak(OUTPUT), operator: OPERATOR, issuedAt: 1000, bondClass: 2 },
      };
      const settle = async (): Promise<HttpSaid> => {
        const extensions = { receipt, signature: await signAs(key, place, "Receipt", receipt) };
        const network = "eip155:1";
        const body = { success: true, transaction: "", network, payer: CLIENT, extensions };
        return said(200, OUTPUT, toHeader(body));
      };
      answers.set(digest, settle());
    }
    const answer = await answers.get(digest);
    if (answer === undefined || trouble === "after") lost();
    if (trouble === "withholds") return said(200, OUTPUT);
    if (trouble === "forges") return { ...answer, body: new Uint8Array([9, 9, 9]) };
    return answer;
  };
  return { exchange, seen, calmDown: () => (calm = true) };
}

const REFUSALS = ["BUSY", "PEER_FAILED", "BAD_RECEIPT", "TIMED_OUT"];

async function play(seed: number, honest: boolean): Promise<void> {
  const rng = seededRng(seed);
  const store = memoryStore();
  const { exchange, seen, calmDown } = createOperator(rng, honest);
  const KEY: Hex = `0x${key.address.slice(2)}`;
  const begin = (): Buyer =>
    createBuyer({
      ...{ place, client: CLIENT, signer: client, store, exchange, attempts: 1, maxInFlight: AT_ONCE },
      now: () => 1000,
      outputBytesOf: () => Promise.resolve(OUTPUT.length),
      keyOf: (asked) =>
        Promise.resolve(sameHex(asked, KEY) ? { operator: OPERATOR, until: 2 ** 40 } : undefined),
      accountOf: () => Promise.resolve(account),
    });
  let [buyer, obtained] = [begin(), 0n];
  const id = buyer.accountWith(OPERATOR);

  async function buy(question: number): Promise<void> {
    const input = new Uint8Array([question]);
    const want = { releaseId: keccak("0x"), inputsRoot: keccak(input), input, timeoutMs: 60_000 };
    try {
      const { file } = await buyer.buy(terms, want);
      expect(file.receipt.inputsRoot).to.equal(keccak(input));
      obtained += PRICE;
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      expect([...REFUSALS, ...(honest ? [] : ["PAYMENT_REQUIRED"])]).to.include(error.code);
    }
  }

  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: rng.int(1, 5) }, () => buy(rng.int(0, 3))));
    const ledger = await store.ledger(id);
    const [signed, had] = [ledger?.signedWei ?? 0n, ledger?.obtainedWei ?? 0n];
    const slack = signed - had;
    expect(seen.bestWei <= signed, `seed ${seed}: nothing is signed that is not written down`).to.equal(true);
    expect(slack <= BigInt(AT_ONCE) * PRICE, `seed ${seed}: ${slack} wei are at risk`).to.equal(true);
    expect(had >= obtained).to.equal(true);
    expect(had <= seen.owedWei, "no answer is counted twice").to.equal(true);
    // A new process has the disk alone.
    if (rng.chance(0.2)) buyer = begin();
  }
  if (!honest) return;
  calmDown();
  await buy(1);
  const ledger = await store.ledger(id);
  // Everything that was answered has come, and the operator has never been short of a voucher.
  expect(ledger).to.deep.include({ open: [], obtainedWei: seen.owedWei });
  expect(seen.unpaid).to.equal(0);
}

describe("buying of one operator", function () {
  this.timeout(120_000);

  it("gets everything that was answered, though messages are lost and forged, and risks no more than what was on its way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), (seed) => play(seed, true)),
      { numRuns: 15 },
    );
  });

  it("risks no more than what was on its way, though the operator lies about what it answered", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), (seed) => play(seed, false)),
      { numRuns: 15 },
    );
  });

  it("one at a time risks one price", async () => {
    const rng = seededRng(3);
    const store = memoryStore();
    const { exchange } = createOperator(rng, false);
    const buyer = createBuyer({
      ...{ place, client: CLIENT, signer: client, store, exchange, attempts: 1, maxInFlight: 1 },
      now: () => 1000,
      outputBytesOf: () => Promise.resolve(OUTPUT.length),
      keyOf: () => Promise.resolve({ operator: OPERATOR, until: 2 ** 40 }),
      accountOf: () => Promise.resolve(account),
    });
    for (let i = 0; i < 300; i++) {
      const input = new Uint8Array([i % 5]);
      const want = { releaseId: keccak("0x"), inputsRoot: keccak(toHex(input)), input, timeoutMs: 60_000 };
      await buyer.buy(terms, want).catch((error: unknown) => {
        if (!(error instanceof AssayError)) throw error;
      });
      const { signedWei = 0n, obtainedWei = 0n } = (await store.ledger(buyer.accountWith(OPERATOR))) ?? {};
      expect(signedWei - obtainedWei <= PRICE).to.equal(true);
    }
  });
});
