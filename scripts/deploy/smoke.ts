/**
 * Whether a deployment works, by reading alone: code, wiring, parameters, roles and their refusals, the ledgers, two verdicts of
 * the referee, which use most of what the chain's EVM must have, receipts and deposits. No operator is needed and nothing is left
 * behind.
 */
import { AssayError, messageOf } from "../../sdk/src/error.ts";
import { ADMIN_ROLE } from "../../sdk/src/governance.ts";
import { unpackParameters } from "../../sdk/src/parameters.ts";
import { digestOf, type Place, type Receipt, type Voucher } from "../../sdk/src/receipts.ts";
import { asRevert, revertName } from "../../sdk/src/revert.ts";
import { address, ZERO_ADDRESS, type Hex } from "../../sdk/src/structs.ts";
import { checkWiring, contractsOf } from "../deployment.ts";
import type { Plan } from "./plan.ts";
import type { Connection } from "./send.ts";
import { verdictCall } from "./verdict.ts";

const HOUR = 3600n;
const STRANGER = "0x000000000000000000000000000000000000bEEF";
const HASH: Hex = `0x${"5e".repeat(32)}`;
const RECEIPT: Receipt = {
  ...{ requestHash: HASH, releaseId: HASH, inputsRoot: HASH, outputHash: HASH },
  ...{ operator: STRANGER, issuedAt: 1, bondClass: 0 },
};
const VOUCHER: Voucher = { client: STRANGER, operator: STRANGER, totalWei: 1n };
const LEAST_BOND_WEI = 10n ** 15n;

/** @throws Error */
function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (String(actual).toLowerCase() !== String(expected).toLowerCase())
    throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}

/** @throws Error if a call is not refused with this error of the contracts. */
async function expectRefusal(what: string, call: Promise<unknown>, refusal: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    const name = revertName(asRevert(what, error));
    if (name === refusal) return;
    throw new Error(`${what} fails with ${name ?? messageOf(error)}, not ${refusal}`, { cause: error });
  }
  throw new Error(`${what} is not refused`);
}

