/** Every network's rehearsal, side by side, with one deployer. */
import { expect } from "chai";
import { Wallet } from "ethers";
import { SOURCES } from "../scripts/deploy/plan.ts";
import { PUBLIC_NETWORKS, type PublicNetwork } from "../scripts/networks.ts";
import { rehearse } from "../scripts/rehearse/rehearse.ts";

const NETWORKS = Object.keys(PUBLIC_NETWORKS).filter((name): name is PublicNetwork =>
  Object.hasOwn(PUBLIC_NETWORKS, name),
);

describe("the rehearsal", function () {
  this.timeout(1_800_000);

  it("deploys to the same addresses on every network's stand-in, killed once in the middle", async () => {
    const key = Wallet.createRandom().privateKey;
    const all = await Promise.all(NETWORKS.map((name) => rehearse(name, key)));
    expect(all.map(({ chainId }) => chainId)).to.deep.equal(
      NETWORKS.map((name) => PUBLIC_NETWORKS[name].chainId),
    );
    for (const { gas, addresses } of all) {
      expect(gas).to.be.within(30_000_000, 40_000_000);
      expect(new Set(Object.values(addresses)).size).to.equal(Object.keys(SOURCES).length);
    }
    expect(new Set(all.map(({ addresses }) => JSON.stringify(addresses))).size).to.equal(1);
  });
});
