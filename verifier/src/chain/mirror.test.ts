import { expect } from "chai";
import { IDeposits__factory } from "../../../types/ethers-contracts/index.js";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { hex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { soon } from "../../test/until.ts";
import { testLog } from "../../test/world.ts";
import type { LogStore, Position } from "../state/logs.ts";
import { createMirror, type Mirror } from "./mirror.ts";
import type { BlockRef, ChainLog, ChainSource } from "./source.ts";

const address = (n: number): Hex => toHex(Buffer.alloc(20, n));
const hash = (n: number): Hex => toHex(Buffer.alloc(32, n));
const [CLIENT, OPERATOR, DEPOSITS] = [address(1), address(2), address(12)];
const deployment: Deployment = {
  chainId: 1,
  block: 1,
  addresses: {
    registry: address(3),
    market: address(4),
    game: address(5),
    referee: address(6),
    directory: address(7),
    receipts: address(8),
    receiptsVault: address(9),
    receiptsGame: address(10),
    vault: address(11),
    deposits: DEPOSITS,
  },
};
const deposits = IDeposits__factory.createInterface();

function block(number: number): BlockRef {
  return { number, hash: hash(number), parentHash: hash(number - 1), timestamp: number, baseFee: 1n };
}

/** A deposit of one wei. */
function funded(blockNumber: number): ChainLog {
  const { data, topics } = deposits.encodeEventLog("Funded", [CLIENT, OPERATOR, CLIENT, 1n]);
  const place = { blockNumber, blockHash: hash(blockNumber), logIndex: 0, timestamp: blockNumber };
  const bytes = { topics: topics.map((topic) => hex.parse(topic)), data: hex.parse(data) };
  return { ...place, ...bytes, address: DEPOSITS, transaction: hash(blockNumber) };
}

/** A database that another process fills, always first: each block has one deposit, each page one log. */
class OthersStore implements LogStore {
  at: Position = { number: 3, hash: hash(3), epoch: 0 };
  /** Before each page. */
  onPage: (number: number) => Promise<void> | void = () => undefined;

  position(): Promise<Position> {
    return Promise.resolve(this.at);
  }
  anchors(): Promise<readonly BlockRef[]> {
    return Promise.resolve([block(this.at.number)]);
  }
  async *read(after: number, until: number): AsyncGenerator<readonly ChainLog[]> {
    for (let number = after + 1; number <= until; number++) {
      await this.onPage(number);
      yield [funded(number)];
    }
  }
  append(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  retire(): Promise<void> {
    return Promise.resolve();
  }
  about(): never {
    throw new Error("not asked for");
  }
  page(): never {
    throw new Error("not asked for");
  }
  undo(): never {
    throw new Error("not asked for");
  }
}

describe("the mirror of a chain that another process reads too", () => {
  let store: OthersStore;
  let stop: AbortController;
  let mirror: Mirror;
  let running: Promise<void>;
  let head: number;

  beforeEach(async () => {
    [store, stop, head] = [new OthersStore(), new AbortController(), 3];
    const source: ChainSource = {
      head: () => Promise.resolve(block(head)),
      block: (number) => Promise.resolve(block(number)),
      range: (from, to) => Promise.resolve({ logs: [], block: block(to), parentHash: hash(from - 1) }),
      changed: () => new Promise((resolve) => setTimeout(resolve, 5)),
    };
    mirror = createMirror({
      ...{ deployment, source, store, account: OPERATOR, log: testLog, finality: 64, pollMs: 5 },
      signal: stop.signal,
      onHead: () => undefined,
      onReorg: () => undefined,
      onForgotten: () => undefined,
    });
    running = mirror.run();
    await soon(() => mirror.head?.number === 3);
  });

  afterEach(async () => {
    stop.abort();
    await running;
  });

  function depositWei(): bigint | undefined {
    return [...mirror.state.deposits.values()][0]?.depositWei;
  }

  /** Another process stores up to a block of the chain before this one does. */
  function others(number: number, epoch: number): void {
    store.at = { number, hash: hash(number), epoch };
    head = number;
  }

  it("applies nothing twice if the database fails half-way, and is not ready meanwhile", async () => {
    expect(depositWei()).to.equal(3n);
    let failures = 0;
    store.onPage = (number) => {
      if (number === 5 && failures++ === 0) throw new Error("the database fails");
    };
    others(6, 0);
    await soon(() => failures > 0);
    expect(mirror.head).to.equal(undefined);
    await soon(() => mirror.head?.number === 6);
    expect(depositWei()).to.equal(6n);
  });

  it("is not ready while it reads what is left after another process undid something", async () => {
    let goOn: (() => void) | undefined;
    store.onPage = () => new Promise((resolve) => (goOn = resolve));
    others(4, 1);
    await soon(() => goOn !== undefined);
    const meanwhile = [depositWei(), mirror.head];
    store.onPage = () => undefined;
    goOn?.();
    expect(meanwhile).to.deep.equal([undefined, undefined]);
    await soon(() => mirror.head?.number === 4);
    expect(depositWei()).to.equal(4n);
  });
});
