import { expect } from "chai";
import { decodeRevert } from "./revert.ts";
import { Governed__factory, IDisputeGame__factory } from "./typechain.ts";

const ID = `0x${"12".repeat(32)}`;

describe("reverts", () => {
  it("are decoded with the names of states and verdicts, and the number of one that has none", () => {
    const [market, game] = [Governed__factory.createInterface(), IDisputeGame__factory.createInterface()];
    const texts = [
      market.encodeErrorResult("StateIs", [ID, 3]),
      market.encodeErrorResult("StateIs", [ID, 200]),
      game.encodeErrorResult("GameStateIs", [ID, 3]),
      game.encodeErrorResult("AlreadyDecided", [ID, 3]),
    ].map((data) => decodeRevert(data).args.at(-1));
    expect(texts).to.deep.equal(["state: final", "state: 200", "state: settled", "verdict: output"]);
  });
});
