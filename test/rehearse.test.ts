/** The rehearsal of one network, the one with the shortest blocks; `npm run rehearse` does all. */
import { expect } from "chai";
import { Wallet } from "ethers";
import { SOURCES } from "../scripts/deploy/plan.ts";
import { PUBLIC_NETWORKS } from "../scripts/networks.ts";
import { rehearse } from "../scripts/rehearse/rehearse.ts";

describe("the rehearsal", function () {
  this.timeout(600_000);

  it("deploys to Arbitrum Sepolia's stand-in, killed once in the middle", async () => {
    const { chainId, gas, addresses } = await rehearse("arbitrumSepolia", Wallet.createRandom().privateKey);
    expect(chainId).to.equal(PUBLIC_NETWORKS.arbitrumSepolia.chainId);
    expect(gas).to.be.within(30_000_000, 40_000_000);
    expect(new Set(Object.values(addresses)).size).to.equal(Object.keys(SOURCES).length);
  });
});
