/**
 * An element of every instruction of the small networks, judged by the referee: the verdict, and gas and calldata against the
 * bounds that the lowering checks and the committed figures. The other networks' are in networks.nightly.ts.
 */
import { openCourt, type Court } from "./support/court.ts";
import { expectSnapshot } from "./support/snapshot.ts";
import { measureSteps } from "./support/steps.ts";
import { QUICK, runNetwork } from "./support/subject.ts";

describe("every instruction of", () => {
  let court: Court;
  before(async () => {
    court = await openCourt();
  });
  after(() => court.close());

  for (const name of QUICK)
    it(`${name} is judged right, at the committed gas`, async () => {
      expectSnapshot(`networks/${name}.steps`, await measureSteps(runNetwork(name), court));
    });
});
