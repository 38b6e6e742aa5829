import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { JsonRpcProvider, parseEther, toBeHex, type BlockTag, type TransactionRequest } from "ethers";
import { codeOf, failureOf } from "../../../test/failure.ts";
import { echoCall } from "../../../test/echo.ts";
import { startEchoChain, type EchoChain } from "../../../test/outbox.ts";
import { soon } from "../../../test/until.ts";
import { openDatabase, type Database } from "../../state/database.ts";
import type { Sender } from "./intent.ts";
import type { Entry, Journal } from "./journal.ts";
import { memoryJournal } from "./memory.ts";
import type { OutboxOptions } from "./outbox.ts";
import { databaseJournal } from "./table.ts";

const GWEI = 1_000_000_000n;
const SOON = { patienceSeconds: 0.05, minPatienceSeconds: 0.05 };

const JOURNALS: readonly [string, (database: Database, account: string) => Promise<Journal>][] = [
  ["memory", () => Promise.resolve(memoryJournal())],
  ["the database", databaseJournal],
];

for (const [name, openJournal] of JOURNALS) {
  describe(`outbox with its journal in ${name}`, function () {
    this.timeout(60_000);
    let chain: EchoChain;
    let folder: string;
    let database: Database;
    let account = 0;
    let journal: Journal;
    const senders: Sender[] = [];

    before(async () => {
      chain = await startEchoChain();
      folder = mkdtempSync(join(tmpdir(), "assay-outbox-"));
      database = await openDatabase({ directory: folder });
    });
    beforeEach(async () => {
      account++;
      await chain.setBaseFee(GWEI);
      journal = await openJournal(database, `31337:${address()}`);
    });
    afterEach(async () => {
      await Promise.all(senders.splice(0).map((sender) => sender.close()));
      await chain.setBroken(false);
      await chain.automine(true);
    });
    after(async () => {
      await database.destroy();
      await chain.stop();
      rmSync(folder, { recursive: true });
    });

    const address = (): string => chain.wallet(account).address;

    function sender(options: Partial<OutboxOptions> = {}): Sender {
      const made = chain.sender(account, journal, { closeMs: 100, ...options });
      senders.push(made);
      return made;
    }

    async function entry(key: string): Promise<Entry> {
      const found = (await journal.newest([key])).get(key);
      if (found === undefined) throw new Error(`no attempt at ${key}`);
      return found;
    }

    const isInPool = async (nonce: number): Promise<boolean> => (await chain.pool(address())).has(nonce);
    const next = (): Promise<number> => chain.provider.getTransactionCount(address());

    it("sends a key once, however often it is asked for", async () => {
      const { send, close } = sender();
      const both = await Promise.all([send(echoCall("once")), send(echoCall("once"))]);
      const again = await send(echoCall("once"));
      expect(new Set([...both, again].map(({ hash }) => hash)).size).to.equal(1);
      expect(await chain.count("once")).to.equal(1);
      await close();
      expect(await codeOf(send(echoCall("once")))).to.equal("CLOSED");
    });

    it("sends the most urgent first, under consecutive nonces", async () => {
      const { send } = sender();
      const routine = Array.from({ length: 6 }, (_, i) => echoCall(`routine ${i}`));
      const urgent = [
        echoCall("answer", { priority: "answer", deadline: 4e9 }),
        echoCall("later move", { priority: "move", deadline: 4e9 + 1 }),
        echoCall("move", { priority: "move", deadline: 4e9 }),
      ];
      await Promise.all([...routine, ...urgent].map(send));
      const entries = await Promise.all([...routine, ...urgent].map(({ key }) => entry(key)));
      const order = entries.sort((a, b) => a.nonce - b.nonce);
      expect(order.map(({ nonce }) => nonce)).to.deep.equal(order.map((_, i) => i));
      expect(order.slice(0, 3).map(({ key }) => key)).to.deep.equal(["move", "later move", "answer"]);
    });

    it("keeps few routine transactions in flight, and room for moves", async () => {
      await chain.automine(false);
      const { send, stats } = sender();
      const sending = Array.from({ length: 8 }, (_, i) => send(echoCall(`few ${i}`)));
      await soon(() => stats().inFlight === 4);
      sending.push(send(echoCall("few move", { priority: "move" })));
      await soon(async () => (await chain.pool(address())).size === 5);
      await soon(() => stats().queued === 4);
      expect((await entry("few move")).nonce).to.equal(4);
      await chain.automine(true);
      await chain.mine();
      await Promise.all(sending);
      expect(await next()).to.equal(9);
    });

    it("goes on when somebody else uses its key", async () => {
      const { send } = sender();
      await send(echoCall("before"));
      await (await chain.wallet(account).sendTransaction({ to: address(), value: 1n })).wait();
      await send(echoCall("after"));
      expect((await entry("after")).nonce).to.equal(2);
      // Of another's transaction that waits too, it takes the nonce behind it.
      await chain.automine(false);
      await chain.wallet(account).sendTransaction({ to: address(), value: 1n });
      const sending = send(echoCall("behind"));
      await soon(() => isInPool(4));
      await chain.automine(true);
      await chain.mine();
      await sending;
      expect((await entry("behind")).nonce).to.equal(4);
    });

    it("takes no nonce of what was sent before it was asked, though it looked earlier", async () => {
      let looked: (() => void) | undefined;
      let goOn: () => void = () => undefined;
      const slow = new Promise<void>((resolve) => (goOn = resolve));
      class Slow extends JsonRpcProvider {
        override async getTransactionCount(address: string, tag: BlockTag): Promise<number> {
          const count = await super.getTransactionCount(address, tag);
          if (tag !== "pending" || looked === undefined) return count;
          looked();
          await slow;
          return count;
        }
      }
      const provider = new Slow(chain.url, 31337, { staticNetwork: true, cacheTimeout: -1 });
      try {
        const { send } = sender({ provider });
        await send(echoCall("first"));
        await new Promise<void>((resolve) => (looked = resolve));
        await chain.automine(false);
        await chain.wallet(account).sendTransaction({ to: address(), value: 1n });
        const second = send(echoCall("second"));
        goOn();
        await soon(() => isInPool(2));
        expect((await entry("second")).nonce).to.equal(2);
        await chain.mine();
        await second;
      } finally {
        provider.destroy();
      }
    });

    it("does not send what would revert, and tries again what reverted", async () => {
      const { send } = sender();
      await chain.setBroken(true);
      expect(await codeOf(send(echoCall("broken")))).to.equal("REVERTED");
      expect(await next()).to.equal(0);
      await chain.setBroken(false);
      await chain.automine(false);
      const sending = codeOf(send(echoCall("broken")));
      await soon(() => isInPool(0));
      await chain.setBroken(true);
      await chain.mine();
      expect(await sending).to.equal("REVERTED");
      const { state, inclusion } = await entry("broken");
      expect([state, inclusion === undefined]).to.deep.equal(["reverted", false]);
      await chain.setBroken(false);
      await chain.automine(true);
      await send(echoCall("broken"));
      const { attempt, nonce } = await entry("broken");
      expect({ attempt, nonce }).to.deep.equal({ attempt: 2, nonce: 1 });
      expect(await chain.count("broken")).to.equal(1);
    });

    it("raises both fees by an eighth at least until it is mined", async () => {
      await chain.automine(false);
      const { send } = sender({ fees: SOON });
      const sending = send(echoCall("slow"));
      await soon(() => isInPool(0));
      const offers = [(await entry("slow")).fees];
      while (offers.length < 4) {
        const { maxFeePerGas = 0n } = offers.at(-1) ?? {};
        await chain.setBaseFee(maxFeePerGas + 1n);
        await soon(async () => (await entry("slow")).fees.maxFeePerGas > maxFeePerGas);
        offers.push((await entry("slow")).fees);
      }
      for (const [i, fees] of offers.slice(1).entries()) {
        const before = offers[i];
        if (before === undefined) throw new Error("no offer before");
        expect(8n * fees.maxFeePerGas >= 9n * before.maxFeePerGas).to.equal(true);
        expect(8n * fees.maxPriorityFeePerGas >= 9n * before.maxPriorityFeePerGas).to.equal(true);
      }
      await chain.setBaseFee(GWEI);
      await soon(async () => {
        await chain.mine();
        return (await entry("slow")).state === "mined";
      });
      await sending;
      expect(await next()).to.equal(1);
      expect(await chain.count("slow")).to.equal(1);
    });

    it("lets no cheap transaction hold back a move", async () => {
      await chain.automine(false);
      const { send } = sender();
      const sending = [send(echoCall("cheap"))];
      await soon(() => isInPool(0));
      await chain.setBaseFee(90n * GWEI);
      sending.push(send(echoCall("dear", { priority: "move", deadline: 4e9 })));
      await soon(() => isInPool(1));
      await soon(async () => {
        const { fees } = await entry("cheap");
        return fees.maxFeePerGas >= (await entry("dear")).fees.maxFeePerGas;
      });
      const pooled = async (nonce: number): Promise<bigint> =>
        (await chain.pool(address())).get(nonce)?.maxFeePerGas ?? 0n;
      await soon(async () => (await pooled(0)) >= (await pooled(1)));
      await chain.mine();
      await Promise.all(sending);
      // Once for the move; if the move was slow to come, once for the base fee before.
      expect((await entry("cheap")).version).to.be.within(1, 2);
    });

    it("gets into a block what no pool takes for its gas limit, though its deadline has passed", async () => {
      const fees = { maxFeePerGas: 50n * GWEI, maxPriorityFeePerGas: GWEI };
      for (const [nonce, gasLimit] of [20_999, 2 ** 31].entries()) {
        // Another version took an endpoint's word for it.
        const intent = echoCall(`stuck ${nonce}`, { priority: "move", deadline: 1 });
        await journal.reserve({ intent, gasLimit, chainNonce: nonce, decide: () => ({ nonce, fees }) });
      }
      const { send } = sender();
      await send(echoCall("behind them", { priority: "move" }));
      expect(await next()).to.equal(3);
      for (const key of ["stuck 0", "stuck 1"]) {
        expect(await chain.count(key)).to.equal(1);
        expect((await entry(key)).gasLimit).to.be.within(25_000, 40_000);
      }
    });

    it("gets out of the way what reverts, and has a gas limit that no pool takes", async () => {
      const fees = { maxFeePerGas: 50n * GWEI, maxPriorityFeePerGas: GWEI };
      const intent = echoCall("hopeless", { priority: "move" });
      await journal.reserve({ intent, gasLimit: 1, chainNonce: 0, decide: () => ({ nonce: 0, fees }) });
      await chain.setBroken(true);
      sender();
      await soon(async () => (await entry("hopeless")).state === "reverted");
    });

    it("does with more gas what ran out of it", async () => {
      let asked = 0;
      class Mistaken extends JsonRpcProvider {
        override async estimateGas(call: TransactionRequest): Promise<bigint> {
          return asked++ === 0 ? 1n : super.estimateGas(call);
        }
      }
      const provider = new Mistaken(chain.url, 31337, { staticNetwork: true, cacheTimeout: -1 });
      try {
        const { send } = sender({ provider });
        await send(echoCall("hungry"));
        expect(await next()).to.equal(2);
        expect((await entry("hungry")).attempt).to.equal(2);
      } finally {
        provider.destroy();
      }
    });

    it("broadcasts again what a pool lost", async () => {
      await chain.automine(false);
      const { send } = sender({ rebroadcastMs: 100 });
      const sending = send(echoCall("lost"));
      await soon(() => isInPool(0));
      const hash = (await chain.pool(address())).get(0)?.hash;
      await chain.provider.send("anvil_dropTransaction", [hash]);
      await soon(() => isInPool(0));
      await chain.automine(true);
      await chain.mine();
      expect((await sending).hash).to.equal(hash);
    });

    it("gives a move another nonce if something else was mined under its own", async () => {
      await chain.automine(false);
      const { send } = sender({ replacedMs: 200, rebroadcastMs: 100_000 });
      const sending = send(echoCall("replaced"));
      await soon(() => isInPool(0));
      const fee = 50n * GWEI;
      const fees = { maxFeePerGas: fee, maxPriorityFeePerGas: fee };
      await chain.wallet(account).sendTransaction({ to: address(), nonce: 0, value: 1n, ...fees });
      await chain.mine();
      await chain.automine(true);
      await sending;
      const { attempt, nonce } = await entry("replaced");
      expect({ attempt, nonce }).to.deep.equal({ attempt: 2, nonce: 1 });
      expect(await chain.count("replaced")).to.equal(1);
    });

    it("sends again, in the same bytes, what a reorganisation has undone", async () => {
      const { send } = sender();
      const { hash } = await send(echoCall("undone"));
      await chain.provider.send("anvil_rollback", [1]);
      expect(await chain.count("undone")).to.equal(0);
      await chain.mine(2);
      await soon(async () => (await chain.count("undone")) === 1);
      expect((await send(echoCall("undone"))).hash).to.equal(hash);
      // If it reverts in the new chain, the move has failed and may be tried again.
      await chain.automine(false);
      await chain.provider.send("anvil_rollback", [1]);
      await chain.setBroken(true);
      await soon(async () => {
        await chain.mine();
        return (await entry("undone")).state === "reverted";
      });
      await chain.automine(true);
      await chain.setBroken(false);
      await send(echoCall("undone"));
      expect((await entry("undone")).attempt).to.equal(2);
      expect(await chain.count("undone")).to.equal(1);
    });

    it("buries what is final, and does not send it again", async () => {
      const { send } = sender({ finality: 3 });
      const { hash } = await send(echoCall("buried"));
      await soon(async () => {
        await chain.mine();
        return (await journal.open()).entries.length === 0;
      });
      expect(await journal.rawOf(await entry("buried"))).to.equal(undefined);
      expect((await send(echoCall("buried"))).hash).to.equal(hash);
    });

    it("fills a nonce that nothing takes", async () => {
      await (await chain.wallet(account).sendTransaction({ to: address(), value: 1n })).wait();
      await chain.automine(false);
      const { send } = sender({ gapMs: 100 });
      const sending = send(echoCall("beyond"));
      await soon(() => isInPool(1));
      // The other's transaction is undone, and gone.
      await chain.provider.send("anvil_rollback", [1]);
      await soon(() => isInPool(0));
      await chain.automine(true);
      await chain.mine();
      await sending;
      expect((await entry("beyond")).nonce).to.equal(1);
      expect((await entry("fill:0")).state).to.equal("mined");
    });

    it("says what a wallet lacks, before it takes a nonce", async () => {
      await chain.provider.send("anvil_setBalance", [address(), toBeHex(GWEI)]);
      const { send } = sender();
      expect(await codeOf(send(echoCall("poor", { priority: "move" })))).to.equal("INSUFFICIENT_FUNDS");
      expect(await failureOf(send(echoCall("dear", { value: 3n * GWEI })))).to.deep.include({
        code: "INSUFFICIENT_FUNDS",
        message:
          "echo: the wallet has 0.000000001 ETH, and value and gas take at least 0.000000003 ETH: send it 0.000000002 ETH or more",
        details: { balanceWei: String(GWEI), neededWei: String(3n * GWEI) },
      });
      expect(await chain.pool(address())).to.deep.equal(new Map());
      await chain.provider.send("anvil_setBalance", [address(), toBeHex(parseEther("1"))]);
      await chain.mine();
      await send(echoCall("poor", { priority: "move" }));
      expect((await entry("poor")).nonce).to.equal(0);
    });

    it("keeps routine work to its budget, and moves out of it", async () => {
      // Room for one call of some 30,000 gas at its worst.
      const { send } = sender({ routineBudgetWei: 120_000n * GWEI, fees: { minTipWei: GWEI } });
      await send(echoCall("within"));
      expect(await codeOf(send(echoCall("beyond it")))).to.equal("BUDGET_EXHAUSTED");
      await send(echoCall("move", { priority: "move" }));
      expect(await chain.count("beyond it")).to.equal(0);
    });

    it("leaves what is in flight to the next process", async () => {
      await chain.automine(false);
      const before = sender();
      const left = codeOf(before.send(echoCall("left")));
      await soon(() => isInPool(0));
      const [hash] = (await entry("left")).signed.map((signed) => signed.hash);
      await before.close();
      expect(await left).to.equal("CLOSED");
      await chain.provider.send("anvil_dropTransaction", [hash]);
      const after = sender();
      await soon(() => isInPool(0));
      await chain.automine(true);
      await chain.mine();
      expect((await after.send(echoCall("left"))).hash).to.equal(hash);
      expect(await chain.count("left")).to.equal(1);
    });
  });
}
