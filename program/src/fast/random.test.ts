import { expect } from "chai";
import { generateCase, KINDS } from "../testing/generate.ts";
import { seededRng } from "../testing/rng.ts";
import { expectAgreement } from "./agreement.ts";

const SEED = 20260801;

describe("fast interpreter against the naive one", function () {
  this.timeout(120_000);

  it(`random instructions of all ${KINDS.length} kinds`, () => {
    const rng = seededRng(SEED);
    const ways = new Map<string, number>();
    for (const kind of KINDS) {
      const { program, inputs } = generateCase(rng, kind);
      for (const way of expectAgreement(program, inputs, JSON.stringify(kind)).ways)
        ways.set(way, (ways.get(way) ?? 0) + 1);
    }
    // Only 64-bit integers beyond float64 should need the naive way.
    expect(ways.get("flat")).to.be.greaterThan(4 * (ways.get("naive") ?? 0));
  });
});
