/** kill -9 at every point of a dispute (kill.test.ts has a sample): the points are those that come in one without a kill. */
import { expect } from "chai";
import { messageOf } from "../../sdk/src/error.ts";
import { pointText } from "./interpose.ts";
import { expectRight, pointsOf } from "./kill.ts";
import { openStand, playDispute, type Stand } from "./killing.ts";

for (const side of ["challenger", "operator"] as const)
  describe(`a node that is killed anywhere as the ${side} of a dispute`, function () {
    let stand: Stand;
    before(async () => {
      stand = await openStand(side);
    });
    after(() => stand.stop());

    it("ends it right, with each move mined once", async () => {
      const undisturbed = await playDispute(stand, undefined);
      expectRight(side, undisturbed);
      const failures: string[] = [];
      let fired = 0;
      for (const point of pointsOf(undisturbed.seen)) {
        try {
          const outcome = await playDispute(stand, point);
          if (outcome.fired) fired++;
          expectRight(side, outcome);
        } catch (error) {
          failures.push(`${pointText(point)}: ${messageOf(error)}`);
        }
      }
      expect(failures).to.deep.equal([]);
      // Polling calls come when they come: not each of them does in each dispute.
      expect(fired).to.be.above(undisturbed.seen.length);
    });
  });
