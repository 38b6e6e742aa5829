import { expect } from "chai";
import type { Hex } from "../../../sdk/src/structs.ts";
import { bloomBits, mayContain } from "./bloom.ts";

describe("bloom filter", () => {
  it("sets three bits of a value, from the low end", () => {
    const value: Hex = "0x0f572e5295c57f15886f9b263e2f6d2d6c7b5ec6";
    const bits = bloomBits(value);
    expect(bits).to.have.length(3);
    const filter = (set: readonly number[]): Hex => {
      const number = set.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
      return `0x${number.toString(16).padStart(512, "0")}`;
    };
    expect(mayContain(filter(bits), bits)).to.equal(true);
    expect(mayContain(filter([...bits, 5, 77]), bits)).to.equal(true);
    for (const bit of bits)
      expect(mayContain(filter(bits.filter((other) => other !== bit)), bits)).to.equal(false);
  });
});
