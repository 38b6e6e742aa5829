/** The simulation's own parts: a schedule that keeps to the fault model, endpoints that fail as told, invariants that can break. */
import { expect } from "chai";
import { JsonRpcProvider, Transaction, Wallet } from "ethers";
import { startAnvil, type Anvil } from "../anvil.ts";
import type { Facts, LedgerFact, RequestFact } from "./facts.ts";
import {
  DEEPEST_REORG,
  LONGEST_ABSENCE,
  LONGEST_OUTAGE,
  REORG_GAP,
  scheduleOf,
  SHORTEST_CALM,
  SHORTEST_PRESENCE,
  type FaultKind,
  type Spell,
} from "./faults.ts";
import { brokenInvariants } from "./invariants.ts";
import { isFlat, memoryOf } from "./memory.ts";
import { madeTwice, slotOf, type MinedMove } from "./moves.ts";
import { startHostilePeers } from "./peers.ts";
import { startProxy } from "./proxy.ts";
import { stream } from "./random.ts";
import { requestsOf } from "./requests.ts";
import { ENDPOINTS, HONEST, LIARS, type HonestName } from "./rules.ts";

const SECONDS = 600;
const SEEDS = [1, 2, 3, 77];

describe("the schedule of a simulation", () => {
  it("follows from the seed alone", () => {
    expect(scheduleOf(5, SECONDS)).to.deep.equal(scheduleOf(5, SECONDS));
    expect(scheduleOf(5, SECONDS)).to.not.deep.equal(scheduleOf(6, SECONDS));
    expect(requestsOf(5, SECONDS)).to.deep.equal(requestsOf(5, SECONDS));
  });

  it("keeps to the fault model", () => {
    for (const seed of SEEDS) {
      const { weather, blows, reorgs } = scheduleOf(seed, SECONDS);
      for (const spells of Object.values(weather).flat())
        for (const [i, spell] of spells.entries()) {
          if (spell.kind !== "logRange") expect(spell.to - spell.from).to.be.at.most(LONGEST_OUTAGE);
          const before = spells[i - 1];
          if (before !== undefined) expect(spell.from - before.to).to.be.at.least(SHORTEST_CALM);
        }
      for (const node of HONEST) {
        const mine = blows.filter((blow) => blow.node === node);
        for (const [i, { at, seconds }] of mine.entries()) {
          expect(seconds).to.be.at.most(LONGEST_ABSENCE);
          const before = mine[i - 1];
          if (before !== undefined) expect(at - before.at - before.seconds).to.be.at.least(SHORTEST_PRESENCE);
        }
      }
      for (const [i, { at, depth }] of reorgs.entries()) {
        expect(depth).to.be.within(1, DEEPEST_REORG);
        if (i > 0) expect(at - (reorgs[i - 1]?.at ?? 0)).to.be.at.least(REORG_GAP);
      }
    }
  });

  it("has something of everything, in two minutes and for any seed", () => {
    for (const seed of SEEDS) {
      const { weather, blows, reorgs } = scheduleOf(seed, 120);
      expect(Object.values(weather).map((endpoints) => endpoints.length)).to.deep.equal(
        HONEST.map(() => ENDPOINTS),
      );
      expect(blows.filter(({ kind }) => kind !== "freeze").length).to.be.at.least(3);
      expect(reorgs.length).to.be.at.least(3);
      const requests = requestsOf(seed, 120);
      expect(requests.length).to.be.at.least(30);
      for (const liar of LIARS)
        expect(requests.filter(({ operator }) => operator === liar).length, liar).to.be.at.least(2);
      expect(requests.some(({ flaw }) => flaw !== undefined)).to.equal(true);
      expect(requests.some(({ challengers }) => challengers.length > 0)).to.equal(true);
    }
  });

  it("kills no steady node in a long play", () => {
    const killed = new Set<HonestName>();
    for (const { node, kind } of scheduleOf(1, 3600).blows) if (kind !== "freeze") killed.add(node);
    expect([...killed].toSorted()).to.deep.equal(["operator-0", "verifier-0"]);
  });
});

