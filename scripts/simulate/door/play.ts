/** The second door in the play: a client orders, verifiers are handed what it gets, cranks challenge, and it all comes to its end. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RECEIPT_VALIDITY } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { waitUntilOver } from "../drain.ts";
import type { FaultKind } from "../faults.ts";
import type { Hand } from "../hand.ts";
import type { Models } from "../models.ts";
import { startProxy, type Proxy } from "../proxy.ts";
import { stream } from "../random.ts";
import { eventsNamed, readRecord } from "../record.ts";
import {
  CRANKS,
  DRAIN_SECONDS,
  HONEST,
  LIARS,
  OPERATORS,
  REDEEM_FROM,
  SELLERS,
  type CrankName,
  type SellerName,
} from "../rules.ts";
import { directProvider, type Stage } from "../stage.ts";
import { readBooks } from "./books.ts";
import { createShopper, type Shopper } from "./client.ts";
import { createDoorCranks } from "./cranks.ts";
import { createDesk, type Judged } from "./desk.ts";
import { gatherDoorFacts, type DoorFacts, type Held } from "./facts.ts";
import { createGoods } from "./goods.ts";
import { askAllAgain, createLetters, type Asked } from "./letters.ts";
import type { DoorPlan, PlannedOrder } from "./plan.ts";

export interface DoorOptions {
  readonly stage: Stage;
  readonly models: Models;
  readonly plan: DoorPlan;
  readonly hands: Readonly<Record<CrankName, Hand>>;
  readonly seed: number;
  readonly seconds: number;
  readonly directory: string;
  /** The chain's own endpoint. */
  readonly rpcUrl: string;
  readonly proxies: Proxy[];
  readonly elapsed: () => number;
  readonly onFault: (kind: FaultKind, method: string) => void;
  readonly say: (text: string) => void;
}

/** What the client did and met with. */
export interface DoorCounts {
  readonly orders: number;
  readonly restarts: number;
  readonly answersLost: number;
  /** Calls that failed and were tried again, by code. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Door {
  /** Resolves when nothing of the plan is left to do but what waits for the drain. */
  play(): Promise<void>;
  /** True: every order has its receipt, every wrong one is overturned, and no game is open. */
  drain(): Promise<boolean>;
  /** The receipts expire, and lost games are settled; the market must be over. */
  expire(): Promise<void>;
  /** Sends all orders once more. */
  askAgain(): Promise<void>;
  counts(): DoorCounts;
  /** Ends what still runs. */
  stop(): Promise<void>;
  /** Reads all books, and closes the client's; the nodes must have ended. */
  facts(): Promise<DoorFacts>;
}

/** A call to an endpoint that stalls is given up after it. */
const CALL_MS = 10_000;
const SPARE_SECONDS = 60;
const SETTLE_SECONDS = 120;

/** Where the process of a seller has its database. */
function stateOf({ accounts }: Stage, seller: SellerName): string {
  const { directory } = accounts[seller];
  return OPERATORS.some((name) => name === seller)
    ? join(directory, "data", "state")
    : join(directory, "state");
}

