import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { VoidSigner } from "ethers";
import { connect } from "../../../sdk/src/contracts.ts";
import { parseDeployment } from "../../../sdk/src/deployment.ts";
import { ZERO_HASH } from "../../../sdk/src/structs.ts";
import { testLog } from "../../test/world.ts";
import type { Intent } from "../chain/outbox/intent.ts";
import { depositKey, emptyState, type ChainState } from "../chain/state.ts";
import { createRunTimes } from "../economics/runTimes.ts";
import { createAnnouncer } from "../roles/announcer.ts";
import type { RoleContext } from "../roles/role.ts";
import type { PurseState } from "../state/receipts.ts";
import { createCashier } from "./cashier.ts";
import { createDigests, digestSigner, type DigestSigner } from "./digests.ts";

const SIGNER = digestSigner(`0x${"11".repeat(32)}`);
const CLIENT = digestSigner(`0x${"22".repeat(32)}`);
const OTHER = digestSigner(`0x${"33".repeat(32)}`);
const NAMES = ["registry", "vault", "market", "game", "referee", "directory"];
const MORE = ["receipts", "receiptsVault", "receiptsGame", "deposits"];
const addresses = Object.fromEntries(
  [...NAMES, ...MORE].map((name, i) => [name, `0x${String(i).repeat(40)}`]),
);
const deployment = parseDeployment({ chainId: 31337, block: 0, addresses });
const contracts = connect(deployment, new VoidSigner(SIGNER.address));
const { receipts, deposits } = deployment.addresses;
const digests = createDigests({ chainId: 31337, receipts, deposits });
const HEAD = { number: 1, hash: ZERO_HASH, parentHash: ZERO_HASH, timestamp: 1, baseFee: 1n };

describe("redeeming vouchers", () => {
  const sent: Intent[] = [];
  let purses: PurseState[];

  function contextOf(): Pick<RoleContext, "contracts" | "sender" | "log"> {
    return {
      contracts,
      sender: {
        address: SIGNER.address,
        send(intent) {
          sent.push(intent);
          return Promise.reject(new Error("killed before it was mined"));
        },
        stats: () => ({ queued: 0, inFlight: 0, routineSpentWei: 0n, troubles: new Map() }),
        close: () => Promise.resolve(),
      },
      log: testLog,
    };
  }

  /** A process of the operator: each knows what is in the database and on the chain, and nothing of the others. */
  function cashier() {
    return createCashier(contextOf(), {
      signer: SIGNER,
      digests,
      store: { purses: () => Promise.resolve(purses), purge: () => Promise.resolve() },
      redeemFromWei: 5n,
    });
  }

  function stateOf(depositWei: bigint, redeemedWei: bigint): ChainState {
    const state = emptyState();
    const operator = SIGNER.address;
    for (const { address: client } of [CLIENT, OTHER]) {
      const deposit = { client, operator, signer: client, depositWei, redeemedWei, leavesAt: 0 };
      state.deposits.set(depositKey(client, operator), deposit);
    }
    state.keys.set(SIGNER.address, { operator, until: Number.MAX_SAFE_INTEGER });
    return state;
  }

  function promised({ address: client }: DigestSigner, totalWei: bigint, by: DigestSigner): PurseState {
    const voucher = { client, operator: SIGNER.address, totalWei, order: ZERO_HASH };
    const signature = by.sign(digests.digestOf("Voucher", voucher));
    return { client, owedWei: 20n, voucher: { totalWei, order: ZERO_HASH, signature } };
  }

  async function redeem(state: ChainState): Promise<string | undefined> {
    const role = cashier();
    role.duties(state, HEAD);
    await setImmediate();
    const [duty] = role.duties(state, HEAD);
    await duty?.run(false).catch(() => undefined);
    return duty === undefined ? undefined : sent.at(-1)?.key;
  }

  it("asks for the same sums by the same key, whoever asks, and for others by another", async () => {
    purses = [promised(CLIENT, 20n, CLIENT)];
    const first = await redeem(stateOf(10n, 0n));
    expect(first).to.match(/^redeem:/);
    // Killed, or the chain shows it later: what was sent is found by its key.
    expect(await redeem(stateOf(10n, 0n))).to.equal(first);
    expect(await redeem(stateOf(10n, 10n))).to.equal(undefined);
    // The same voucher is worth more once the deposit holds more.
    expect(await redeem(stateOf(18n, 10n))).to.not.be.oneOf([first, undefined]);
  });

  it("leaves out a voucher that the contract would not take, and redeems the others", async () => {
    const state = stateOf(10n, 0n);
    const good = promised(CLIENT, 20n, CLIENT);
    const { client, voucher } = good;
    const { totalWei, order, signature } = voucher;
    const operator = SIGNER.address;
    const data = contracts.deposits.interface.encodeFunctionData("redeem", [
      [{ client, operator, totalWei, order }],
      [signature],
      operator,
    ]);
    for (const bad of [promised(OTHER, 2n ** 96n, OTHER), promised(OTHER, 20n, CLIENT)]) {
      sent.length = 0;
      purses = [bad, good];
      await redeem(state);
      expect(sent.map((intent) => intent.data)).to.deep.equal([data]);
      // Alone it is no reason to do anything, once it was looked at.
      purses = [bad];
      const role = cashier();
      role.duties(state, HEAD);
      await setImmediate();
      for (const duty of role.duties(state, HEAD)) await duty.run(false);
      expect(role.duties(state, HEAD)).to.deep.equal([]);
      expect(sent).to.have.length(1);
    }
  });

  it("waits for no process that only announces", async () => {
    purses = [promised(CLIENT, 20n, CLIENT)];
    const state = stateOf(20n, 0n);
    state.keys.clear();
    state.parameters = 0n;
    const context = {
      ...contextOf(),
      releases: {
        prepare: () => Promise.reject(new Error("there are none")),
        ready: () => undefined,
        failure: () => undefined,
      },
      runTimes: createRunTimes(),
      gasPrice: () => ({ baseFee: 1n, tip: 1n }),
    };
    const announcer = createAnnouncer(context, { endpoints: ["https://a.example"], terms: undefined });
    const role = cashier();
    role.duties(state, HEAD);
    await setImmediate();
    const subjects = [announcer, role].map((one) => one.duties(state, HEAD).map(({ subject }) => subject));
    expect(subjects.map(({ length }) => length)).to.deep.equal([1, 2]);
    expect(subjects[1]).not.to.include(subjects[0]?.[0]);
  });
});
