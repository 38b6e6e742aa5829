import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { firstOf, type Attempt } from "./race.ts";

const OPTIONS = { patienceMs: 20, minBytes: 100, most: 64 };

/** Attempts in their order; `begun` says how many were. */
function listed<T>(attempts: readonly Attempt<T>[]): {
  next: () => Attempt<T> | undefined;
  begun: () => number;
} {
  let begun = 0;
  return { next: () => attempts[begun++], begun: () => Math.min(begun, attempts.length) };
}

const stall: Attempt<string> = ({ signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
const fail: Attempt<string> = () => Promise.reject(new Error("no"));
const win: Attempt<string> = () => Promise.resolve("won");

describe("trying many places", () => {
  it("begins the next one at once where one fails, and no more than it needs", async () => {
    const { next, begun } = listed([fail, fail, win, win]);
    expect(await firstOf(next, OPTIONS)).to.equal("won");
    expect(begun()).to.equal(3);
  });

  it("passes sixty that stall in a few looks, and stops them", async () => {
    let stopped = 0;
    const counted: Attempt<string> = async (runner) => {
      try {
        return await stall(runner);
      } finally {
        stopped++;
      }
    };
    let looks = 0;
    const watched = setInterval(() => looks++, OPTIONS.patienceMs);
    const { next } = listed([...Array.from({ length: 60 }, () => counted), win]);
    expect(await firstOf(next, OPTIONS)).to.equal("won");
    clearInterval(watched);
    await sleep(1);
    expect(stopped).to.equal(60);
    expect(looks).to.be.at.most(12);
  });

  it("leaves one that makes way alone for a while, not forever", async () => {
    let fed = 0;
    const feed: Attempt<string> = async ({ signal, received }) => {
      while (!signal.aborted) {
        fed++;
        received(1000);
        await sleep(2);
      }
      throw new Error("stopped");
    };
    const { next, begun } = listed([feed, win]);
    expect(await firstOf(next, OPTIONS)).to.equal("won");
    expect(begun()).to.equal(2);
    expect(fed).to.be.greaterThan(10);
  });

  it("says why every one failed, and heeds its limit, a fatal failure and a stop", async () => {
    const failed = await firstOf(listed([fail, fail]).next, OPTIONS).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(AggregateError);
    expect((failed as AggregateError).errors).to.have.length(2);
    expect(await firstOf(listed([]).next, OPTIONS).catch((error: unknown) => error)).to.be.instanceOf(
      AggregateError,
    );
    const fatal = listed([fail, win]);
    const error = await firstOf(fatal.next, { ...OPTIONS, isFatal: () => true }).catch((e: unknown) => e);
    expect([(error as Error).message, fatal.begun()]).to.deep.equal(["no", 1]);
    const many = listed(Array.from({ length: 10 }, () => stall));
    const stop = AbortSignal.timeout(200);
    const aborted = await firstOf(many.next, { ...OPTIONS, most: 3, signal: stop }).catch((e: unknown) => e);
    expect(aborted).to.equal(stop.reason);
    expect(many.begun()).to.equal(3);
  });
});
