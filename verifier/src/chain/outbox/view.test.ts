import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { createGapWatch } from "./view.ts";

const GAP_MS = 50;

describe("a gap watch", () => {
  const pending = (...nonces: number[]): { nonce: number; state: "pending" }[] =>
    nonces.map((nonce) => ({ nonce, state: "pending" }));

  it("waits once, whatever is missing in a row, if we fill it", async () => {
    const isBlocked = createGapWatch(GAP_MS);
    // An endpoint has told of sixty that there are not, and ours went behind them.
    expect(isBlocked({ nonce: 5, pendingNonce: 65 }, pending(65))).to.equal(false);
    await sleep(GAP_MS);
    for (let nonce = 5; nonce < 65; nonce++) {
      expect(isBlocked({ nonce, pendingNonce: 65 }, pending(65))).to.equal(true);
      const filled = pending(nonce, 65);
      expect(isBlocked({ nonce, pendingNonce: 65 }, filled)).to.equal(false);
      expect(isBlocked({ nonce: nonce + 1, pendingNonce: 65 }, filled)).to.equal(nonce < 64);
    }
    expect(isBlocked({ nonce: 66, pendingNonce: 66 }, [])).to.equal(false);
  });

  it("waits again after another's transaction was mined, and after ours that was no gap", async () => {
    const isBlocked = createGapWatch(GAP_MS);
    for (const nonce of [5, 6]) {
      expect(isBlocked({ nonce, pendingNonce: 9 }, [])).to.equal(false);
      await sleep(GAP_MS);
      expect(isBlocked({ nonce, pendingNonce: 9 }, [])).to.equal(true);
    }
    expect(isBlocked({ nonce: 7, pendingNonce: 9 }, pending(7))).to.equal(false);
    await sleep(GAP_MS);
    expect(isBlocked({ nonce: 7, pendingNonce: 9 }, pending(7))).to.equal(false);
    expect(isBlocked({ nonce: 8, pendingNonce: 9 }, pending(7))).to.equal(false);
  });
});
