import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { id, Interface } from "ethers";
import { deploymentSchema } from "../../sdk/src/deployment.ts";
import { create2Address, create3Address, createCall, CREATE_X_ARTIFACT, saltOf } from "./createx.ts";
import { renderIndex } from "./record.ts";

const DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

describe("the index of deployments", () => {
  it("has every file but the local one's, and only where things are", async () => {
    const folder = mkdtempSync(join(tmpdir(), "assay-index-"));
    try {
      const names = [...Object.keys(deploymentSchema.shape.addresses.shape), "authority"];
      const addresses = Object.fromEntries(names.map((name) => [name, DEPLOYER]));
      for (const [name, chainId] of [
        ["sepolia", 11155111],
        ["local", 31337],
      ] as const)
        writeFileSync(
          join(folder, `${name}.json`),
          JSON.stringify({ chainId, block: 1, addresses, treasury: OTHER }),
        );
      const text = await renderIndex(folder);
      expect(text).to.include('network: "sepolia"').and.not.include("local").and.not.include(OTHER);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("addresses through CreateX", () => {
  it("depend on deployer and label, and only by CREATE2 on the code", () => {
    const salt = saltOf(DEPLOYER, "assay-1");
    expect(salt).to.match(new RegExp(`^${DEPLOYER.toLowerCase()}00[0-9a-f]{22}$`));
    const places = [
      create2Address(DEPLOYER, salt, "0x00"),
      create2Address(DEPLOYER, salt, "0x01"),
      create2Address(OTHER, saltOf(OTHER, "assay-1"), "0x00"),
      create3Address(DEPLOYER, salt),
      create3Address(DEPLOYER, saltOf(DEPLOYER, "assay-2")),
    ];
    expect(new Set(places).size).to.equal(places.length);
  });

  it("are asked for by calls that decode to salt and code", () => {
    const salt = id("salt");
    const parsed = new Interface(CREATE_X_ARTIFACT.abi).parseTransaction({
      data: createCall("deployCreate3", salt, "0x600160"),
    });
    expect([parsed?.name, ...(parsed?.args ?? [])]).to.deep.equal(["deployCreate3", salt, "0x600160"]);
  });
});
