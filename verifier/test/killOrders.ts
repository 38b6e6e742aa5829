/** kill -9 while orders are answered: whoever asks again gets the answer that was given, if one was, and pays once. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { openSeller } from "./killCashier.ts";
import { createCustomer, PRICE_ETHER, type Customer } from "./killCustomers.ts";
import { createMortal, type Mortal, type Stand } from "./killing.ts";
import type { Ordered } from "./buyer.ts";
import { soon } from "./until.ts";

const CLIENTS = [5, 6];
/** Of each client at once. */
const ORDERS = 4;

/** @param moments Answers that have come when it is killed, while the others are on their way. */
export function describeOrders(moments: readonly number[]): void {
  describe("an operator that is killed while it answers over HTTP", function () {
    this.timeout(280_000);
    let stand: Stand;
    let node: Mortal;
    let customers: readonly Customer[];

    before(async () => {
      stand = await openSeller();
      node = await createMortal(stand, undefined);
      customers = await Promise.all(CLIENTS.map((account) => createCustomer(stand, node, account)));
      await node.start({ role: "operator", serve: [stand.model.releaseId], receiptPrice: PRICE_ETHER });
      for (const customer of customers) await customer.insist(await customer.order());
    });
    after(async () => {
      await node.discard();
      await stand.stop();
    });

    for (const [i, moment] of moments.entries())
      it(`when ${moment} answers of ${CLIENTS.length * ORDERS} have come (${i + 1})`, async () => {
        const orders: (readonly [Customer, Ordered])[] = [];
        for (const customer of customers)
          for (let n = 0; n < ORDERS; n++) orders.push([customer, await customer.order()]);
        let answered = 0;
        const asked = orders.map(async ([customer, ordered]) => {
          if ((await customer.ask(ordered))?.status === 200) answered++;
        });
        const replies = Promise.all(asked);
        await soon(() => answered >= moment);
        await node.kill();
        await replies;
        for (const [customer, ordered] of orders) await customer.insist(ordered);
        for (const customer of customers) await customer.expectServed();
      });

    it("while its client asks again for what has expired meanwhile", async () => {
      const [customer] = customers;
      if (customer === undefined) throw new Error("there are no customers");
      const expiresAt = Math.ceil(Date.now() / 1000) + 3;
      const ordered = await customer.order({ expiresAt });
      await customer.insist(ordered);
      await sleep(1000 * (expiresAt + 1) - Date.now());
      const revived = node.kill();
      // Whoever is refused believes that nothing is owed, and throws the order away.
      while ((await customer.ask(ordered))?.status !== 200) await sleep(20);
      await revived;
      await customer.expectServed();
    });

    it("ends when told to", async () => {
      expect(await node.end()).to.equal(0);
    });
  });
}
