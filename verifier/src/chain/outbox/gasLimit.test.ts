import { expect } from "chai";
import fc from "fast-check";
import { betterGasLimit, gasLimitFor, leastGas } from "./gasLimit.ts";

const MOST = 2 ** 24;

describe("a gas limit", () => {
  it("is a third above what is needed", () => {
    expect(gasLimitFor({ estimate: 100_000, data: "0x", blockGas: MOST })).to.equal(130_000);
  });

  it("pays for its calldata at the floor price, and fits a transaction and a block", () => {
    expect([leastGas("0x"), leastGas("0x0001ff")]).to.deep.equal([21_000, 21_090]);
    const data = `0x${"ff".repeat(1000)}`;
    expect(gasLimitFor({ estimate: 21_000, data, blockGas: 2 * MOST })).to.equal(61_000);
    expect(gasLimitFor({ estimate: 1e30, data, blockGas: 2 * MOST })).to.equal(MOST);
    expect(gasLimitFor({ estimate: 1e30, data, blockGas: 10_000_000 })).to.equal(10_000_000);
    // Arbitrum's blocks.
    expect(gasLimitFor({ estimate: 1e8, data, blockGas: 2 ** 50 })).to.equal(1.3e8);
  });

  it("is another where it was too low, or much too high, and then stays", () => {
    const need = { estimate: 100_000, data: "0x", blockGas: MOST };
    expect(betterGasLimit(99_999, need)).to.equal(130_000);
    expect(betterGasLimit(100_000, need)).to.equal(undefined);
    expect(betterGasLimit(260_000, need)).to.equal(undefined);
    expect(betterGasLimit(260_001, need)).to.equal(130_000);
    const gas = fc.integer({ min: 0, max: 2 ** 30 });
    fc.assert(
      fc.property(gas, gas, fc.integer({ min: 21_000, max: 2 ** 30 }), (gasLimit, estimate, blockGas) => {
        const better = betterGasLimit(gasLimit, { estimate, data: "0x", blockGas }) ?? gasLimit;
        expect(betterGasLimit(better, { estimate, data: "0x", blockGas })).to.equal(undefined);
        expect(better).to.be.within(21_000, Math.min(MOST, blockGas));
      }),
    );
  });
});
