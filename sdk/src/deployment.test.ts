import { readFileSync } from "node:fs";
import { expect } from "chai";
import { INDEX, renderIndex } from "../../scripts/deploy/record.ts";
import { deploymentOf, type NamedDeployment } from "./deployment.ts";
import { AssayError } from "./error.ts";

const addresses = {
  registry: `0x${"01".repeat(20)}`,
  vault: `0x${"02".repeat(20)}`,
  market: `0x${"03".repeat(20)}`,
  game: `0x${"04".repeat(20)}`,
  referee: `0x${"05".repeat(20)}`,
  directory: `0x${"06".repeat(20)}`,
  receipts: `0x${"07".repeat(20)}`,
  receiptsVault: `0x${"08".repeat(20)}`,
  receiptsGame: `0x${"09".repeat(20)}`,
  deposits: `0x${"0a".repeat(20)}`,
} as const;
const KNOWN: readonly NamedDeployment[] = [
  { network: "sepolia", chainId: 11155111, block: 5, addresses },
  { network: "baseSepolia", chainId: 84532, block: 9, addresses },
];

describe("deploymentOf", () => {
  it("finds a deployment by its chain", () => {
    expect(deploymentOf(84532, KNOWN).network).to.equal("baseSepolia");
    expect(deploymentOf(11155111n, KNOWN).block).to.equal(5);
  });

  it("says which chains are known if there is none", () => {
    try {
      deploymentOf(1, KNOWN);
      expect.fail("chain 1 has none");
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      expect(error.code).to.equal("BAD_DEPLOYMENT");
      expect(error.details).to.deep.equal({ chainId: 1, known: [11155111, 84532] });
      expect(error.message).to.include("sepolia (11155111)");
    }
  });

  it("knows exactly the files of deployments/", async () => {
    expect(readFileSync(INDEX, "utf8")).to.equal(await renderIndex());
  });
});
