import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { seededRng } from "../../../program/src/testing/rng.ts";
import { toHex, ZERO_HASH, type Hex } from "../../../sdk/src/structs.ts";
import { codeOf, failureOf } from "../../test/failure.ts";
import type { DepositRecord } from "../chain/state.ts";
import { openDatabase, type Database } from "../state/database.ts";
import { openReceipts, type Promised } from "../state/receipts.ts";
import { createPurses, type Purses, type Reservation } from "./purses.ts";

const OPERATOR: Hex = `0x${"a".repeat(40)}`;

function deposit(client: Hex, depositWei: bigint): DepositRecord {
  return { client, operator: OPERATOR, signer: client, depositWei, redeemedWei: 0n, leavesAt: 0 };
}

function voucher(totalWei: bigint): Promised {
  return {
    totalWei,
    order: ZERO_HASH,
    signature: toHex(Buffer.from(totalWei.toString(16).padStart(32, "0"), "hex")),
  };
}

describe("purses", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-purses-"));
  let database: Database;
  let purses: Purses;
  let clients = 0;
  let client: Hex;

  before(async () => {
    database = await openDatabase({ directory: folder });
  });

  after(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });

  beforeEach(() => {
    purses = createPurses(openReceipts(database));
    client = toHex(Buffer.alloc(20, ++clients));
  });

  function reserve(priceWei: bigint, totalWei: bigint, depositWei = 10n ** 18n): Promise<Reservation> {
    return purses.reserve(deposit(client, depositWei), priceWei, voucher(totalWei));
  }

  it("take nothing from an order that they refuse", async () => {
    (await reserve(10n, 10n)).charged();
    expect(await codeOf(reserve(100n, 50n))).to.equal("PAYMENT_REQUIRED");
    expect(await codeOf(reserve(100n, 1000n, 109n))).to.equal("PAYMENT_REQUIRED");
    // Either voucher would have paid for this.
    expect(await failureOf(reserve(5n, 0n))).to.deep.include({
      code: "PAYMENT_REQUIRED",
      details: { owedWei: "10" },
    });
    const reservation = await reserve(5n, 15n);
    expect(reservation.voucher()).to.deep.equal(voucher(15n));
  });

  it("hold the best voucher, in whatever order they come", async () => {
    const [first, second] = await Promise.all([reserve(10n, 30n), reserve(10n, 20n)]);
    expect([first.voucher().totalWei, second.voucher().totalWei]).to.deep.equal([30n, 30n]);
    await reserve(10n, 31n);
    expect(first.voucher().totalWei).to.equal(31n);
  });

  it("set aside no more than voucher and deposit cover, however many ask at once", async () => {
    const spend = (price: bigint, total: bigint, held: bigint): Promise<number> =>
      Promise.all(Array.from({ length: 40 }, () => codeOf(reserve(price, total, held)))).then(
        (codes) => codes.filter((code) => code === "none").length,
      );
    expect(await spend(7n, 100n, 1000n)).to.equal(14);
    client = toHex(Buffer.alloc(20, ++clients));
    expect(await spend(7n, 1000n, 50n)).to.equal(7);
  });

  it("have room again once something is released, and not once it is charged", async () => {
    const held = await Promise.all([reserve(5n, 10n), reserve(5n, 10n)]);
    expect(await codeOf(reserve(1n, 10n))).to.equal("PAYMENT_REQUIRED");
    held[0].charged();
    expect(await codeOf(reserve(1n, 10n))).to.equal("PAYMENT_REQUIRED");
    held[1].released();
    expect(await codeOf(reserve(6n, 10n))).to.equal("PAYMENT_REQUIRED");
    expect(await codeOf(reserve(5n, 10n))).to.equal("none");
  });

  it("never owe more than was promised and deposited, whatever happens", async () => {
    const rng = seededRng(5);
    const held: { priceWei: bigint; reservation: Reservation }[] = [];
    let [owed, reserved, best] = [0n, 0n, 0n];
    for (let i = 0; i < 1000; i++) {
      const priceWei = BigInt(rng.int(0, 20));
      const totalWei = owed + BigInt(rng.int(0, 60));
      const fits = owed + reserved + priceWei <= (totalWei > best ? totalWei : best);
      const covered = owed + reserved + priceWei <= 5000n;
      const reservation = await reserve(priceWei, totalWei, 5000n).catch(() => undefined);
      expect(reservation !== undefined, `step ${i}`).to.equal(fits && covered);
      if (reservation !== undefined) {
        held.push({ priceWei, reservation });
        reserved += priceWei;
        if (totalWei > best) best = totalWei;
      }
      if (held.length === 0 || rng.int(0, 2) === 0) continue;
      const [one] = held.splice(rng.int(0, held.length - 1), 1);
      if (one === undefined) continue;
      reserved -= one.priceWei;
      if (rng.int(0, 1) === 0) one.reservation.released();
      else {
        one.reservation.charged();
        owed += one.priceWei;
      }
    }
    expect(owed > 1000n).to.equal(true);
  });

  it("begin with what the database says, and look again once told to forget", async () => {
    const write = (owed: bigint): Promise<unknown> =>
      database
        .insertInto("purses")
        .values({
          client,
          owed_wei: owed,
          voucher_wei: 50n,
          voucher_order: ZERO_HASH,
          voucher_signature: voucher(50n).signature,
        })
        .onConflict((conflict) => conflict.column("client").doUpdateSet({ owed_wei: owed }))
        .execute();
    await write(40n);
    expect(await codeOf(reserve(11n, 0n))).to.equal("PAYMENT_REQUIRED");
    const last = await reserve(10n, 0n);
    expect(last.voucher()).to.deep.equal(voucher(50n));
    last.released();
    await write(45n);
    await setImmediate();
    purses.forget(client);
    expect(await codeOf(reserve(6n, 0n))).to.equal("PAYMENT_REQUIRED");
    expect(await codeOf(reserve(5n, 0n))).to.equal("none");
  });
});
