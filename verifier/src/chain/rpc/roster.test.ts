import { expect } from "chai";
import { recordLog } from "../../../test/rpc.ts";
import type { Endpoint, Failing } from "./endpoint.ts";
import { createHealth } from "./health.ts";
import { createRoster } from "./roster.ts";

function endpoint(name: string): Endpoint {
  return {
    name,
    health: createHealth(),
    height: undefined,
    unable: new Map(),
    isForeign: () => false,
    isLimited: () => false,
    ask: () => Promise.reject(new Error("not asked")),
    blame: () => undefined,
    watch: () => undefined,
    close: () => undefined,
  };
}

function ago(ms: number): Failing {
  return { sinceMs: Date.now() - ms, triedMs: Date.now() - ms };
}

describe("roster", () => {
  const names = (endpoints: readonly Endpoint[]): string[] => endpoints.map(({ name }) => name);

  it("needs two, until one has failed for half a minute, and two again when it works", () => {
    const [a, b] = [endpoint("a"), endpoint("b")];
    const { log, lines } = recordLog();
    const roster = createRoster([a, b], 2, false, log);
    roster.note("logs", b, false);
    expect(roster.need("logs")).to.equal(2);
    b.unable.set("logs", ago(31_000));
    roster.note("logs", b, false);
    expect([roster.need("logs"), roster.need("logs")]).to.deep.equal([1, 1]);
    expect(lines.filter(({ level }) => level === "warn")).to.have.length(1);
    roster.note("logs", b, true);
    expect(roster.need("logs")).to.equal(2);
  });

  it("tells once a label that too few work, whatever it is asked in between", () => {
    const [a, b] = [endpoint("a"), endpoint("b")];
    const { log, lines } = recordLog();
    const roster = createRoster([a, b], 2, false, log);
    b.unable.set("logs", ago(31_000));
    for (let i = 0; i < 3; i++) for (const label of ["logs", "block"]) roster.need(label);
    expect(lines.map(({ label }) => label)).to.deep.equal(["logs"]);
  });

  it("gives what does not count another chance, once in a while, unless it rests", () => {
    const [a, b] = [endpoint("a"), endpoint("b")];
    const roster = createRoster([a, b], 2, false, recordLog().log);
    roster.note("logs", b, false);
    expect(roster.forgotten("logs")).to.deep.equal([]);
    b.unable.set("logs", ago(31_000));
    expect(roster.forgotten("block")).to.deep.equal([]);
    b.health.failed(Date.now(), 10_000);
    expect(roster.forgotten("logs")).to.deep.equal([]);
    b.health.woke();
    expect(names(roster.forgotten("logs"))).to.deep.equal(["b"]);
    expect(roster.forgotten("logs")).to.deep.equal([]);
    // It still does not count, until it has answered.
    expect(roster.need("logs")).to.equal(1);
  });

  it("keeps to a quorum that was demanded", () => {
    const [a, b] = [endpoint("a"), endpoint("b")];
    const roster = createRoster([a, b], 2, true, recordLog().log);
    b.unable.set("logs", ago(31_000));
    expect(roster.need("logs")).to.equal(2);
  });

  it("puts those that rest last, and stays with one that is not much slower", () => {
    const [a, b, c] = [endpoint("a"), endpoint("b"), endpoint("c")];
    const roster = createRoster([a, b, c], 2, false, recordLog().log);
    expect(names(roster.order())).to.deep.equal(["a", "b", "c"]);
    a.health.succeeded(40);
    b.health.succeeded(10);
    expect(names(roster.order())[0]).to.equal("a");
    a.health.failed(Date.now(), 10_000);
    expect(names(roster.order())[2]).to.equal("a");
    a.health.woke();
    a.health.succeeded(40);
    for (let i = 0; i < 50; i++) c.health.succeeded(5000);
    expect(names(roster.order())[2]).to.equal("c");
  });

  it("passes over an endpoint that is stuck, and counts on it again when it moves", () => {
    const [a, b] = [endpoint("a"), endpoint("b")];
    const roster = createRoster([a, b], 2, false, recordLog().log);
    const now = Math.floor(Date.now() / 1000);
    const heads = (late: number): ReadonlyMap<Endpoint, { number: number; timestamp: number }> =>
      new Map([
        [a, { number: 90, timestamp: now - late }],
        [b, { number: 100, timestamp: now }],
      ]);
    roster.noteHeads(heads(170));
    expect(roster.need("head")).to.equal(2);
    roster.noteHeads(heads(190));
    expect([roster.need("head"), names(roster.order())[0]]).to.deep.equal([1, "b"]);
    roster.noteHeads(heads(5));
    expect(roster.need("head")).to.equal(2);
    // A chain without new blocks is not stuck, whatever a liar says of blocks to come.
    roster.noteHeads(
      new Map([
        [a, { number: 90, timestamp: now - 5 }],
        [b, { number: 100, timestamp: now + 10_000 }],
      ]),
    );
    expect(roster.need("head")).to.equal(2);
  });
});