/** What is checked, by name; each throws an Error that says what is wrong. */
async function checksOf(
  connection: Connection,
  plan: Plan,
): Promise<Readonly<Record<string, () => Promise<void>>>> {
  const { provider } = connection.ethers;
  const contracts = await contractsOf(connection, plan);
  const { authority, referee } = contracts;
  // Not through the deployer's signer, since others' calls are tried too.
  const [market, registry, receipts, deposits] = [
    contracts.market.connect(provider),
    contracts.registry.connect(provider),
    contracts.receipts.connect(provider),
    contracts.deposits.connect(provider),
  ];
  const { admin, adminDelaySeconds, guardian, treasury, deployer, network } = plan;
  const marketAt = plan.addresses.InferenceMarket;
  const place: Place = {
    chainId: Number((await provider.getNetwork()).chainId),
    receipts: address.parse(plan.addresses.Receipts),
    deposits: address.parse(plan.addresses.Deposits),
  };
  return {
    code: async () => {
      // Running a constructor gives the code with its immutables, on this very chain; an EIP-712 domain has its own address in it.
      for (const { name, address: at, initCode } of plan.steps) {
        const made: unknown = await provider.send("eth_call", [
          { to: at },
          "latest",
          { [at]: { code: initCode } },
        ]);
        if ((await provider.getCode(at)) !== made)
          throw new Error(`the code of ${name} at ${at} is not what these sources give`);
      }
    },
    wiring: () => checkWiring(contracts, treasury),
    parameters: async () => {
      expectEqual("floorSeconds", await market.floorSeconds(), network.floorSeconds);
      const set = unpackParameters(await market.packedParameters());
      expectEqual("parameters", JSON.stringify(set), JSON.stringify({ ...set, ...network.parameters }));
    },
    roles: async () => {
      const guardianRole = await authority.GUARDIAN_ROLE();
      const [isAdmin, delay] = await authority.hasRole(ADMIN_ROLE, admin);
      expectEqual("the admin's role", isAdmin, true);
      expectEqual("the admin's delay", delay, adminDelaySeconds);
      const [isGuardian] = await authority.hasRole(guardianRole, guardian);
      expectEqual("the guardian's role", isGuardian, true);
      for (const [name, role] of [
        ["setParameters", ADMIN_ROLE],
        ["pause", guardianRole],
        ["unpause", guardianRole],
      ] as const) {
        const { selector } = market.getFunction(name).fragment;
        expectEqual(`${name}'s role`, await authority.getTargetFunctionRole(marketAt, selector), role);
      }
      if (deployer !== admin)
        expectEqual("the deployer's role", (await authority.hasRole(ADMIN_ROLE, deployer))[0], false);
    },
    refusals: async () => {
      const set = { ...network.parameters };
      const pause = (from: string): Promise<void> => market.pause.staticCall(HOUR, { from });
      if ((await market.pausedUntil()) === 0n) await pause(guardian);
      await expectRefusal("a stranger's pause", pause(STRANGER), "AccessManagedUnauthorized");
      const change = (from: string): Promise<void> => market.setParameters.staticCall(set, { from });
      await expectRefusal("a stranger's change", change(STRANGER), "AccessManagedUnauthorized");
      if (adminDelaySeconds === 0) await change(admin);
      else await expectRefusal("a change without notice", change(admin), "AccessManagerNotScheduled");
    },
    registry: async () => {
      const modelId = await registry.createModel.staticCall("smoke", { from: deployer });
      expectEqual("the next model", modelId, (await registry.modelCount()) + 1n);
    },
    ledgers: async () => {
      for (const name of ["vault", "receiptsVault"] as const) {
        const vault = contracts[name].connect(provider);
        await vault.deposit.staticCall({ from: deployer, value: 1n });
        const withdrawal = vault.withdraw.staticCall(1n, ZERO_ADDRESS, { from: STRANGER });
        await expectRefusal(`a withdrawal of nothing from ${name}`, withdrawal, "InsufficientFree");
      }
    },
    referee: async () => {
      for (const right of [true, false])
        expectEqual("the verdict", await referee.judgeStep(...verdictCall(right)), !right);
    },
    receipts: async () => {
      expectEqual("the least bond", await receipts.bondOf(0), LEAST_BOND_WEI);
      expectEqual("a digest", await receipts.digestOf(RECEIPT), digestOf(place, "Receipt", RECEIPT));
      await receipts.addReserve.staticCall({ from: deployer, value: 1n });
      const game = receipts.openGame.staticCall(HASH, HASH, { from: STRANGER });
      await expectRefusal("a stranger's game", game, "NotGame");
    },
    deposits: async () => {
      expectEqual("a digest", await deposits.digestOf(VOUCHER), digestOf(place, "Voucher", VOUCHER));
      await deposits.deposit.staticCall(STRANGER, deployer, { from: deployer, value: 1n });
      const withdrawal = deposits.withdraw.staticCall(STRANGER, STRANGER, { from: STRANGER });
      await expectRefusal("a withdrawal without notice", withdrawal, "NotLeaving");
    },
  };
}

/** @returns the names of the checks. @throws {AssayError} BAD_DEPLOYMENT naming all that failed. */
export async function smokeTest(connection: Connection, plan: Plan): Promise<readonly string[]> {
  const checks = Object.entries(await checksOf(connection, plan));
  const failures: [name: string, message: string][] = [];
  for (const [name, check] of checks) {
    try {
      await check();
    } catch (error) {
      failures.push([name, messageOf(error)]);
    }
  }
  if (failures.length > 0)
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `the smoke test failed.\n  ${failures.map((failure) => failure.join(": ")).join("\n  ")}`,
      { details: { failed: failures.map(([name]) => name) } },
    );
  return checks.map(([name]) => name);
}
