import { expect } from "chai";
import fc from "fast-check";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hex } from "../../../sdk/src/structs.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { follow, type FollowItem, type FollowOptions } from "./follow.ts";
import type { BlockRef, ChainLog, ChainSource } from "./source.ts";

function hash(text: string): Hex {
  return `0x${Buffer.from(text).toString("hex").padEnd(64, "0")}`;
}

/** A chain in memory: each block is named by the branch on which it was made, and has one log. */
class FakeChain {
  blocks: string[] = ["genesis"];
  private made = 0;

  grow(count: number): void {
    for (let i = 0; i < count; i++) this.blocks.push(`block-${this.made++}`);
  }

  reorg(depth: number): void {
    const dropped = Math.min(depth, this.blocks.length - 1);
    this.blocks.length -= dropped;
    this.grow(dropped + 1);
  }

  ref(number: number): BlockRef | undefined {
    const name = this.blocks[number];
    if (name === undefined) return undefined;
    const parentHash = hash(this.blocks[number - 1] ?? "none");
    return { number, hash: hash(name), parentHash, timestamp: number, baseFee: 1n };
  }

  log(number: number): ChainLog {
    const blockHash = hash(this.blocks[number] ?? "");
    const fields = { address: "0x", topics: [], data: "0x", transaction: blockHash };
    return { ...fields, blockNumber: number, blockHash, logIndex: 0, timestamp: number };
  }
}

/** Before each answer something may happen: the chain moves, or the endpoint fails. */
function source(chain: FakeChain, next: () => void): ChainSource {
  return {
    async head() {
      next();
      const head = chain.ref(chain.blocks.length - 1);
      if (head === undefined) throw new Error("no head");
      return Promise.resolve(head);
    },
    async block(number) {
      next();
      return Promise.resolve(chain.ref(number));
    },
    async range(from, to) {
      next();
      const [first, block] = [chain.ref(from), chain.ref(to)];
      if (first === undefined || block === undefined) throw new Error("range beyond the head");
      const logs = Array.from({ length: to - from + 1 }, (_, i) => chain.log(from + i));
      return Promise.resolve({ logs, block, parentHash: first.parentHash });
    },
    changed: async (ms) => sleep(Math.min(ms, 1)),
  };
}

type Happening = "nothing" | "grow" | "fail" | "reorg1" | "reorg3" | "reorg9";

async function followAll(
  happenings: readonly Happening[],
  chunk: number,
): Promise<{ seen: string[]; expected: string[] }> {
  const chain = new FakeChain();
  chain.grow(5);
  let step = 0;
  const next = (): void => {
    const happening = happenings[step++];
    if (happening === "grow") chain.grow(2);
    if (happening === "reorg1") chain.reorg(1);
    if (happening === "reorg3") chain.reorg(3);
    if (happening === "reorg9") chain.reorg(9);
    if (happening === "fail") throw new Error("connection reset");
  };
  const stop = new AbortController();
  const options = { fromBlock: 1, pollMs: 1, chunk, maxChunk: chunk, maxBackoffMs: 1, signal: stop.signal };
  let seen: ChainLog[] = [];
  const take = (item: FollowItem): void => {
    if (item.kind === "logs") seen.push(...item.logs);
    if (item.kind === "reorg") seen = seen.filter((log) => log.blockNumber <= item.keep);
  };
  for await (const item of follow(source(chain, next), options)) {
    take(item);
    const done =
      step >= happenings.length && item.kind === "head" && item.block.number === chain.blocks.length - 1;
    if (done) stop.abort();
    // Something new for a follower that has caught up.
    else if (item.kind === "head") chain.grow(1);
  }
  return { seen: seen.map((log) => log.blockHash), expected: chain.blocks.slice(1).map(hash) };
}

