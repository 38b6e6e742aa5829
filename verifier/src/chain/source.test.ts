import { expect } from "chai";
import { JsonRpcProvider, toBeHex } from "ethers";
import { connect } from "../../../sdk/src/contracts.ts";
import { readLogs } from "../../../sdk/src/logs.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { codeOf } from "../../test/failure.ts";
import { recordLog, startProxy, type Proxy, type Trick } from "../../test/rpc.ts";
import { startWorld, testLog, type World } from "../../test/world.ts";
import { bloomBits, mayContain } from "./bloom.ts";
import { createEndpoints, type Endpoints } from "./endpoints.ts";
import { follow, type FollowItem, type FollowOptions } from "./follow.ts";
import { rpcSource, type ChainLog, type ChainSource } from "./source.ts";

interface WireLog {
  readonly blockNumber: string;
  readonly [field: string]: unknown;
}

type Logs = readonly WireLog[];

/** Answers about logs, changed. */
function lie(change: (logs: Logs) => Logs): Proxy["bend"] {
  return ({ method }) => (method === "eth_getLogs" ? { change: (logs) => change(logs as Logs) } : undefined);
}

function edit(change: (log: WireLog) => Record<string, unknown>): Proxy["bend"] {
  return lie((logs) => logs.map((log, i) => (i === 1 ? { ...log, ...change(log) } : log)));
}

const OTHER: Hex = `0x${"ab".repeat(32)}`;

