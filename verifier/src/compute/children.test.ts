import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { AssayError } from "../../../sdk/src/error.ts";
import { codeOf } from "../../test/failure.ts";
import type { Misdeed } from "../../test/misbehaving.worker.ts";
import { killIfThere } from "../../test/processes.ts";
import { createBudget } from "./budget.ts";
import { createChildren, type Children, type ChildrenOptions, type Task } from "./children.ts";

const MODULE = new URL("../../test/misbehaving.worker.ts", import.meta.url);
const MIB = 2 ** 20;
/** Deaths at the start: what counts increases must have seen each reason before. */
const NONE = { crash: 0, time: 0, memory: 0, idle: 0 };

describe("child processes", function () {
  this.timeout(120_000);
  const started: Children<Misdeed>[] = [];

  function children(options: Partial<ChildrenOptions>): Children<Misdeed> {
    const made = createChildren<Misdeed>({ module: MODULE, size: 1, retries: 0, ...options });
    started.push(made);
    return made;
  }

  function ask(to: Children<Misdeed>, misdeed: Misdeed, more: Partial<Task<Misdeed>> = {}): Promise<unknown> {
    return to.run({ job: () => misdeed, limits: { runMs: 60_000 }, ...more });
  }

  /** What a job was refused for. */
  async function diedOf(promise: Promise<unknown>): Promise<unknown> {
    try {
      await promise;
      return "nothing";
    } catch (error) {
      return error instanceof AssayError ? error.details["died"] : error;
    }
  }

  afterEach(async () => {
    await Promise.all(started.splice(0).map((each) => each.close()));
  });

  for (const depth of [1, 2] as const)
    it(`do the most urgent job first, ${depth} at hand`, async () => {
      const pool = children({ depth });
      const order: string[] = [];
      const run = async (name: string, deadline: number | undefined, misdeed: Misdeed): Promise<void> => {
        await ask(pool, misdeed, { limits: { runMs: 60_000, deadline } });
        order.push(name);
      };
      await run("warm", undefined, { kind: "answer", value: 0 });
      const quick: Misdeed = { kind: "answer", value: 1 };
      await Promise.all([
        run("first", undefined, { kind: "spin", ms: 300 }),
        run("idle", undefined, quick),
        run("later", 20, quick),
        run("soon", 10, quick),
      ]);
      expect(order).to.deep.equal(["warm", "first", "soon", "later", "idle"]);
    });

  it("start a job's clock when it begins", async () => {
    const pool = children({ depth: 2 });
    const limits = { runMs: 4000 };
    const jobs = Array.from({ length: 6 }, () => ask(pool, { kind: "spin", ms: 800 }, { limits }));
    expect(await Promise.all(jobs.map(codeOf))).to.deep.equal(jobs.map(() => "none"));
    const endless = ask(pool, { kind: "spin", ms: 1e9 }, { limits: { runMs: 200 } });
    const next = ask(pool, { kind: "answer", value: 7 }, { limits: { runMs: 20_000 } });
    expect(await codeOf(endless)).to.equal("INFERENCE_TIMED_OUT");
    expect(await next).to.equal(7);
  });

  it("outlive what a terminal sends to all, for the node to finish what it has begun", async () => {
    const pool = children({});
    const pid = Number(await ask(pool, { kind: "which" }));
    for (const signal of ["SIGINT", "SIGHUP"]) process.kill(pid, signal);
    await sleep(100);
    expect(await ask(pool, { kind: "which" })).to.equal(pid);
  });

  it("take nobody along when they die", async () => {
    const pool = children({ depth: 2, size: 2 });
    const jobs = Array.from({ length: 30 }, (_, i) =>
      i % 5 === 2 ? codeOf(ask(pool, { kind: "die" })) : ask(pool, { kind: "answer", value: i }),
    );
    // Without further tries: whoever was only waiting has not died of anything.
    const expected = jobs.map((_, i) => (i % 5 === 2 ? "INFERENCE_FAILED" : i));
    expect(await Promise.all(jobs)).to.deep.equal(expected);
  });

  it("may be killed from outside at any moment", async () => {
    const pool = children({ depth: 2, size: 2, retries: 1000 });
    let left = 300;
    const jobs = Array.from({ length: left }, async (_, i) => {
      await ask(pool, { kind: "spin", ms: i % 7 });
      const answer = await ask(pool, { kind: "answer", value: i });
      left--;
      return answer;
    });
    for (let kills = 0; kills < 20 && left > 0; kills++) {
      const pid = await ask(pool, { kind: "which" });
      await sleep(kills * 3);
      if (typeof pid === "number") killIfThere(pid);
    }
    expect(await Promise.all(jobs)).to.deep.equal(jobs.map((_, i) => i));
  });

  it("do not let a job wait behind a slow one", async () => {
    const pool = children({ depth: 2, size: 2 });
    await Promise.all([ask(pool, { kind: "spin", ms: 200 }), ask(pool, { kind: "spin", ms: 200 })]);
    let slowEnded = false;
    const slow = ask(pool, { kind: "spin", ms: 5000 }).then(() => (slowEnded = true));
    const quick = Array.from({ length: 20 }, (_, i) => ask(pool, { kind: "answer", value: i }));
    expect(await Promise.all(quick)).to.deep.equal(quick.map((_, i) => i));
    expect(slowEnded).to.equal(false);
    await slow;
  });

  it("are ended when they take too much memory", async () => {
    const pool = children({ memoryBytes: 400 * MIB });
    const bomb = ask(pool, { kind: "fill", bytes: 600 * MIB });
    const next = ask(pool, { kind: "answer", value: 5 });
    expect(await codeOf(bomb)).to.equal("INFERENCE_OUT_OF_MEMORY");
    expect(await next).to.equal(5);
  });

  it("are ended when they do nothing with much memory", async () => {
    const pool = children({ memoryBytes: 1000 * MIB });
    const pid = await ask(pool, { kind: "which" });
    await ask(pool, { kind: "hoard", bytes: 300 * MIB });
    while ((await ask(pool, { kind: "which" })) === pid) await sleep(600);
    expect(Object.fromEntries(pool.stats().deaths)).to.deep.equal({ ...NONE, idle: 1 });
  });

  it("are counted, and why they ended", async () => {
    const pool = children({ memoryBytes: 400 * MIB });
    expect(pool.stats()).to.deep.equal({ waiting: 0, pids: [], deaths: new Map(Object.entries(NONE)) });
    const slow = ask(pool, { kind: "spin", ms: 60_000 }, { limits: { runMs: 100 } });
    const which = ask(pool, { kind: "which" });
    expect(pool.stats().waiting).to.equal(1);
    expect(await codeOf(slow)).to.equal("INFERENCE_TIMED_OUT");
    const pid = await which;
    expect(pool.stats().pids).to.deep.equal([pid]);
    expect(await diedOf(ask(pool, { kind: "die" }))).to.equal("SIGFPE");
    expect(await codeOf(ask(pool, { kind: "fill", bytes: 600 * MIB }))).to.equal("INFERENCE_OUT_OF_MEMORY");
    expect(Object.fromEntries(pool.stats().deaths)).to.deep.equal({ ...NONE, time: 1, crash: 1, memory: 1 });
  });

  it("are not started for what has killed twice", async () => {
    const pool = children({ retries: 1 });
    const killer = { fingerprint: () => "killer" };
    expect(await diedOf(ask(pool, { kind: "die" }, killer))).to.equal("SIGFPE");
    expect(await diedOf(ask(pool, { kind: "die" }, killer))).to.equal("known to kill");
    const other = { fingerprint: () => "other" };
    expect(await ask(pool, { kind: "answer", value: 1 }, other)).to.equal(1);
  });

  it("keep what fits the budget, and are preferred for what they keep", async () => {
    const budget = createBudget(100);
    const pool = children({ size: 2, depth: 2, budget });
    const keep = (key: string, bytes: number): Promise<unknown> =>
      ask(pool, { kind: "keep", key, bytes }, { holdings: [{ key, bytes: 1 }] });
    // One after the other they never wait, and so all go to the child that has what they need.
    expect([
      await keep("a", 40),
      await keep("a", 40),
      await keep("b", 40),
      await keep("a", 40),
    ]).to.deep.equal([false, true, false, true]);
    expect(budget.held()).to.equal(80);
    // The third does not fit: b was used longest ago.
    expect(await keep("c", 40)).to.equal(false);
    expect([await keep("a", 40), await keep("c", 40), await keep("b", 40)]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect(budget.held()).to.equal(80);
    // What is larger than the budget is kept by nobody, but used.
    expect([await keep("huge", 200), await keep("huge", 200)]).to.deep.equal([false, false]);
    expect(budget.held()).to.equal(0);
  });

  it("cannot be started in vain for ever", async () => {
    const pool = children({ module: new URL("./no-such-module.ts", import.meta.url), retries: 1 });
    expect(await codeOf(ask(pool, { kind: "answer", value: 1 }))).to.equal("INFERENCE_FAILED");
  });

  it("answer nothing more once they are closed", async () => {
    const pool = children({ depth: 2 });
    const jobs = [1, 2, 3].map(() => codeOf(ask(pool, { kind: "spin", ms: 1e9 })));
    await pool.close();
    expect(await Promise.all(jobs)).to.deep.equal(["CLOSED", "CLOSED", "CLOSED"]);
    expect(await codeOf(ask(pool, { kind: "answer", value: 1 }))).to.equal("CLOSED");
  });
});
