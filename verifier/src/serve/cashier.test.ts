import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { VoidSigner } from "ethers";
import { connect } from "../../../sdk/src/contracts.ts";
import { ZERO_ADDRESS, ZERO_HASH, type Hex } from "../../../sdk/src/structs.ts";
import { testLog } from "../../test/world.ts";
import type { Intent, Sender } from "../chain/outbox/intent.ts";
import { depositKey, emptyState } from "../chain/state.ts";
import type { PurseState } from "../state/receipts.ts";
import { createCashier } from "./cashier.ts";
import { createDigests, digestSigner } from "./digests.ts";

const KEY = digestSigner(`0x${"11".repeat(32)}`);
const ME = KEY.address;
const CLIENT: Hex = `0x${"c1".repeat(20)}`;
const HEAD = { number: 1, hash: ZERO_HASH, parentHash: ZERO_HASH, timestamp: 1, baseFee: 1n };

/** The redeeming that a new process asks for. */
async function redeeming(totalWei: bigint, redeemedWei: bigint): Promise<Intent> {
  const at = ZERO_ADDRESS;
  const addresses = { registry: at, vault: at, market: at, game: at, referee: at, directory: at };
  const court = { receipts: at, receiptsVault: at, receiptsGame: at, deposits: at };
  const deployment = { chainId: 31337, block: 0, addresses: { ...addresses, ...court } };
  const sent: Intent[] = [];
  const sender: Sender = {
    address: ME,
    send: (intent) => {
      sent.push(intent);
      return new Promise(() => undefined);
    },
    stats: () => ({ queued: 0, inFlight: 0, routineSpentWei: 0n, troubles: new Map() }),
    close: () => Promise.resolve(),
  };
  const signature: Hex = `0x${"22".repeat(65)}`;
  const voucher = { totalWei, order: ZERO_HASH, signature };
  const purses: readonly PurseState[] = [{ client: CLIENT, owedWei: totalWei, voucher }];
  const cashier = createCashier(
    { contracts: connect(deployment, new VoidSigner(ME)), sender, log: testLog },
    {
      signer: KEY,
      digests: createDigests({ chainId: 31337, receipts: at, deposits: at }),
      store: { purses: () => Promise.resolve(purses), purge: () => Promise.resolve() },
      redeemFromWei: 1n,
    },
  );
  const state = emptyState();
  const deposit = {
    client: CLIENT,
    operator: ME,
    signer: CLIENT,
    depositWei: 100n,
    redeemedWei,
    leavesAt: 0,
  };
  state.deposits.set(depositKey(CLIENT, ME), deposit);
  cashier.duties(state, HEAD);
  // The purses are read meanwhile.
  await setImmediate();
  void cashier
    .duties(state, HEAD)
    .find(({ key }) => key === "redeem")
    ?.run();
  const [intent] = sent;
  if (intent === undefined) throw new Error("nothing was redeemed");
  return intent;
}

describe("redeeming of vouchers", () => {
  it("is the same move in another process, so that none is sent twice", async () => {
    const first = await redeeming(10n, 0n);
    const { key, data } = await redeeming(10n, 0n);
    expect({ key, data }).to.deep.equal({ key: first.key, data: first.data });
  });

  it("is another move once something was redeemed, or more was promised", async () => {
    const keys = [await redeeming(200n, 0n), await redeeming(200n, 50n), await redeeming(60n, 50n)].map(
      ({ key }) => key,
    );
    expect(new Set(keys).size).to.equal(3);
  });
});
