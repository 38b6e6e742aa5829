/**
 * kill -9 in the middle of a dispute: the node process is killed at a point of its conversation with the chain, started again,
 * and must end the dispute as if nothing had happened. Here a sample of the points; kills.ts has all, every night.
 */
import { expect } from "chai";
import { pointText, type KillPoint } from "./interpose.ts";
import { expectRight, sendPoint } from "./kill.ts";
import { openStand, playDispute, type Side, type Stand } from "./killing.ts";

const SAMPLE: Readonly<Record<Side, readonly KillPoint[]>> = {
  challenger: [sendPoint(3, "pending")],
  operator: [sendPoint(0, "before")],
};

for (const side of ["challenger", "operator"] as const)
  describe(`a node that is killed as the ${side} of a dispute`, function () {
    this.timeout(280_000);
    let stand: Stand;
    before(async () => {
      stand = await openStand(side);
    });
    after(() => stand.stop());

    for (const point of SAMPLE[side])
      it(pointText(point), async () => {
        const outcome = await playDispute(stand, point);
        expect(outcome.fired, "the point came").to.equal(true);
        expectRight(side, outcome);
      });
  });