describe("an endpoint that fails", function () {
  this.timeout(60_000);
  let chain: Anvil;
  before(async () => {
    chain = await startAnvil();
  });
  after(() => chain.stop());

  /** Posts one call through an endpoint with one spell that hits each call. */
  async function under(
    spell: Partial<Spell> & { readonly kind: FaultKind },
    method: string,
    params: unknown[] = [],
  ): Promise<{ status: number | undefined; body: unknown; faults: string[] }> {
    const faults: string[] = [];
    const proxy = await startProxy({
      target: chain.url,
      forecast: [{ from: 0, to: 1e9, share: 1, size: 0, ...spell }],
      rng: stream(1, "test"),
      elapsed: () => 1,
      onFault: (kind) => void faults.push(kind),
    });
    try {
      const response = await fetch(proxy.url, {
        method: "POST",
        body: JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }),
        signal: AbortSignal.timeout(1500),
      });
      const text = await response.text();
      let body: unknown = text;
      try {
        body = JSON.parse(text);
      } catch {
        // Not JSON: that is the point.
      }
      return { status: response.status, body, faults };
    } catch {
      return { status: undefined, body: undefined, faults };
    } finally {
      await proxy.close();
    }
  }

  it("fails as told, and counts it", async () => {
    const failures = [
      "http500",
      "http429",
      "rpcError",
      "dropped",
      "truncated",
      "garbage",
      "stalled",
    ] as const;
    for (const kind of failures) {
      const { status, body, faults } = await under({ kind }, "eth_chainId");
      expect(faults, kind).to.deep.equal([kind]);
      expect(body, kind).to.not.deep.equal({ jsonrpc: "2.0", id: 7, result: "0x7a69" });
      if (kind === "stalled" || kind === "dropped") expect(status, kind).to.equal(undefined);
    }
    const late = await under({ kind: "delayed", size: 50 }, "eth_chainId");
    expect(late.body).to.deep.equal({ jsonrpc: "2.0", id: 7, result: "0x7a69" });
  });

  it("shows an older chain, and refuses ranges", async () => {
    const provider = new JsonRpcProvider(chain.url, 31337, { staticNetwork: true, cacheTimeout: -1 });
    await provider.send("anvil_mine", ["0xa"]);
    const head = await provider.getBlockNumber();
    const hex = (number: number): string => `0x${number.toString(16)}`;
    const stale = { kind: "stale", size: 3 } as const;
    expect((await under(stale, "eth_blockNumber")).body).to.deep.include({ result: hex(head - 3) });
    const latest = (await under(stale, "eth_getBlockByNumber", ["latest", false])).body;
    expect(latest).to.have.nested.property("result.number", hex(head - 3));
    expect((await under(stale, "eth_getBlockByNumber", [hex(head), false])).body).to.deep.include({
      result: null,
    });
    const range = { fromBlock: hex(0), toBlock: hex(head) };
    const refused = await under({ kind: "logRange", size: 5 }, "eth_getLogs", [range]);
    expect(refused.body).to.have.property("error");
    expect((await under({ kind: "logRange", size: 50 }, "eth_getLogs", [range])).body).to.have.property(
      "result",
    );
    provider.destroy();
  });

  it("swallows transactions, and sends them without an answer", async () => {
    const provider = new JsonRpcProvider(chain.url, 31337, { staticNetwork: true, cacheTimeout: -1 });
    const { raw, hash } = await signedTransfer(provider, chain);
    const swallowed = await under({ kind: "swallowed" }, "eth_sendRawTransaction", [raw]);
    expect(swallowed.body).to.deep.include({ result: hash });
    expect(await provider.getTransaction(hash)).to.equal(null);
    const lost = await under({ kind: "answerLost" }, "eth_sendRawTransaction", [raw]);
    expect(lost.status).to.equal(undefined);
    expect((await provider.getTransaction(hash))?.hash).to.equal(hash);
    provider.destroy();
  });
});