describe("follow", () => {
  it("gives every log of the chain once, in order", async () => {
    const { seen, expected } = await followAll(["nothing", "grow", "grow"], 2);
    expect(seen).to.deep.equal(expected);
  });

  for (const finality of [4, 64])
    it(`reads the newest blocks one at a time, with ${finality} blocks to finality`, async () => {
      const chain = new FakeChain();
      chain.grow(100);
      const whole = source(chain, () => undefined);
      const stop = new AbortController();
      const ranges: [number, number][] = [];
      const noting: ChainSource = {
        ...whole,
        range: async (from, to) => {
          ranges.push([from, to]);
          return whole.range(from, to);
        },
      };
      const options = { fromBlock: 1, pollMs: 1, chunk: 50, finality, signal: stop.signal };
      for await (const { kind } of follow(noting, options)) if (kind === "head") stop.abort();
      const [near, far] = [ranges.filter(([, to]) => to > 84), ranges.filter(([, to]) => to <= 84)];
      expect(near).to.deep.equal(Array.from({ length: 16 }, (_, i) => [85 + i, 85 + i]));
      expect(far.length).to.be.lessThan(5);
    });

  it("reports heads of a chain that outpaces every question", async () => {
    const chain = new FakeChain();
    chain.grow(5);
    const stop = new AbortController();
    const options = { fromBlock: 1, pollMs: 1, chunk: 100, signal: stop.signal };
    const heads: number[] = [];
    for await (const item of follow(
      source(chain, () => chain.grow(1)),
      options,
    )) {
      if (item.kind === "head") heads.push(item.block.number);
      if (heads.length === 3 || chain.blocks.length > 500) stop.abort();
    }
    expect(heads).to.have.length(3);
  });

  it("gives one of the newest blocks as the head where the next cannot be read, and no older one", async () => {
    const chain = new FakeChain();
    chain.grow(100);
    const whole = source(chain, () => undefined);
    const stop = new AbortController();
    let bad = 50;
    const failing: ChainSource = {
      ...whole,
      async range(from, to) {
        if (from <= bad && bad <= to) throw new Error("connection reset");
        return whole.range(from, to);
      },
    };
    const heads: number[] = [];
    let failures = 0;
    const onError = (): void => {
      if (++failures % 5 === 0) bad = 95;
      if (failures === 10) stop.abort();
    };
    const options = { fromBlock: 1, pollMs: 1, chunk: 10, maxBackoffMs: 1, signal: stop.signal, onError };
    for await (const item of follow(failing, options))
      if (item.kind === "head") heads.push(item.block.number);
    expect(heads).to.deep.equal([94]);
  });

  it("undoes what a reorganisation took back", async () => {
    const quiet: Happening[] = Array.from({ length: 40 }, () => "nothing");
    const { seen, expected } = await followAll([...quiet, "reorg3", ...quiet, "reorg9"], 3);
    expect(seen).to.deep.equal(expected);
  });

  it("ends with the chain's logs whatever happens between any two answers", async () => {
    const happening = fc.constantFrom<Happening>(
      "nothing",
      "nothing",
      "grow",
      "fail",
      "reorg1",
      "reorg3",
      "reorg9",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { maxLength: 80 }),
        fc.integer({ min: 1, max: 7 }),
        async (happenings, chunk) => {
          const { seen, expected } = await followAll(happenings, chunk);
          expect(seen).to.deep.equal(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  for (const missing of [[9], [7, 8, 9], [5], [40]])
    it(`passes block ${missing.join(", ")} though nobody can name it`, async () => {
      const chain = new FakeChain();
      chain.grow(40);
      const whole = source(chain, () => undefined);
      const stop = new AbortController();
      const seen: ChainLog[] = [];
      const errors: unknown[] = [];
      const options: FollowOptions = {
        fromBlock: 1,
        pollMs: 1,
        chunk: 3,
        maxChunk: 3,
        maxBackoffMs: 1,
        signal: stop.signal,
        onError: (error) => errors.push(error),
      };
      const holed: ChainSource = {
        ...whole,
        block: async (number) => (missing.includes(number) ? undefined : whole.block(number)),
        range: async (from, to) => {
          if (missing.includes(to)) throw new AssayError("CHAIN_MOVED", `block ${to} has gone`);
          return whole.range(from, to);
        },
      };
      for await (const item of follow(holed, options)) {
        if (item.kind === "logs") seen.push(...item.logs);
        // The newest block is one of those that can be named, sooner or later.
        if (item.kind === "logs") chain.grow(1);
        if (seen.length > 45 || errors.length > 100) stop.abort();
      }
      expect(errors.length).to.be.lessThan(100);
      const blocks = seen.map(({ blockNumber }) => blockNumber);
      expect(blocks).to.deep.equal(blocks.map((_, i) => i + 1));
      expect(blocks.length).to.be.greaterThan(45);
    });

  it("takes a block that it read, and that nobody can name any more, for undone", async () => {
    const chain = new FakeChain();
    chain.grow(10);
    const whole = source(chain, () => undefined);
    const stop = new AbortController();
    let lost: number | undefined;
    const holed: ChainSource = {
      ...whole,
      block: async (number) => (number === lost ? undefined : whole.block(number)),
    };
    const options = { fromBlock: 1, pollMs: 1, chunk: 4, maxBackoffMs: 1, signal: stop.signal };
    let seen: ChainLog[] = [];
    for await (const item of follow(holed, options)) {
      if (item.kind === "logs") seen.push(...item.logs);
      if (item.kind === "reorg") seen = seen.filter((log) => log.blockNumber <= item.keep);
      if (item.kind !== "head") continue;
      if (lost !== undefined) stop.abort();
      // The newest block is replaced, and its number is not to be had.
      else [lost] = [chain.blocks.length - 1, chain.reorg(2)];
    }
    expect(seen.map((log) => log.blockHash)).to.deep.equal(chain.blocks.slice(1).map(hash));
  });
});
