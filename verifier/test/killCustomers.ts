/** Clients of an operator that may be dead when they ask: they ask again, with the same order, until there is an answer. */
import { expect } from "chai";
import { INFER_PATH, requiredSchema } from "../../sdk/src/infer/wire.ts";
import type { Order } from "../../sdk/src/receipts.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { createBuyer, type Bought, type Ordered } from "./buyer.ts";
import type { Mortal, Stand } from "./killing.ts";
import { until } from "./until.ts";

/** Wei for one answer. */
export const PRICE = 10n ** 13n;
export const PRICE_ETHER = "0.00001";
export const DEPOSIT = 10n ** 16n;

/** What a call comes to; undefined: nobody answers there just now. */
export function orNobody<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch(() => undefined);
}

export type Customer = Awaited<ReturnType<typeof createCustomer>>;

/** With a deposit for the node's account, which is mined some time later. */
export async function createCustomer({ world, model }: Stand, node: Mortal, account: number) {
  const { interposer, url } = node;
  const operator = node.account.address;
  const buyer = await createBuyer(world, account, operator, 0n);
  await buyer.deposits.deposit(operator, buyer.client, { value: DEPOSIT });
  const { client } = buyer;
  let signedWei = 0n;
  const answered = new Map<Ordered, Bought>();

  /** Signs for one more answer. */
  async function order(changed: Partial<Order> = {}): Promise<Ordered> {
    signedWei += PRICE;
    const input = Uint8Array.from({ length: model.model.inputBytes }, (_, i) => (i * answered.size + 3) % 17);
    return buyer.order(model, input, PRICE, signedWei, changed);
  }

  /** Asks once. Whatever was answered before is what is answered. */
  async function send(ordered: Ordered): Promise<Bought> {
    const bought = await buyer.send(url, ordered);
    const { status, body, settlement } = bought;
    if (status !== 200) {
      // Before the deposit has been seen nobody is answered; whoever was answered once is not refused.
      const refusals = answered.size === 0 ? [402, 503] : [503];
      expect(status, Buffer.from(body).toString()).to.be.oneOf(refusals);
      return bought;
    }
    const before = answered.get(ordered) ?? bought;
    expect({ body, settlement }).to.deep.equal({ body: before.body, settlement: before.settlement });
    expect(body).to.deep.equal(exactOutput(model.model, ordered.input));
    answered.set(ordered, before);
    return bought;
  }

  /** @returns undefined if no answer got here. @throws AssertionError if it was refused. */
  async function unlessDead(call: Promise<Bought>): Promise<Bought | undefined> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof Error && error.name === "AssertionError") throw error;
      return undefined;
    }
  }

  /** As {@link unlessDead}; the node may be killed as it comes. */
  function ask(ordered: Ordered): Promise<Bought | undefined> {
    return unlessDead(interposer.through(`POST ${INFER_PATH}`, () => send(ordered)));
  }

  /** Asks until there is an answer. */
  function insist(ordered: Ordered): Promise<void> {
    const isAnswered = async (): Promise<boolean> => (await ask(ordered))?.status === 200;
    return until("it is answered", isAnswered, () => node.said());
  }

  return {
    client,
    order,
    send,
    ask,
    insist,
    signedWei: () => signedWei,
    /** What it was answered is answered again, and it owes what it signed. */
    async expectServed(): Promise<void> {
      // A node that was killed at the very end is still on its way back.
      for (const ordered of [...answered.keys()])
        await until("it is answered again", async () => (await unlessDead(send(ordered)))?.status === 200);
      const spent = await buyer.order(model, new Uint8Array(model.model.inputBytes), PRICE, signedWei);
      let refused: Bought | undefined;
      // After a start the release has to be prepared first.
      await until("it is refused", async () => {
        refused = await unlessDead(buyer.send(url, spent));
        return refused !== undefined && refused.status !== 503;
      });
      expect(refused?.status).to.equal(402);
      const { extensions } = requiredSchema.parse(JSON.parse(Buffer.from(refused?.body ?? []).toString()));
      expect(extensions?.owedWei).to.equal(signedWei);
      expect(signedWei).to.equal(PRICE * BigInt(answered.size));
    },
    account: () => buyer.deposits.accountOf(client, operator),
  };
}
