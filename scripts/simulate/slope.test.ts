import { expect } from "chai";
import fc from "fast-check";
import { growthOf, slopeOf, type Sample } from "./slope.ts";

function series(value: (at: number) => number, count = 121, step = 30): Sample[] {
  return Array.from({ length: count }, (_, i) => ({ at: i * step, value: value(i * step) }));
}

describe("slope", () => {
  it("of a line is the line's", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 0, max: 1e9 }), (slope, start) => {
        expect(slopeOf(series((at) => start + slope * at, 40))).to.be.closeTo(slope, 1e-6);
      }),
    );
  });

  it("is not moved by outliers, where least squares would be", () => {
    expect(slopeOf(series((at) => (at % 300 === 0 ? 1e12 * at : 5)))).to.equal(0);
  });

  it("of saw teeth is that of their ground", () => {
    const saw = (at: number): number => 100e6 + 1000 * at + 20e6 * ((at % 420) / 420);
    expect(slopeOf(series(saw))).to.be.closeTo(1000, 1500);
    expect(slopeOf(series((at) => saw(at) - 1000 * at))).to.be.closeTo(0, 1500);
  });

  it("needs two times", () => {
    expect(slopeOf([])).to.be.NaN;
    expect(
      slopeOf([
        { at: 1, value: 1 },
        { at: 1, value: 2 },
      ]),
    ).to.be.NaN;
  });

  it("bears many samples", () => {
    expect(slopeOf(series((at) => 2 * at, 50_000, 1))).to.equal(2);
  });
});

describe("growth", () => {
  it("leaves the warm-up out", () => {
    const warm = series((at) => 1e6 * Math.min(at, 1800));
    expect(growthOf(warm, 0.5)).to.deep.include({ perHour: 0, share: 0, median: 18e8, max: 18e8 });
    expect(growthOf(warm, 0).perHour).to.be.above(0);
  });

  it("finds a leak of a megabyte a minute", () => {
    const growth = growthOf(series((at) => 2e8 + (at / 60) * 1e6 + 5e6 * Math.sin(at)));
    expect(growth.perHour).to.be.closeTo(60e6, 10e6);
    expect(growth.share).to.be.closeTo(0.25, 0.1);
  });
});
