import { expect } from "chai";
import { KINDS } from "../../program/src/testing/generate.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { foldEdges, fuzz } from "./agreement.ts";
import { deployReferee, type RefereeContract } from "./judging.ts";

/** A quarter of all kinds; the nightly run takes all. */
const KIND_STRIDE = 4;

describe("naive interpreter, fast interpreter and referee agree on every bit", function () {
  this.timeout(300_000);
  let referee: RefereeContract;
  before(async () => {
    referee = await deployReferee();
  });

  it("of folds over pairs of edges", async () => {
    expect(await foldEdges(referee, seededRng(1), 2)).to.be.greaterThan(100);
  });

  it("of at least 500 elements of random instructions", async () => {
    const kinds = KINDS.filter((_, i) => i % KIND_STRIDE === 1);
    expect(await fuzz(referee, seededRng(20_241_121), kinds, 2)).to.be.at.least(500);
  });
});
