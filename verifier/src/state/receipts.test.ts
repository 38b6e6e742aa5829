import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { seededRng } from "../../../program/src/testing/rng.ts";
import type { Receipt } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { clientAt, givenAt } from "../../test/given.ts";
import { startPostgres } from "../../test/postgres.ts";
import { testLog } from "../../test/world.ts";
import { openDatabase, type Database } from "./database.ts";
import { openReceipts, openSpooledReceipts, type Given, type Kept, type ReceiptStore } from "./receipts.ts";

const ORDER_SECONDS = 600;
let numbers = 0;
let clients = 0;

/** An order and a client that no other test has. */
const order = (client: Hex, priceWei: bigint, totalWei: bigint): Given =>
  givenAt(numbers++, client, priceWei, totalWei);
const newClient = (): Hex => clientAt(++clients);

function keptOf({ requestHash, receipt, signature, input, output }: Given): Kept {
  return { requestHash, receipt, signature, input, output };
}

async function found(store: ReceiptStore, given: Given): Promise<Kept | undefined> {
  const kept = await store.find(given.requestHash);
  return kept && { ...keptOf(given), ...kept };
}

async function issued(
  store: ReceiptStore,
  from: number,
  until = Number.MAX_SAFE_INTEGER,
): Promise<Receipt[]> {
  const found: Receipt[] = [];
  for await (const receipt of store.issued(from, until)) found.push(receipt);
  return found;
}

/** The same tests against both kinds of store. */
function itKeepsReceipts(store: () => ReceiptStore): void {
  it("keeps a receipt, and charges for it", async () => {
    const client = newClient();
    const given = order(client, 7n, 20n);
    expect(await store().find(given.requestHash)).to.equal(undefined);
    expect(await store().purse(client)).to.equal(undefined);
    expect(await store().keep(given)).to.equal("kept");
    expect(await found(store(), given)).to.deep.include(keptOf(given));
    const purse = { client, owedWei: 7n, voucher: given.voucher };
    expect(await store().purse(client)).to.deep.equal(purse);
    expect(await store().purses()).to.deep.include(purse);
    expect(await issued(store(), given.receipt.issuedAt)).to.deep.include(given.receipt);
  });

  it("charges for an order once, however often it is given, at once or later", async () => {
    const client = newClient();
    const given = order(client, 7n, 100n);
    const outcomes = await Promise.all([given, given, given].map((one) => store().keep(one)));
    expect(outcomes.sort()).to.deep.equal(["kept", "known", "known"]);
    expect((await store().purse(client))?.owedWei).to.equal(7n);
    expect(await store().keep(given)).to.equal("known");
    expect((await store().purse(client))?.owedWei).to.equal(7n);
  });

  it("remembers a client's best voucher, whatever order they come in", async () => {
    const client = newClient();
    const given = [30n, 90n, 60n].map((totalWei) => order(client, 7n, totalWei));
    for (const one of given) expect(await store().keep(one)).to.equal("kept");
    expect(await store().purse(client)).to.deep.include({ owedWei: 21n, voucher: given[1]?.voucher });
  });

  it("finds the very bytes of everything that it kept, many at once", async () => {
    const client = newClient();
    const many = Array.from({ length: 600 }, (_, i) => order(client, 1n, BigInt(i + 1000)));
    const outcomes = await Promise.all(many.map((one) => store().keep(one)));
    expect(new Set(outcomes)).to.deep.equal(new Set(["kept"]));
    const check = async (): Promise<void> => {
      for (const one of many) expect(await found(store(), one)).to.deep.include(keptOf(one));
    };
    await check();
    // This brings what was spooled to the database.
    expect((await store().purse(client))?.owedWei).to.equal(600n);
    await check();
    const hashes = new Set((await issued(store(), 0)).map(({ requestHash }) => requestHash));
    expect(many.filter(({ requestHash }) => !hashes.has(requestHash))).to.deep.equal([]);
  });

  it("forgets what was issued before a time, and what clients owe never", async () => {
    const client = newClient();
    const [old, recent] = [order(client, 7n, 100n), order(client, 7n, 100n)];
    const given = { ...old, receipt: { ...old.receipt, issuedAt: 1000 } };
    await store().keep(given);
    await store().keep(recent);
    expect(await issued(store(), 0, 1001)).to.deep.equal([given.receipt]);
    await store().purge(1001);
    expect(await store().find(given.requestHash)).to.equal(undefined);
    expect(await found(store(), recent)).to.deep.include(keptOf(recent));
    expect((await store().purse(client))?.owedWei).to.equal(14n);
  });
}