async function signedTransfer(
  provider: JsonRpcProvider,
  { url }: Anvil,
): Promise<{ readonly raw: string; readonly hash: string }> {
  const wallet = new Wallet(Wallet.createRandom().privateKey, new JsonRpcProvider(url, 31337));
  await provider.send("anvil_setBalance", [wallet.address, "0xde0b6b3a7640000"]);
  const raw = await wallet.signTransaction({
    to: wallet.address,
    nonce: 0,
    gasLimit: 21_000,
    gasPrice: 100_000_000_000n,
    chainId: 31337,
  });
  return { raw, hash: Transaction.from(raw).hash ?? "" };
}

describe("hostile peers", () => {
  it("serve anything but what is asked for", async () => {
    const peers = await startHostilePeers();
    try {
      const wrong = await fetch(`${peers.url("wrong")}/content/abc`);
      expect((await wrong.arrayBuffer()).byteLength).to.equal(4096);
      const endless = await fetch(peers.url("endless"));
      let length = 0;
      for await (const chunk of endless.body ?? [])
        if ((length += (chunk as Uint8Array).length) > 10 ** 7) break;
      expect(length).to.be.above(10 ** 7);
      expect(peers.calls).to.deep.include({ wrong: 1, endless: 1, drip: 0 });
    } finally {
      await peers.close();
    }
  });
});

