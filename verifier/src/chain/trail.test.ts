import { expect } from "chai";
import type { Hex } from "../../../sdk/src/structs.ts";
import { createTrail, type Anchor } from "./trail.ts";

function anchor(number: number): Anchor {
  const hash: Hex = `0x${number.toString(16).padStart(64, "0")}`;
  return { number, hash };
}

describe("trail", () => {
  it("keeps what may be undone, and one block that is final", () => {
    const trail = createTrail(1, 10, []);
    expect([trail.last(), trail.isShort()]).to.deep.equal([0, true]);
    for (const number of [5, 8, 10]) trail.extend(anchor(number));
    expect(trail.isShort()).to.equal(true);
    for (const number of [17, 18, 19]) trail.extend(anchor(number));
    // 19 - 10 = 9: block 8 is final, block 10 is not.
    expect(trail.upTo(99).map(({ number }) => number)).to.deep.equal([8, 10, 17, 18, 19]);
    expect(trail.isShort()).to.equal(false);
    trail.cut(12);
    expect([trail.last(), trail.lastHash()]).to.deep.equal([10, anchor(10).hash]);
    expect(trail.isShort()).to.equal(false);
  });

  it("goes on where it was told", () => {
    const trail = createTrail(7, 3, [anchor(6), anchor(7), anchor(8), anchor(20)]);
    expect([trail.last(), trail.isShort()]).to.deep.equal([20, false]);
    expect(trail.upTo(19).map(({ number }) => number)).to.deep.equal([8]);
  });
});
