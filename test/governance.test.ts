/** Who can do what, as read from a chain where roles have been used. */
import { expect } from "chai";
import { network } from "hardhat";
import { deployAssay, describeDeployment, planFor } from "../scripts/deployment.ts";
import { adminDelaySeconds, networkParameters } from "../scripts/networks.ts";
import { recordOf } from "../scripts/deploy/record.ts";
import { smokeTest } from "../scripts/deploy/smoke.ts";
import { sourcesOf } from "../scripts/deploy/sources.ts";
import { AssayError } from "../sdk/src/error.ts";
import { readGovernance } from "../sdk/src/governance.ts";
import { governanceRows } from "../verifier/src/cli/roles.ts";

const SEPOLIA = 11155111n;
const DELAY = adminDelaySeconds(SEPOLIA);
const HELPERS = 7n;

async function open() {
  const connection = await network.create();
  const { ethers, networkHelpers } = connection;
  const [, admin, guardian, helper, treasury] = await ethers.getSigners();
  if (!admin || !guardian || !helper || !treasury) throw new Error("five accounts are needed");
  // As on a public network.
  const options = {
    admin: admin.address,
    adminDelaySeconds: DELAY,
    guardian: guardian.address,
    treasury: treasury.address,
    network: networkParameters(SEPOLIA),
  };
  const deployed = await deployAssay(connection, options);
  const deployment = await describeDeployment(deployed);
  const read = () => readGovernance({ deployment }, ethers.provider);
  return { connection, ethers, networkHelpers, admin, guardian, helper, options, deployed, read };
}

describe("roles", () => {
  it("stand from the first block on", async () => {
    const { admin, guardian, deployed, read } = await open();
    const governance = await read();
    const [admins, guardians, ...others] = governance.roles;
    expect(others).to.deep.equal([]);
    expect(admins).to.deep.include({ id: 0n, label: "ADMIN", may: ["setParameters"] });
    expect(admins?.members).to.have.length(1);
    expect(admins?.members[0]).to.deep.include({ account: admin.address, delaySeconds: DELAY });
    expect(guardians).to.deep.include({ id: 1n, label: "GUARDIAN", admin: 0n, may: ["pause", "unpause"] });
    expect(guardians?.members[0]).to.deep.include({ account: guardian.address, delaySeconds: 0 });
    expect(governance.authority).to.equal(await deployed.authority.getAddress());
    expect(governance.parameters).to.deep.equal(networkParameters(SEPOLIA).parameters);
    expect(governance.bounds.minWindow).to.deep.equal({ min: 3600, max: 7 * 86_400 });
    expect(governance).to.deep.include({ scheduled: [], closed: false, pausedUntil: 0, floorSeconds: 3600 });
  });

  it("show what was announced until it is done, and what it did", async () => {
    const { networkHelpers, admin, guardian, helper, deployed, read } = await open();
    const { authority, market } = deployed;
    const marketAt = await market.getAddress();
    const set = { ...networkParameters(SEPOLIA).parameters, protocolFeeBps: 250 };
    const change = market.interface.encodeFunctionData("setParameters", [set]);
    const grant = authority.interface.encodeFunctionData("grantRole", [HELPERS, helper.address, 60n]);
    await authority.connect(admin).schedule(marketAt, change, 0n);
    await authority.connect(admin).schedule(await authority.getAddress(), grant, 0n);
    await market.connect(guardian).pause(3600n);

    const before = await read();
    expect(before.scheduled.map(({ call }) => call)).to.deep.equal([
      `setParameters(${Object.values(before.parameters).with(0, 250).join(",")})`,
      `grantRole(7, ${helper.address}, 60)`,
    ]);
    expect(before.scheduled[0]?.readyAt).to.be.greaterThanOrEqual(before.now + DELAY - 10);
    expect(before.pausedUntil).to.be.greaterThan(before.now);
    const text = governanceRows(before).flat().join("\n");
    for (const part of ["2 d after announcing it", "at once", "grantRole", "paused until"])
      expect(text).to.include(part);

    await networkHelpers.time.increase(DELAY);
    await market.connect(admin).setParameters(set);
    await authority.connect(admin).grantRole(HELPERS, helper.address, 60n);
    const after = await read();
    expect(after.scheduled).to.deep.equal([]);
    expect(after.parameters.protocolFeeBps).to.equal(250);
    const role = after.roles.find(({ id }) => id === HELPERS);
    expect(role).to.deep.include({ may: [] });
    expect(role?.members[0]).to.deep.include({ account: helper.address, delaySeconds: 60 });
    // Renouncing leaves no member behind, though the event that granted the role stays.
    await authority.connect(helper).renounceRole(HELPERS, helper.address);
    expect((await read()).roles.find(({ id }) => id === HELPERS)?.members).to.deep.equal([]);
  });
});

describe("the sources to be published", () => {
  it("are those of every contract, with the arguments that it was deployed with", async () => {
    const { connection, options } = await open();
    const plan = await planFor(connection, options);
    const record = recordOf(plan, { network: "sepolia", chainId: SEPOLIA, block: 1 });
    const planned = plan.steps.map(({ name, address, args }) => ({ name, address, constructorArgs: args }));
    expect(sourcesOf(record)).to.deep.equal(planned);
  });
});

describe("the smoke test", () => {
  it("passes on what was planned, and says what differs from another plan", async () => {
    const { connection, options } = await open();
    const plan = await planFor(connection, options);
    expect(await smokeTest(connection, plan)).to.include.members(["code", "roles", "referee", "receipts"]);
    const parameters = { ...options.network.parameters, protocolFeeBps: 7 };
    const others = {
      parameters: { ...plan, network: { ...options.network, parameters } },
      roles: { ...plan, guardian: plan.treasury },
      wiring: { ...plan, treasury: plan.guardian },
      code: { ...plan, steps: plan.steps.map((step) => ({ ...step, initCode: "0x00" })) },
    };
    for (const [check, other] of Object.entries(others)) {
      const failure = await smokeTest(connection, other).catch((error: unknown) => error);
      expect(failure, check).to.be.instanceOf(AssayError);
      if (failure instanceof AssayError) {
        expect(failure.code).to.equal("BAD_DEPLOYMENT");
        expect(failure.details["failed"], check).to.include(check);
      }
    }
  });
});
