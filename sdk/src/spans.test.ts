import { expect } from "chai";
import fc from "fast-check";
import { createSpans, type SpanLimits } from "./spans.ts";

/** Reads `total` blocks from an endpoint that refuses more than `limit`. @returns [queries, refusals]. */
function read(
  total: number,
  limit: (at: number) => number,
  limits: SpanLimits = {},
  weight = 0,
): [number, number] {
  const spans = createSpans(limits);
  let [queries, refusals] = [0, 0];
  for (let at = 0; at < total;) {
    const blocks = Math.min(spans.size(), total - at);
    queries++;
    if (blocks > limit(at)) {
      refusals++;
      spans.refused(blocks);
    } else {
      spans.took(blocks, weight * blocks);
      at += blocks;
    }
  }
  return [queries, refusals];
}

describe("spans", () => {
  it("grow without bounds where nothing is refused", () => {
    expect(read(10_000_000, () => Infinity, { max: Infinity })[0]).to.be.lessThan(15);
  });

  it("find a limit, stay near it, and seldom try it again", () => {
    for (const limit of [1, 7, 800, 1000, 3000, 10_000]) {
      const [queries, refusals] = read(1000 * limit, () => limit);
      expect(queries - refusals).to.be.lessThan(1000 * 1.25 + 10);
      expect(refusals).to.be.lessThan(40);
    }
  });

  it("grow back when an endpoint allows more again", () => {
    const spans = createSpans();
    while (spans.size() > 10) spans.refused(spans.size());
    for (let i = 0; i < 200; i++) spans.took(spans.size(), 0);
    expect(spans.size()).to.equal(100_000);
  });

  it("aim at answers of a weight", () => {
    const spans = createSpans({ start: 1000, weight: 5000 });
    spans.took(1000, 100_000);
    expect(spans.size()).to.equal(50);
    spans.took(50, 5000);
    expect(spans.size()).to.equal(50);
    spans.took(50, 0);
    expect(spans.size()).to.equal(100);
    // The end of a range says little.
    spans.took(1, 0);
    expect(spans.size()).to.equal(100);
  });

  it("end whatever is refused when", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 20_000 }),
        (limits, total) => {
          const [queries] = read(total, (at) => limits[at % limits.length] ?? 1, {}, 3);
          expect(queries).to.be.lessThan(3 * total + 100);
        },
      ),
    );
  });
});
