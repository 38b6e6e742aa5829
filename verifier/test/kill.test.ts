/**
 * kill -9 in the middle of a dispute: the node process is killed at a point of its conversation with the chain, started again,
 * and must end the dispute as if nothing had happened. Here a sample of the points; kill.nightly.ts has all.
 */
import { pointText } from "./interpose.ts";
import { expectRight, pointsOfSend } from "./kill.ts";
import { openStand, playDispute, type Side, type Stand } from "./killing.ts";
import { expect } from "chai";

/** One transaction of each side for each way to lose it. */
const SAMPLE: Readonly<Record<Side, readonly number[]>> = { challenger: [0, 1, 3], operator: [0, 2, 1] };

for (const side of ["challenger", "operator"] as const)
  describe(`a node that is killed as the ${side} of a dispute`, function () {
    this.timeout(280_000);
    let stand: Stand;
    before(async () => {
      stand = await openStand(side);
    });
    after(() => stand.stop());

    for (const [i, sends] of SAMPLE[side].entries()) {
      const point = pointsOfSend(sends)[i];
      if (point === undefined) throw new RangeError("no such point");
      it(pointText(point), async () => {
        const outcome = await playDispute(stand, point);
        expect(outcome.fired, "the point came").to.equal(true);
        expectRight(side, outcome);
      });
    }
  });
