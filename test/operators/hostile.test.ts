import { expect } from "chai";
import { seedsOf, undergo, type Ordeal } from "../../program/src/testing/ordeals.ts";

const SEED = 3;
/** Rounds over all rules; the nightly run takes more of them, and those of huge sizes. */
const ROUNDS: readonly (readonly [Ordeal, number])[] = [
  ["random", 4],
  ["mutated", 3],
  ["bytes", 1],
];
const MOST_MS = 10_000;

describe("hostile models of every rule", function () {
  this.timeout(60_000);

  for (const [kind, rounds] of ROUNDS)
    it(`${kind}: are lowered or refused, quickly`, () => {
      const fates = new Map<string, number>();
      for (const seed of seedsOf(SEED, rounds)) {
        const started = performance.now();
        try {
          const fate = undergo(kind, seed);
          fates.set(fate, (fates.get(fate) ?? 0) + 1);
        } catch (cause) {
          throw new Error(`${kind} ${seed}: ${String(cause)}`, { cause });
        }
        expect(performance.now() - started, `${kind} ${seed}`).to.be.below(MOST_MS);
      }
      expect(fates.get("lowered")).to.be.above(10);
      expect(fates.get("MALFORMED")).to.be.above(50);
    });
});