describe("the invariants of a simulation", () => {
  const ledger: LedgerFact = {
    name: "operator-0",
    address: `0x${"11".repeat(20)}`,
    honest: true,
    free: 12n,
    locked: 0n,
    reserve: 0n,
    deposited: 10n,
    withdrawn: 0n,
    earned: 2n,
    credited: 0n,
    won: 0n,
    lost: 0n,
  };
  const answer = { by: "operator-0", right: true, verdict: "none", bondSettled: false } as const;
  const asked: RequestFact = {
    index: 0,
    requestId: `0x${"22".repeat(32)}`,
    state: "final",
    expected: "answered",
    operator: "operator-0",
    answer,
    declined: false,
    request: {
      requester: ledger.address,
      nonce: 0n,
      releaseId: `0x${"33".repeat(32)}`,
      inputHash: `0x${"44".repeat(32)}`,
      fee: 1n,
      bond: 1n,
      requestedAt: 1,
      deadline: 2,
      windowSeconds: 60,
      operator: ledger.address,
      callbackGas: 0,
      refundTo: ledger.address,
      terms: 0n,
      parameters: 0n,
    },
  };
  const lie = { by: "altered", right: false, verdict: "output", bondSettled: true } as const;
  const good: Facts = {
    requests: [asked, { ...asked, index: 1, state: "refunded", operator: "altered", answer: lie }],
    missing: [{ index: 2, expected: "refused" }],
    games: [{ challenger: "verifier-0", lost: false, settled: true, about: "request 1" }],
    ledger: [ledger],
    vault: { balance: 5n, accounted: 5n },
    market: { balance: 0n, owed: 0n },
    moves: [],
    twice: [],
    door: {
      ...{
        receipts: [],
        orders: [],
        unanswered: [],
        purses: [],
        games: [],
        queued: 0,
        ledger: [],
        surprises: [],
      },
      vault: { balance: 0n, accounted: 0n },
      deposits: { balance: 0n, accounted: 0n },
    },
  };
  const broken = (facts: Partial<Facts>): string[] =>
    brokenInvariants({ ...good, ...facts }).map(({ invariant }) => invariant);
  const move = (nonce: number, success: boolean, key = "challenge:0x1"): MinedMove => ({
    account: ledger.address,
    nonce,
    block: nonce,
    hash: `0x${nonce}`,
    key,
    success,
  });

  it("hold when all went well", () => {
    expect(broken({})).to.deep.equal([]);
  });

  it("break for whatever must not happen", () => {
    const request = (fact: Partial<RequestFact>): Partial<Facts> => ({ requests: [{ ...asked, ...fact }] });
    expect(broken(request({ answer: { ...answer, right: false } }))).to.deep.equal([
      "HONEST_WRONG",
      "LIE_STANDS",
    ]);
    const overturned = { ...answer, verdict: "clock", bondSettled: true } as const;
    expect(broken(request({ state: "refunded", answer: overturned }))).to.deep.equal([
      "HONEST_STAKE",
      "RIGHT_ANSWER",
    ]);
    expect(broken(request({ answer: { ...lie, verdict: "none" } }))).to.deep.equal(["LIE_STANDS"]);
    expect(broken(request({ state: "answered" }))).to.deep.equal(["RIGHT_ANSWER"]);
    expect(broken(request({ state: "overturned", answer: lie }))).to.deep.equal(["UNSETTLED"]);
    expect(broken(request({ state: "refunded", answer: undefined }))).to.deep.equal(["UNANSWERED"]);
    expect(broken(request({ state: "requested", answer: undefined, operator: "silent" }))).to.deep.equal([
      "UNSETTLED",
    ]);
    expect(broken(request({ state: "refunded", answer: undefined, declined: true }))).to.deep.equal([]);
    expect(broken(request({ expected: "unanswerable" }))).to.deep.equal(["UNEXPECTED"]);
    expect(broken(request({ expected: "refused" }))).to.deep.equal(["UNEXPECTED"]);
    expect(broken({ missing: [{ index: 3, expected: "answered" }] })).to.deep.equal(["UNEXPECTED"]);
    expect(broken({ ledger: [{ ...ledger, free: 11n, lost: 1n }] })).to.deep.equal(["HONEST_STAKE"]);
    expect(broken({ ledger: [{ ...ledger, free: 11n }] })).to.deep.equal(["HONEST_STAKE"]);
    expect(broken({ ledger: [{ ...ledger, free: 11n, locked: 1n }] })).to.deep.equal(["UNSETTLED"]);
    expect(broken({ vault: { balance: 5n, accounted: 6n } })).to.deep.equal(["MONEY"]);
    expect(broken({ market: { balance: 1n, owed: 0n } })).to.deep.equal(["MONEY"]);
    const game = { challenger: "verifier-0", lost: true, settled: false, about: "request 1" } as const;
    expect(broken({ games: [game] })).to.deep.equal(["HONEST_STAKE", "UNSETTLED"]);
    expect(broken({ twice: [move(1, false)] })).to.deep.equal(["TWICE"]);
  });

  it("tell a move that was made again from one that had failed", () => {
    const never = new Set<string>();
    expect(madeTwice([move(1, false), move(2, true)], never)).to.deep.equal([]);
    expect(madeTwice([move(1, true), move(2, false)], never).map(({ nonce }) => nonce)).to.deep.equal([2]);
    expect(madeTwice([move(1, true), move(2, false)], new Set([slotOf(ledger.address, 1)]))).to.deep.equal(
      [],
    );
    expect(madeTwice([move(1, true, "deliver:0x1"), move(2, true, "deliver:0x1")], never)).to.deep.equal([]);
    expect(madeTwice([move(1, true), move(2, true, "challenge:0x2")], never)).to.deep.equal([]);
  });

  it("know memory that grows", () => {
    const grown = Array.from({ length: 400 }, (_, i) => (100 + i) * 2 ** 20);
    const flat = grown.map((_, i) => (100 + (i % 7)) * 2 ** 20);
    expect(isFlat({ own: grown })).to.equal(false);
    expect(isFlat({ own: flat })).to.equal(true);
    const { slope, first, max } = memoryOf("node", [{ name: "node", pid: 1, own: grown, all: grown }]);
    expect({ slope, first, max }).to.deep.equal({ slope: 720, first: 100, max: 499 });
  });
});
