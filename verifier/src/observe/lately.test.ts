import { expect } from "chai";
import { createDeepest, createPersistence } from "./lately.ts";

describe("what was lately", () => {
  it("keeps the deepest for its hour, whatever shallow ones follow", () => {
    const deepest = createDeepest(3600);
    expect(deepest.depth(0)).to.equal(undefined);
    deepest.saw(9, 0);
    for (let at = 60; at <= 7200; at += 60) deepest.saw(1, at);
    expect(deepest.depth(7200)).to.equal(1);
    expect(deepest.depth(10_800)).to.equal(undefined);

    const other = createDeepest(3600);
    other.saw(9, 0);
    other.saw(2, 100);
    other.saw(4, 1000);
    other.saw(1, 2000);
    const depths = [2000, 3599, 3600, 4599, 4600, 5599, 5600].map((at) => other.depth(at));
    expect(depths).to.deep.equal([9, 9, 4, 4, 1, 1, undefined]);
  });

  it("tells what goes on from what happens once", () => {
    const persists = createPersistence();
    expect(persists(0, 0)).to.equal(false);
    // One block replaced: several contradictions at once.
    expect([persists(3, 10), persists(3, 100)]).to.deep.equal([false, false]);
    // An hour later they do not end.
    expect([3610, 3640, 3669].map((at, i) => persists(4 + i, at))).to.deep.equal([false, false, false]);
    expect(persists(9, 3670)).to.equal(true);
    expect([persists(9, 3790), persists(9, 3791)]).to.deep.equal([true, false]);
    expect(persists(10, 3900)).to.equal(false);
  });
});
