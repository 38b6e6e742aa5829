import { expect } from "chai";
import { roundToFloat } from "../naive/round.ts";
import { seededRng } from "../testing/rng.ts";
import { expansion, foldedSum, stages } from "./exactsum.ts";
import { floatValue } from "./float.ts";

const UNITS = 298;

/** The sum by big integers. */
function exactly(terms: readonly number[]): number {
  let units = 0n;
  for (const term of terms) units += BigInt(term * 2 ** UNITS);
  return floatValue(
    "f32",
    Number(roundToFloat("f32", units < 0n, units < 0n ? -units : units, -UNITS, false)),
  );
}

function summed(terms: readonly number[]): number {
  return foldedSum(Float64Array.from(terms), 0, terms.length, Math.fround) + 0;
}

describe("exact sums", () => {
  const halfway = 1 + 2 ** -24;
  const cases: [name: string, stage: keyof typeof stages, terms: number[]][] = [
    ["plain", "bound", [1, 2 ** -30, 0.1]],
    ["a tie, to even", "compensated", [1, 2 ** -24]],
    ["a tie broken far below", "compensated", [halfway, 2 ** -90]],
    ["a tie broken far below, downward", "compensated", [halfway, -(2 ** -90)]],
    [
      "a tie broken below what compensation sees",
      "expansion",
      [2 ** 100, halfway, 2 ** -140, -(2 ** 100), 2 ** 90, -(2 ** 90)],
    ],
    ["nothing left", "compensated", [2 ** 127, -(2 ** 127)]],
    ["one subnormal left of the largest", "expansion", [2 ** 255, 1, 2 ** -149, -1, -(2 ** 255)]],
    ["half of the smallest, to even", "compensated", [2 ** -150]],
    ["just over half of the smallest", "expansion", [2 ** -150, 2 ** -298]],
    ["the smallest overflow", "compensated", [2 ** 128 - 2 ** 104, 2 ** 103]],
    ["just under overflow", "expansion", [2 ** 128 - 2 ** 104, 2 ** 103, -(2 ** -200)]],
  ];
  for (const [name, stage, terms] of cases)
    it(`${name}: decided by ${stage}`, () => {
      const before = stages[stage];
      expect(summed(terms)).to.equal(exactly(terms));
      expect(stages[stage]).to.equal(before + 1);
    });

  it("of special terms follow the rules of fold sum", () => {
    expect(summed([1, NaN, 2])).to.satisfy(Number.isNaN);
    expect(summed([Infinity, 1, -Infinity])).to.satisfy(Number.isNaN);
    expect(summed([-(2 ** 250), Infinity])).to.equal(Infinity);
    expect(summed([])).to.equal(0);
  });

  it("of random terms that cancel over the whole range", () => {
    const rng = seededRng(8);
    for (let i = 0; i < 2000; i++) {
      const terms: number[] = [];
      for (let n = rng.int(1, 12); n > 0; n--) {
        const size =
          (rng.int(0, 2 ** 24 - 1) * rng.int(0, 2 ** 24 - 1) * 2 ** rng.int(-298, 200)) / 2 ** rng.int(0, 3);
        const term = Math.trunc(size * 2 ** UNITS) / 2 ** UNITS;
        terms.push(term);
        if (rng.chance(0.6)) terms.push(-term * (rng.chance(0.3) ? 1 + 2 ** -20 : 1));
      }
      const exact = terms.map((t) => Math.trunc(t * 2 ** UNITS) / 2 ** UNITS);
      expect(summed(exact), exact.join()).to.equal(exactly(exact));
    }
  });

  it("as expansions do not overlap", () => {
    const parts = expansion(Float64Array.of(1, 2 ** 80, -1, 2 ** -200, 3), 0, 5);
    expect(parts).to.deep.equal([2 ** -200, 3, 2 ** 80]);
  });
});
