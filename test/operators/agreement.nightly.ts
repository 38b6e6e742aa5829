import { expect } from "chai";
import { ALL_RULES } from "../../program/src/testing/instances/index.ts";
import { seedsOf } from "../../program/src/testing/ordeals.ts";
import { openCourt, type Court } from "../../scripts/conformance/onchain.ts";
import { agreeOn, agreeOnMutated, type Seen } from "./agreement.ts";

/** Other cases every day, the same ones all day; a failing case names its seed. */
const DAY = Math.floor(Date.now() / 86_400_000);

describe(`every operator: three agree on random nodes (day ${DAY})`, function () {
  this.timeout(3_600_000);
  let court: Court;
  before(async () => {
    court = await openCourt();
  });
  after(() => court.close());

  it("interpreters", async () => {
    const ran = await agreeOn({ seed: DAY * 100_000, rules: ALL_RULES, each: 60 }, new Map());
    console.log(`      ${ran} nodes`);
    expect(ran).to.be.at.least(60 * ALL_RULES.length);
  });

  it("interpreters, on damaged nodes that are lowered all the same", () => {
    const ran = agreeOnMutated(seedsOf(DAY, 40));
    console.log(`      ${ran} nodes`);
    expect(ran).to.be.at.least(5 * ALL_RULES.length);
  });

  it("interpreters and referee", async () => {
    const seen: Seen = new Map();
    const ran = await agreeOn(
      { seed: DAY * 100_000 + 70_000, rules: ALL_RULES, each: 6, court, elements: 3 },
      seen,
    );
    console.log(`      ${ran} nodes, 3 elements of each`);
    const narrow = [...seen.values()].filter((types) => types.has("f16") && types.has("bf16"));
    expect(narrow.length, "operators that ran in both 16-bit floats").to.be.at.least(100);
  });
});
