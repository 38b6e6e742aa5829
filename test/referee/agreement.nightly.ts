import { expect } from "chai";
import { KINDS } from "../../program/src/testing/generate.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { foldEdges, fuzz } from "./agreement.ts";
import { deployReferee, type RefereeContract } from "./judging.ts";

/** Other cases every day, the same ones all day; the failing case names itself. */
const DAY = Math.floor(Date.now() / 86_400_000);

describe(`naive interpreter, fast interpreter and referee agree on every bit (day ${DAY})`, function () {
  this.timeout(7_200_000);
  let referee: RefereeContract;
  before(async () => {
    referee = await deployReferee();
  });

  it("of folds over pairs of edges", async () => {
    expect(await foldEdges(referee, seededRng(DAY), 40)).to.be.greaterThan(1000);
  });

  it(`of at least 30,000 elements of random instructions of all ${KINDS.length} kinds`, async () => {
    const rng = seededRng(DAY);
    let judged = 0;
    for (let round = 0; judged < 30_000; round++) {
      judged += await fuzz(referee, rng, KINDS, 4);
      console.log(`      ${judged} elements after ${round + 1} rounds of all kinds`);
    }
  });
});
