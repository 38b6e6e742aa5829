import { expect } from "chai";
import { ALL_RULES, MAKERS } from "../../program/src/testing/instances/index.ts";
import { openCourt, type Court } from "../../scripts/conformance/onchain.ts";
import { agreeOn, type Seen } from "./agreement.ts";

const SEED = 7;

/** Operators without instances, and why. */
const WITHOUT: Readonly<Record<string, string>> = {};

describe("every operator: naive interpreter, fast interpreter and referee agree on random nodes", function () {
  this.timeout(120_000);
  let court: Court;
  before(async () => {
    court = await openCourt();
  });
  after(() => court.close());

  it("each that a rule lowers has instances, or a reason for not having them", () => {
    const lowered = [...new Set(ALL_RULES.map(([operator]) => operator))].toSorted();
    expect([...Object.keys(MAKERS), ...Object.keys(WITHOUT)].toSorted()).to.deep.equal(lowered);
  });

  it("on elements of nodes of every rule", async () => {
    const seen: Seen = new Map();
    const ran = await agreeOn({ seed: SEED, rules: ALL_RULES, each: 1, court, elements: 2 }, seen);
    expect(ran).to.be.at.least(ALL_RULES.length);
    expect(seen.size).to.equal(Object.keys(MAKERS).length);
  });
});
