import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { seededRng } from "../../../program/src/testing/rng.ts";
import { codeOf, failureOf } from "../../test/failure.ts";
import { createFair, type Fair } from "./fair.ts";

const LIMITS = { atOnce: 1, each: 64, all: 1000 };

describe("turns", () => {
  /** Clients in the order in which their work began. */
  let began: string[];

  beforeEach(() => {
    began = [];
  });

  function ask(fair: Fair, client: string): Promise<void> {
    return fair.run(client, async () => {
      began.push(client);
      await sleep(0);
    });
  }

  it("lets nobody wait for all that another has asked for", async () => {
    const fair = createFair(LIMITS);
    const greedy = Array.from({ length: 60 }, () => ask(fair, "greedy"));
    await ask(fair, "single");
    expect(began.indexOf("single")).to.equal(2);
    await Promise.all(greedy);
    expect(began.length).to.equal(61);
    expect(fair.open).to.equal(0);
  });

  it("has at most one of each other client in front, whoever comes when", async () => {
    const rng = seededRng(3);
    for (let round = 0; round < 10; round++) {
      const fair = createFair(LIMITS);
      const others = Array.from({ length: 8 }, (_, i) => `client ${i}`);
      const open = others.flatMap((name) => Array.from({ length: rng.int(1, 20) }, () => ask(fair, name)));
      for (let i = 0, wait = rng.int(1, 20); i < wait; i++) await sleep(0);
      const before = began.length;
      await ask(fair, "single");
      const inFront = began.slice(before, began.indexOf("single"));
      expect(inFront.length, inFront.join(", ")).to.equal(new Set(inFront).size);
      await Promise.all(open);
      began = [];
    }
  });

  it("never runs more at once than it may, and all of it", async () => {
    const rng = seededRng(4);
    const fair = createFair({ ...LIMITS, atOnce: 3 });
    let [running, most, done] = [0, 0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await sleep(rng.int(0, 2));
      running--;
      done++;
    };
    await Promise.all(Array.from({ length: 200 }, () => fair.run(`client ${rng.int(0, 9)}`, work)));
    expect([running, most, done, fair.open]).to.deep.equal([0, 3, 200, 0]);
  });

  it("is busy for a client, and for all, with too much open, until some of it is done", async () => {
    const fair = createFair({ atOnce: 1, each: 2, all: 3 });
    const open = [ask(fair, "a"), ask(fair, "a")];
    expect(await failureOf(ask(fair, "a"))).to.include({ code: "BUSY", retryable: true });
    open.push(ask(fair, "b"));
    expect(await codeOf(ask(fair, "b"))).to.equal("BUSY");
    expect(await codeOf(ask(fair, "c"))).to.equal("BUSY");
    expect(fair.open).to.equal(3);
    await Promise.all(open);
    expect(began).to.deep.equal(["a", "a", "b"]);
    expect(await codeOf(ask(fair, "a"))).to.equal("none");
  });

  it("goes on when work fails, and says why it did", async () => {
    const fair = createFair({ ...LIMITS, each: 2 });
    const fail = (): Promise<void> => fair.run("a", () => Promise.reject(new Error("no")));
    for (let i = 0; i < 5; i++) expect(String(await failureOf(fail()))).to.equal("Error: no");
    await Promise.all([ask(fair, "a"), ask(fair, "b")]);
    expect(fair.open).to.equal(0);
  });
});
