/** Plays in which a node is killed with kill -9: at every point that comes in one without a kill, or at some of them. */
import { expect } from "chai";
import { messageOf } from "../../sdk/src/error.ts";
import { pointText, type Interposer, type KillPoint } from "./interpose.ts";
import { expectRight, pointsOf } from "./kill.ts";
import { playDispute, type Outcome, type Stage } from "./killDispute.ts";

interface Played {
  /** Whether the point came at all. */
  readonly fired: boolean;
  readonly seen: Interposer["seen"];
}

/** What is played, on one stage as often as there are points. */
export interface Plot<S, P extends Played> {
  /** What the node is that is killed. */
  readonly role: string;
  open(): Promise<S>;
  play(stage: S, point: KillPoint | undefined): Promise<P>;
  /** @throws AssertionError */
  expectRight(played: P): Promise<void>;
}

export function disputeOf(role: string, open: () => Promise<Stage>): Plot<Stage, Outcome> {
  return { role, open, play: playDispute, expectRight };
}

interface Stoppable {
  stop(): Promise<void>;
}

/** For each night: takes half an hour. */
export function describeKills<S extends Stoppable, P extends Played>(plot: Plot<S, P>): void {
  describe(`a node that is killed anywhere as ${plot.role}`, () => {
    let stage: S;
    before(async () => {
      stage = await plot.open();
    });
    after(() => stage.stop());

    it("ends it right, with each move mined once", async () => {
      const undisturbed = await plot.play(stage, undefined);
      await plot.expectRight(undisturbed);
      const points = pointsOf(undisturbed.seen);
      const failures: string[] = [];
      let fired = 0;
      for (const [i, point] of points.entries()) {
        try {
          const played = await plot.play(stage, point);
          if (played.fired) fired++;
          await plot.expectRight(played);
        } catch (error) {
          const failure = `${pointText(point)}: ${messageOf(error)}`;
          failures.push(failure);
          console.log(`      ${failure}`);
        }
        if (i % 10 === 9) console.log(`      ${i + 1} of ${points.length} points, ${failures.length} failed`);
      }
      console.log(`      ${points.length} points, of which ${fired} came, ${failures.length} failed`);
      expect(failures).to.deep.equal([]);
      // Polling calls come when they come: not each of them does in each play.
      expect(fired).to.be.above(points.length / 2);
    });
  });
}

/** For each day. */
export function describeSample<S extends Stoppable, P extends Played>(
  plot: Plot<S, P>,
  points: readonly KillPoint[],
): void {
  describe(`a node that is killed as ${plot.role}`, function () {
    this.timeout(280_000);
    let stage: S;
    before(async () => {
      stage = await plot.open();
    });
    after(() => stage.stop());

    for (const point of points)
      it(pointText(point), async () => {
        const played = await plot.play(stage, point);
        expect(played.fired, "the point came").to.equal(true);
        await plot.expectRight(played);
      });
  });
}