describe("a source of logs", function () {
  this.timeout(120_000);
  let world: World;
  let first: Proxy;
  let second: Proxy;
  let third: Proxy;
  let truth: readonly ChainLog[];
  let from: number;
  let head: number;
  const opened: Endpoints[] = [];

  /** Models, one block each. @returns Each with two logs. */
  async function createModels(count: number): Promise<void> {
    const { registry } = connect(world.deployment, world.chain.wallet(0));
    for (let i = 0; i < count; i++) await (await registry.createModel(`model ${i}`)).wait();
  }

  function open(proxies: readonly Proxy[], quorum?: number): ChainSource {
    const endpoints = createEndpoints({
      urls: proxies.map(({ url }) => url),
      chainId: 31337,
      log: testLog,
      timeoutMs: 5000,
      maxResponseBytes: 2 ** 20,
      ...(quorum === undefined ? {} : { quorum }),
    });
    opened.push(endpoints);
    const { registry, market, game } = world.deployment.addresses;
    return rpcSource(endpoints, [registry, market, game]);
  }

  before(async () => {
    world = await startWorld({ blockSeconds: 0 });
    from = (await world.chain.provider.getBlockNumber()) + 1;
    await createModels(6);
    head = await world.chain.provider.getBlockNumber();
    [first, second, third] = (await Promise.all([1, 2, 3].map(() => startProxy(world.chain.url)))) as [
      Proxy,
      Proxy,
      Proxy,
    ];
    truth = (await open([first]).range(from, head)).logs;
    expect(truth.length).to.equal(12);
  });
  beforeEach(() => {
    for (const proxy of [first, second, third]) {
      proxy.bend = undefined;
      proxy.calls.length = 0;
    }
  });
  afterEach(() => opened.splice(0).forEach((endpoints) => endpoints.close()));
  after(async () => {
    await Promise.all([first, second, third].map((proxy) => proxy.stop()));
    await world.stop();
  });

  const stranger = { address: `0x${"12".repeat(20)}` };
  const lies: readonly (readonly [string, () => Proxy["bend"]])[] = [
    ["omits all logs", () => lie(() => [])],
    ["omits the last log", () => lie((logs) => logs.slice(0, -1))],
    ["invents a log", () => lie((logs) => [...logs, { ...(logs[0] as WireLog), logIndex: "0x63" }])],
    ["tells a log twice", () => lie((logs) => [...logs, logs[0] as WireLog])],
    ["tells of another contract", () => edit(() => stranger)],
    ["tells of another block", () => edit(() => ({ blockNumber: toBeHex(head + 1) }))],
    ["tells of the block after", () => edit(() => ({ blockNumber: toBeHex(from + 1) }))],
    ["changes a topic", () => edit(({ topics }) => ({ topics: (topics as string[]).with(1, OTHER) }))],
    ["changes data", () => edit(() => ({ data: OTHER }))],
    ["changes a block hash", () => edit(() => ({ blockHash: OTHER }))],
    ["changes a transaction hash", () => edit(() => ({ transactionHash: OTHER }))],
    ["changes an index", () => edit(() => ({ logIndex: "0x77" }))],
    ["changes a time", () => edit(() => ({ blockTimestamp: "0x1" }))],
    ["marks a log as removed", () => edit(() => ({ removed: true }))],
    ["gives no list", () => lie(() => ({}) as unknown as Logs)],
    ["gives a number as data", () => edit(() => ({ data: 7 }))],
  ];
  for (const [what, make] of lies) {
    it(`is not deceived by one of two endpoints that ${what}`, async () => {
      second.bend = make();
      const code = await codeOf(open([first, second]).range(from, head));
      expect(code).to.be.oneOf(["ENDPOINTS_DISAGREE", "RPC_FAILED", "CHAIN_MOVED"]);
    });
    it(`goes on with two of three endpoints while one ${what}`, async () => {
      first.bend = make();
      expect((await open([first, second, third]).range(from, head)).logs).to.deep.equal(truth);
    });
  }

  it("puts logs in order", async () => {
    first.bend = lie((logs) => logs.toReversed());
    expect((await open([first, second]).range(from, head)).logs).to.deep.equal(truth);
  });

  it("finds the times of blocks where logs come without", async () => {
    first.bend = lie((logs) => logs.map((log) => ({ ...log, blockTimestamp: null })));
    expect((await open([first, second]).range(from, head)).logs).to.deep.equal(truth);
  });

  it("notices a chain that moves while a range is read", async () => {
    let asked = 0;
    first.bend = ({ method, params }) =>
      method === "eth_getBlockByNumber" && params[0] === `0x${head.toString(16)}` && ++asked > 1
        ? { change: (block) => ({ ...(block as object), hash: OTHER }) }
        : undefined;
    expect(await codeOf(open([first]).range(from, head))).to.equal("CHAIN_MOVED");
  });

  it("links a range to the block before it though nobody can name its first block", async () => {
    const whole = await open([first]).range(from, head);
    first.bend = ({ method, params }) =>
      method === "eth_getBlockByNumber" && params[0] === `0x${from.toString(16)}`
        ? { result: null }
        : undefined;
    expect(await open([first]).range(from, head)).to.deep.equal(whole);
  });

  it("asks another endpoint where a block's bloom filter contradicts its logs", async () => {
    const block = (await world.chain.provider.send("eth_getBlockByNumber", [toBeHex(head), false])) as {
      logsBloom: Hex;
    };
    expect(mayContain(block.logsBloom, bloomBits(world.deployment.addresses.registry))).to.equal(true);
    expect(mayContain(block.logsBloom, bloomBits(OTHER))).to.equal(false);
    const last = truth.filter(({ blockNumber }) => blockNumber === head);
    first.bend = lie(() => []);
    const doubted = open([first, second], 1);
    expect(await codeOf(doubted.range(head, head))).to.equal("ENDPOINTS_DISAGREE");
    expect((await open([first, second, third], 1).range(head, head)).logs).to.deep.equal(last);
    // An honest endpoint is taken at its word.
    first.bend = undefined;
    second.calls.length = 0;
    expect((await open([first, second], 1).range(head, head)).logs).to.deep.equal(last);
    expect(second.calls).to.have.length(0);
  });

  describe("followed", () => {
    /** Follows until `done`. */
    async function run(
      source: ChainSource,
      done: (item: FollowItem, seen: readonly ChainLog[]) => boolean | Promise<boolean>,
      more: Partial<FollowOptions> = {},
    ): Promise<readonly ChainLog[]> {
      const stop = new AbortController();
      let seen: ChainLog[] = [];
      for await (const item of follow(source, {
        fromBlock: from,
        pollMs: 20,
        maxBackoffMs: 50,
        signal: stop.signal,
        ...more,
      })) {
        if (item.kind === "logs") seen.push(...item.logs);
        if (item.kind === "reorg") seen = seen.filter(({ blockNumber }) => blockNumber <= item.keep);
        if (await done(item, seen)) stop.abort();
      }
      return seen;
    }
    const atHead = ({ kind }: FollowItem): boolean => kind === "head";

    before(async () => {
      // So that what is asked about is old enough to be read in ranges.
      await world.chain.provider.send("anvil_mine", [toBeHex(20)]);
      head = await world.chain.provider.getBlockNumber();
    });

    const refusals: readonly (readonly [string, Trick])[] = [
      [
        "-32005 with a count of results",
        { error: { code: -32005, message: "query returned more than 10000 results" } },
      ],
      ["a maximum in words", { error: { code: -32602, message: "range exceeds limit of 2" } }],
      ["a size", { error: { code: -32008, message: "Response is too big" } }],
      ["HTTP 413", { respond: (response) => void response.writeHead(413).end() }],
      ["a body without end", { respond: (response) => void response.end(Buffer.alloc(2 ** 21, " ")) }],
      ["unknown words", { error: { code: -1, message: "nope" } }],
    ];
    for (const [what, refusal] of refusals)
      it(`asks for less when an endpoint refuses a range with ${what}`, async () => {
        for (const proxy of [first, second])
          proxy.bend = ({ method, params }) => {
            if (method !== "eth_getLogs") return undefined;
            const [filter] = params as [{ fromBlock?: string; toBlock?: string }];
            return Number(filter.toBlock) - Number(filter.fromBlock) + 1 > 2 ? refusal : undefined;
          };
        const errors: unknown[] = [];
        const seen = await run(open([first, second]), atHead, { onError: (error) => errors.push(error) });
        expect(seen).to.deep.equal(truth);
        expect(errors).to.deep.equal([]);
      });

    it("so does the SDK, of any provider", async () => {
      first.bend = ({ method, params }) => {
        if (method !== "eth_getLogs") return undefined;
        const [filter] = params as [{ fromBlock?: string; toBlock?: string }];
        const error = { code: -32602, message: "range exceeds limit of 2" };
        return Number(filter.toBlock) - Number(filter.fromBlock) > 1 ? { error } : undefined;
      };
      const provider = new JsonRpcProvider(first.url, 31337, { staticNetwork: true });
      const logs = await readLogs(
        provider,
        { address: world.deployment.addresses.registry, topics: [] },
        from,
      );
      provider.destroy();
      expect(logs.map(({ blockNumber, index, data }) => [blockNumber, index, data])).to.deep.equal(
        truth.map(({ blockNumber, logIndex, data }) => [blockNumber, logIndex, data]),
      );
    });

    it("goes on from a cursor", async () => {
      const source = open([first, second]);
      const block = await source.block(from + 2);
      if (block === undefined) throw new Error("no block");
      const seen = await run(source, atHead, { anchors: [block] });
      expect(seen).to.deep.equal(truth.filter(({ blockNumber }) => blockNumber > from + 2));
    });

    it("undoes what changed while it was away", async () => {
      const source = open([first, second]);
      const block = await source.block(from + 1);
      if (block === undefined) throw new Error("no block");
      const kinds: FollowItem[] = [];
      const gone = { number: from + 3, hash: OTHER };
      const seen = await run(source, (item) => kinds.push(item) > 0 && atHead(item), {
        anchors: [block, gone],
      });
      expect(kinds[0]).to.deep.equal({ kind: "reorg", keep: from + 1 });
      expect(seen).to.deep.equal(truth.filter(({ blockNumber }) => blockNumber > from + 1));
    });

    it("refuses to undo what is final", async () => {
      const source = open([first]);
      const stop = new AbortController();
      const errors: unknown[] = [];
      const items: FollowItem[] = [];
      const gone = [from, from + 1, from + 2].map((number) => ({ number, hash: OTHER }));
      const onError = (error: unknown): void => {
        errors.push(error);
        stop.abort();
      };
      const options = {
        fromBlock: from,
        pollMs: 10,
        finality: 1,
        signal: stop.signal,
        anchors: gone,
        onError,
      };
      for await (const item of follow(source, options)) items.push(item);
      expect(items).to.deep.equal([]);
      expect(errors[0]).to.include({ code: "REORG_TOO_DEEP", retryable: false });
    });

    it("waits while the head goes backwards, and undoes nothing", async () => {
      const source = open([first, second]);
      const items: FollowItem[] = [];
      let polls = 0;
      const low: Proxy["bend"] = ({ method, params }) => {
        if (method !== "eth_getBlockByNumber") return undefined;
        if (params[0] === "latest") {
          polls++;
          return { change: (block) => ({ ...(block as object), number: toBeHex(from + 1) }) };
        }
        return Number(params[0]) > from + 1 ? { change: () => null } : undefined;
      };
      await run(source, async (item) => {
        items.push(item);
        if (item.kind === "head" && polls === 0) {
          first.bend = second.bend = low;
          setTimeout(() => {
            first.bend = second.bend = undefined;
            void createModels(1);
          }, 500);
        }
        return Promise.resolve(item.kind === "head" && item.block.number > head);
      });
      expect(polls).to.be.greaterThan(3);
      expect(items.map(({ kind }) => kind)).not.to.include("reorg");
      head = await world.chain.provider.getBlockNumber();
      truth = (await source.range(from, head)).logs;
    });

    it("survives reorganisations while it catches up, and over one endpoint that lags behind", async () => {
      const { provider } = world.chain;
      const snapshot: unknown = await provider.send("evm_snapshot", []);
      const start = (await provider.getBlockNumber()) - 6;
      await createModels(20);
      // The second proxy tells of the blocks of one second ago.
      let lagging = await provider.getBlockNumber();
      const timer = setInterval(
        () => void provider.getBlockNumber().then((number) => (lagging = number)),
        1000,
      );
      second.bend = ({ method, params }) => {
        if (method !== "eth_getBlockByNumber") return undefined;
        if (params[0] === "latest")
          return {
            change: (block) => ({
              ...(block as object),
              number: toBeHex(Math.min(lagging, Number((block as WireLog)["number"]))),
            }),
          };
        return Number(params[0]) > lagging ? { change: () => null } : undefined;
      };
      const source = open([first, second]);
      let reorgs = 0;
      let steps = 0;
      const seen = await run(
        source,
        async (item) => {
          if (item.kind === "reorg") reorgs++;
          steps++;
          if (steps === 3) {
            await provider.send("evm_revert", [snapshot]);
            await createModels(25);
          }
          if (steps === 9) {
            await provider.send("anvil_reorg", [5, []]);
            await createModels(7);
          }
          return steps > 9 && item.kind === "head" && item.block.number === (await provider.getBlockNumber());
        },
        { fromBlock: start, chunk: 4, maxChunk: 4, finality: 64 },
      );
      clearInterval(timer);
      expect(reorgs).to.be.greaterThan(0);
      const last = await provider.getBlockNumber();
      expect(seen).to.deep.equal((await open([third]).range(start, last)).logs);
    });

    it("misses no log though behind an address there is a server that is a block behind", async () => {
      await createModels(5);
      const last = await world.chain.provider.getBlockNumber();
      first.bend = ({ method, params }) =>
        method === "eth_getLogs" && !("blockHash" in (params[0] as object))
          ? { change: (logs) => (logs as Logs).filter(({ blockNumber }) => Number(blockNumber) < last) }
          : undefined;
      const seen = await run(open([first]), atHead);
      expect(seen).to.deep.equal((await open([third]).range(from, last)).logs);
    });

    it("tells of each round that failed, and logs a contradiction once", async () => {
      second.bend = edit(() => ({ data: OTHER }));
      const { log, lines } = recordLog();
      const endpoints = createEndpoints({ urls: [first.url, second.url], chainId: 31337, log });
      opened.push(endpoints);
      const { registry, market, game } = world.deployment.addresses;
      const stop = new AbortController();
      const errors: unknown[] = [];
      const last = await world.chain.provider.getBlockNumber();
      const options = { fromBlock: last, pollMs: 10, maxBackoffMs: 20, signal: stop.signal };
      const items: FollowItem[] = [];
      const logs = (): number => second.calls.filter(({ method }) => method === "eth_getLogs").length;
      const timer = setInterval(() => {
        if (logs() > 12) stop.abort();
      }, 20);
      const source = rpcSource(endpoints, [registry, market, game]);
      for await (const item of follow(source, { ...options, onError: (error) => errors.push(error) }))
        items.push(item);
      clearInterval(timer);
      expect(items).to.deep.equal([]);
      expect(errors.length).to.be.above(1);
      for (const error of errors) expect(error).to.include({ code: "ENDPOINTS_DISAGREE", retryable: true });
      expect(endpoints.disagreements()).to.be.at.least(errors.length);
      expect(lines.filter(({ msg }) => String(msg).includes("contradict"))).to.have.length(1);
    });
  });
});
