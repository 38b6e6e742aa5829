/** kill -9 at every point of a dispute: the points are those that come in one without a kill. kill.test.ts has a sample. */
import { expect } from "chai";
import { messageOf } from "../../sdk/src/error.ts";
import { pointText } from "./interpose.ts";
import { expectRight, pointsOf } from "./kill.ts";
import { openStand, playDispute, type Side, type Stand } from "./killing.ts";

export function describeKills(side: Side): void {
  describe(`a node that is killed anywhere as the ${side} of a dispute`, () => {
    let stand: Stand;
    before(async () => {
      stand = await openStand(side);
    });
    after(() => stand.stop());

    it("ends it right, with each move mined once", async () => {
      const undisturbed = await playDispute(stand, undefined);
      expectRight(side, undisturbed);
      const points = pointsOf(undisturbed.seen);
      const failures: string[] = [];
      let fired = 0;
      for (const [i, point] of points.entries()) {
        try {
          const outcome = await playDispute(stand, point);
          if (outcome.fired) fired++;
          expectRight(side, outcome);
        } catch (error) {
          const failure = `${pointText(point)}: ${messageOf(error)}`;
          failures.push(failure);
          console.log(`      ${failure}`);
        }
        if (i % 10 === 9) console.log(`      ${i + 1} of ${points.length} points, ${failures.length} failed`);
      }
      expect(failures).to.deep.equal([]);
      // Polling calls come when they come: not each of them does in each dispute.
      expect(fired).to.be.above(points.length / 2);
    });
  });
}