export async function openDoor(options: DoorOptions): Promise<Door> {
  const { stage, models, plan, hands, seed, seconds, directory, elapsed, say } = options;
  const { contracts, provider, accounts } = stage;
  const { client } = accounts;
  const curtain = new AbortController();
  const { signal } = curtain;
  const goods = await createGoods(stage, models);
  const letters = createLetters(stream(seed, "letters"), () => elapsed() < seconds);
  const desk = createDesk(stage, stream(seed, "desk"), signal);
  const held: Omit<Held, "taken" | "judged">[] = [];
  const judged = new Map<Hex, readonly Judged[]>();
  const cranks = createDoorCranks(stage, { goods, hands, rng: stream(seed, "door cranks") });
  const proxy = await startProxy({
    ...{ target: options.rpcUrl, forecast: plan.weather, elapsed, onFault: options.onFault },
    rng: stream(seed, "calls client"),
  });
  options.proxies.push(proxy);
  const endpoint = directProvider(proxy.url, CALL_MS);
  const shopper: Shopper = await createShopper({
    ...{ stage, models, letters, provider: endpoint, directory: join(directory, "client") },
    onReceipt(digest, file) {
      held.push({ digest, file, right: goods.isRight(file) });
      desk.hand(digest, file);
    },
  });
  const unanswered = new Set<PlannedOrder>();
  const playing = cranks.play(signal);
  let asked: readonly Asked[] = [];
  let shopping = Promise.resolve();
  let shopped = false;

  const until = (at: number): Promise<void> => sleep(Math.max(0, (at - elapsed()) * 1000));

  async function buy(order: PlannedOrder): Promise<void> {
    unanswered.add(order);
    const file = await shopper.buy(order, signal);
    if (file === undefined) return;
    unanswered.delete(order);
    cranks.receive(file, order.challengers);
  }

  async function restartAll(): Promise<void> {
    for (const at of plan.restarts) {
      await until(at);
      say("the client ends and begins again");
      await shopper.restart();
    }
  }

  async function rushAll(): Promise<void> {
    for (const { at, operator } of plan.rushes) {
      await until(at);
      say(`many receipts of ${operator} are challenged at once`);
      cranks.rush(accounts[operator].address);
    }
  }

  async function buyAll(): Promise<void> {
    const bought: Promise<void>[] = [];
    for (const order of plan.orders) {
      await until(order.at);
      bought.push(buy(order));
    }
    shopping = Promise.all(bought).then(async () => {
      for (const order of plan.closing) await buy(order);
      shopped = true;
    });
  }

  async function notRedeemed(): Promise<string[]> {
    const waiting: string[] = [];
    for (const seller of SELLERS) {
      const { signedWei } = await shopper.ledger(seller);
      const { redeemedWei } = await contracts.deposits.accountOf(client.address, accounts[seller].address);
      if (signedWei - redeemedWei >= REDEEM_FROM) waiting.push(`${seller} has vouchers to redeem`);
    }
    return waiting;
  }

  async function readJudgements(): Promise<void> {
    for (const { digest } of held) judged.set(digest, await desk.judgements(digest));
  }

  /** What is still to happen before the receipts expire, in words. */
  async function look(): Promise<string[]> {
    const left: string[] = [];
    if (!shopped) left.push(`${unanswered.size} orders without receipts`);
    if (desk.waiting() > 0) left.push(`${desk.waiting()} receipts that nobody has taken`);
    if (left.length > 0) return left;
    const record = await readRecord(contracts, provider, "receipts");
    const overturned = new Set(eventsNamed(record, "Overturned").map(({ requestId }) => requestId));
    const trials = eventsNamed(record, "ReceiptOnTrial");
    const caught = new Set<Hex>(
      trials.flatMap(({ requestId, claim }) => (overturned.has(requestId) ? [claim.request.inputHash] : [])),
    );
    for (const { digest, right } of held)
      if (!right && !caught.has(digest)) left.push(`the wrong receipt ${digest} stands`);
    for (const seller of SELLERS) {
      const { live, head, tail } = await contracts.receipts.reserveOf(accounts[seller].address);
      if (live > 0n) left.push(`${live} receipts of ${seller} are on trial`);
      if (tail > head) left.push(`${tail - head} challenges of ${seller} wait in line`);
    }
    await readJudgements();
    const pending = [...judged.values()].flat().filter((one) => one === "pending" || one === "none").length;
    if (pending > 0) left.push(`${pending} receipts are not judged`);
    return [...left, ...(await notRedeemed())];
  }

  async function locked(): Promise<string[]> {
    const left: string[] = [];
    for (const name of [...HONEST, ...LIARS, ...CRANKS]) {
      const { address } = accounts[name];
      const { lockedWei } = await contracts.receiptsVault.accountOf(address);
      const { reserveWei } = await contracts.receipts.reserveOf(address);
      if (lockedWei !== reserveWei) left.push(`${name} has wei locked in games about receipts`);
    }
    return left;
  }

  return {
    async play() {
      await Promise.all([buyAll(), restartAll(), rushAll()]);
    },
    async drain() {
      const over = await waitUntilOver(look, DRAIN_SECONDS, (text) => say(`receipts ${text}`));
      await readJudgements();
      return over;
    },
    async expire() {
      say("seven days pass");
      await provider.send("evm_increaseTime", [RECEIPT_VALIDITY + SPARE_SECONDS]);
      await waitUntilOver(locked, SETTLE_SECONDS, (text) => say(`receipts ${text}`));
    },
    async askAgain() {
      say("every order is sent once more");
      asked = await askAllAgain(letters);
    },
    counts: () => ({
      orders: plan.orders.length + plan.closing.length,
      restarts: plan.restarts.length,
      answersLost: letters.lost(),
      failures: Object.fromEntries([...shopper.failures].sort()),
    }),
    async stop() {
      curtain.abort();
      await playing;
      await shopping;
    },
    async facts() {
      const facts = await gatherDoorFacts(stage, {
        ...{ asked, shopper, unanswered: [...unanswered] },
        held: held.map((one) => ({
          ...one,
          taken: [...(desk.taken.get(one.digest) ?? [])],
          judged: judged.get(one.digest) ?? [],
        })),
        booksOf: (seller) => readBooks(stateOf(stage, seller), client.address),
      });
      await shopper.close();
      endpoint.destroy();
      return facts;
    },
  };
}