describe("receipts", function () {
  this.timeout(120_000);

  describe("in files and the embedded database", () => {
    const folder = mkdtempSync(join(tmpdir(), "assay-receipts-"));
    let database: Database;
    let store: ReceiptStore;

    const open = (): Promise<ReceiptStore> =>
      openSpooledReceipts(database, join(folder, "receipts"), ORDER_SECONDS, testLog);
    before(async () => {
      database = await openDatabase({ directory: join(folder, "state") });
      store = await open();
    });
    after(async () => {
      await store.close();
      await database.destroy();
      rmSync(folder, { recursive: true });
    });
    itKeepsReceipts(() => store);

    it("tells an order that was answered from one that nobody paid for, also where the voucher is used up", async () => {
      const alone = openReceipts(database);
      const client = newClient();
      const given = order(client, 7n, 7n);
      expect(await alone.keep(given)).to.equal("kept");
      // As after a crash between the database and the files.
      expect(await alone.keep(given)).to.equal("known");
      expect(await alone.keep(order(client, 7n, 7n))).to.equal("unpaid");
      expect((await alone.purse(client))?.owedWei).to.equal(7n);
    });

    it("knows after it is opened again what it knew before", async () => {
      const client = newClient();
      const many = Array.from({ length: 50 }, () => order(client, 2n, 100n));
      for (const one of many) await store.keep(one);
      await store.close();
      store = await open();
      for (const one of many) {
        expect(await found(store, one)).to.deep.include(keptOf(one));
        expect(await store.keep(one)).to.equal("known");
      }
      expect((await store.purse(client))?.owedWei).to.equal(100n);
    });

    it("takes everything from its files again once the database is gone", async () => {
      const directory = join(folder, "restored");
      const given = Array.from({ length: 300 }, (_, i) => order(clientAt(2), 7n, 7n * BigInt(i + 1)));
      const files = join(directory, "receipts");
      const before = await openDatabase({ directory: join(directory, "state") });
      const first = await openSpooledReceipts(before, files, ORDER_SECONDS, testLog);
      const outcomes = await Promise.all(given.map((one) => first.keep(one)));
      expect(new Set(outcomes)).to.deep.equal(new Set(["kept"]));
      await first.close();
      await before.destroy();
      // As if they had been settled long ago.
      for (const name of readdirSync(files))
        renameSync(join(files, name), join(files, name.replace(/open$/, "kept")));
      rmSync(join(directory, "state"), { recursive: true });
      const anew = await openDatabase({ directory: join(directory, "state") });
      const again = await openSpooledReceipts(anew, files, ORDER_SECONDS, testLog);
      for (const one of given) expect(await found(again, one)).to.deep.include(keptOf(one));
      const purse = await again.purse(clientAt(2));
      expect(purse).to.deep.include({ owedWei: 2100n, voucher: given.at(-1)?.voucher });
      await again.close();
      await anew.destroy();
    });

    it("has what it said that it kept, and charged for it once, when its process is killed", async () => {
      const directory = join(folder, "killed");
      const said = new Set<number>();
      for (let round = 0; round < 3; round++) {
        const from = String(round * 1_000_000);
        const child = fork(new URL("./receipts.child.ts", import.meta.url), [directory, from]);
        const enough = said.size + 120 + 61 * round;
        const ended = new Promise((resolve) => child.once("close", resolve));
        child.on("message", (number: number) => {
          said.add(number);
          if (said.size === enough) child.kill("SIGKILL");
        });
        await ended;
        expect(said.size).to.be.at.least(enough);
      }
      const state = await openDatabase({ directory: join(directory, "state") });
      const again = await openSpooledReceipts(state, join(directory, "receipts"), ORDER_SECONDS, testLog);
      for (const number of said) {
        const { receipt, ...given } = keptOf(givenAt(number, clientAt(1), 7n, 0n));
        const kept = await again.find(given.requestHash);
        expect(kept, String(number)).to.deep.include(given);
        expect(kept?.receipt).to.deep.equal({ ...receipt, issuedAt: kept?.receipt.issuedAt });
      }
      const { length } = await issued(again, 0);
      expect(length).to.be.at.least(said.size);
      expect((await again.purse(clientAt(1)))?.owedWei).to.equal(7n * BigInt(length));
      await again.close();
      await state.destroy();
    });
  });

  describe("on a Postgres server", () => {
    let server: Awaited<ReturnType<typeof startPostgres>>;
    let databases: Database[] = [];
    let stores: ReceiptStore[] = [];

    before(async () => {
      server = await startPostgres();
      databases = await Promise.all(Array.from({ length: 3 }, () => openDatabase({ url: server.url })));
      stores = databases.map((database) => openReceipts(database));
    });
    after(async () => {
      await Promise.all(databases.map((database) => database.destroy()));
      await server.stop();
    });
    const storeAt = (i: number): ReceiptStore => {
      const store = stores[i];
      if (store === undefined) throw new RangeError("no such store");
      return store;
    };
    itKeepsReceipts(() => storeAt(0));

    it("lets one of two processes spend what a voucher promises", async () => {
      for (let round = 0; round < 30; round++) {
        const client = newClient();
        const racing = [order(client, 6n, 10n), order(client, 6n, 10n)];
        const outcomes = await Promise.all(racing.map((one, i) => storeAt(i).keep(one)));
        expect([...outcomes].sort()).to.deep.equal(["kept", "unpaid"]);
        for (const [i, one] of racing.entries())
          expect((await storeAt(2).find(one.requestHash)) !== undefined).to.equal(outcomes[i] === "kept");
        expect((await storeAt(2).purse(client))?.owedWei).to.equal(6n);
      }
    });

    it("lets one of two processes answer an order", async () => {
      for (let round = 0; round < 30; round++) {
        const client = newClient();
        const given = order(client, 6n, 100n);
        const outcomes = await Promise.all([0, 1, 2].map((i) => storeAt(i).keep(given)));
        expect(outcomes.sort()).to.deep.equal(["kept", "known", "known"]);
        expect((await storeAt(0).purse(client))?.owedWei).to.equal(6n);
      }
    });

    it("never lets clients owe more than their best vouchers, whatever several processes keep", async () => {
      const rng = seededRng(6);
      for (let round = 0; round < 8; round++) {
        const names = Array.from({ length: 4 }, newClient);
        const most = BigInt(rng.int(50, 400));
        const given = Array.from({ length: 200 }, () =>
          order(rng.pick(names), BigInt(rng.int(0, 20)), BigInt(rng.int(0, Number(most)))),
        );
        const tries = given.flatMap((one) => (rng.chance(0.2) ? [one, one] : [one]));
        const outcomes = await Promise.all(
          tries.map(async (one) => ({ one, outcome: await storeAt(rng.int(0, 2)).keep(one) })),
        );
        const kept = outcomes.flatMap(({ one, outcome }) => (outcome === "kept" ? [one] : []));
        expect(new Set(kept).size).to.equal(kept.length);
        expect(outcomes.some(({ outcome }) => outcome === "unpaid")).to.equal(true);
        for (const client of names) {
          const mine = kept.filter((one) => one.client === client);
          const best = mine.reduce((top, { voucher: { totalWei } }) => (totalWei > top ? totalWei : top), 0n);
          const purse = await storeAt(0).purse(client);
          expect(purse?.owedWei).to.equal(mine.reduce((sum, { priceWei }) => sum + priceWei, 0n));
          expect(purse?.voucher.totalWei).to.equal(best);
          expect(best >= (purse?.owedWei ?? 0n)).to.equal(true);
        }
        for (const one of given)
          expect((await storeAt(1).find(one.requestHash)) !== undefined).to.equal(kept.includes(one));
      }
    });
  });
});
