/** A node that sells answers over HTTP: it registers its key, announces itself, answers, and redeems what clients signed. */
import { expect } from "chai";
import { parseEther } from "ethers";
import { readMoves, type MinedMove } from "../../scripts/simulate/moves.ts";
import { expectMoves } from "./kill.ts";
import { createCustomer, DEPOSIT, PRICE, PRICE_ETHER, type Customer } from "./killCustomers.ts";
import { createMortal, startMiner, type Stand } from "./killing.ts";
import type { Plot } from "./kills.ts";
import type { Interposer, KillPoint } from "./interpose.ts";
import { until } from "./until.ts";
import { exampleModel, publishFile, startWorld } from "./world.ts";

/** Answers that clients buy between two redeemings. */
const BOUGHT = [3, 2] as const;
const REDEEM_FROM = "0.00005";
const CLIENTS = [5, 6] as const;

interface Shop extends Stand {
  /** Times that vouchers are redeemed in a play. */
  readonly rounds: number;
}

interface Sales {
  readonly shop: Shop;
  readonly fired: boolean;
  readonly seen: Interposer["seen"];
  readonly customers: readonly Customer[];
  readonly moves: readonly MinedMove[];
  /** Hashes of the account's announcements in the directory. */
  readonly announced: readonly string[];
  /** Transactions of the account. */
  readonly transactions: number;
  /** Wei that the account has more than at first, and what it paid for gas. */
  readonly gainedWei: bigint;
  readonly gasWei: bigint;
  /** Wei that came to all deposits and stayed there. */
  readonly keptWei: bigint;
  readonly exit: number | null;
}

/** Without blocks of its own. */
export async function openSeller(): Promise<Stand> {
  const world = await startWorld({ blockSeconds: 0 });
  const model = await publishFile(world, exampleModel("breast-cancer"));
  const miner = await startMiner(world);
  return {
    ...{ world, model, miner },
    async stop() {
      await miner.stop();
      await world.stop();
    },
  };
}

async function playSales(shop: Shop, point: KillPoint | undefined): Promise<Sales> {
  const { world, model, rounds } = shop;
  const { provider } = world.chain;
  const node = await createMortal(shop, point);
  const { address } = node.account;
  const { deposits } = world.deployment.addresses;
  const { directory } = world.contracts;
  const announcements = async (): Promise<string[]> => {
    const events = await directory.queryFilter(directory.filters.EndpointsAnnounced(address));
    return events.map(({ transactionHash }) => transactionHash);
  };
  try {
    const firstWei = await provider.getBalance(address);
    const heldWei = await provider.getBalance(deposits);
    const from = await provider.getBlockNumber();
    const customers = await Promise.all(CLIENTS.map((account) => createCustomer(shop, node, account)));
    node.interposer.begin();
    const { releaseId } = model;
    const price = { receiptPrice: PRICE_ETHER, redeemFrom: REDEEM_FROM, minFee: PRICE_ETHER };
    await node.start({ role: "operator", serve: [releaseId], ...price });
    for (let round = 0; round < rounds; round++) {
      for (const [i, customer] of customers.entries())
        for (let n = 0; n < (BOUGHT[i] ?? 0); n++) await customer.insist(await customer.order());
      await until(
        "it is redeemed",
        async () => {
          const paid = await Promise.all(
            customers.map(async (customer) => (await customer.account()).redeemedWei >= customer.signedWei()),
          );
          return paid.every(Boolean);
        },
        () => node.said(),
      );
    }
    await node.revived();
    await until("it is announced", async () => (await announcements()).length > 0);
    for (const customer of customers) await customer.expectServed();
    const exit = await node.end();
    const moves = await readMoves(
      world.contracts,
      provider,
      [address],
      from,
      await provider.getBlockNumber(),
    );
    const announced = await announcements();
    const hashes = [...announced, ...moves.map(({ hash }) => hash)];
    const fees = await Promise.all(
      hashes.map(async (hash) => (await provider.getTransactionReceipt(hash))?.fee ?? 0n),
    );
    const { fired, seen } = node.interposer;
    return {
      ...{ shop, fired, seen: [...seen], customers, moves, announced, exit },
      transactions: await provider.getTransactionCount(address),
      gainedWei: (await provider.getBalance(address)) - firstWei,
      gasWei: fees.reduce((sum, fee) => sum + fee, 0n),
      keptWei: (await provider.getBalance(deposits)) - heldWei,
    };
  } finally {
    await node.discard();
  }
}

async function expectPaid(sales: Sales): Promise<void> {
  const { shop, customers, moves, announced, transactions, gainedWei, gasWei, keptWei, exit } = sales;
  expectMoves(moves, ["addKey", "redeem"]);
  expect(moves.map(({ key }) => key)).to.have.length(1 + shop.rounds);
  expect(announced, "announcements").to.have.length(1);
  expect(transactions).to.equal(announced.length + moves.length);
  let signedWei = 0n;
  for (const customer of customers) {
    const { depositWei, redeemedWei, leavesAt } = await customer.account();
    expect([depositWei, redeemedWei, leavesAt]).to.deep.equal([DEPOSIT, customer.signedWei(), 0n]);
    signedWei += customer.signedWei();
  }
  expect(signedWei).to.equal(parseEther(REDEEM_FROM) * BigInt(shop.rounds));
  expect(signedWei).to.equal(PRICE * BigInt(shop.rounds * BOUGHT.reduce((sum, n) => sum + n, 0)));
  expect(gainedWei).to.equal(signedWei - gasWei);
  expect(keptWei).to.equal(DEPOSIT * BigInt(customers.length) - signedWei);
  expect(exit, "exit code").to.equal(0);
}

/** @param rounds Times that vouchers are redeemed. */
export function cashier(rounds: number): Plot<Shop, Sales> {
  return {
    role: `the cashier of an operator that redeems ${rounds === 1 ? "once" : `${rounds} times`}`,
    open: async () => ({ ...(await openSeller()), rounds }),
    play: playSales,
    expectRight: expectPaid,
  };
}
