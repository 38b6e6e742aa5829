import { expect } from "chai";
import type { DTypeName } from "../dtype.ts";
import { integerSqrt, roundHalfEven, roundRational, roundToFloat } from "./round.ts";
import { decode, nanBits } from "./value.ts";

/** Bits of finite nonnegative numbers of 16-bit dtypes, all of them, and where infinity begins. */
const FINITE: readonly (readonly [DTypeName, number])[] = [
  ["f16", 0x7c00],
  ["bf16", 0x7f80],
];

function finite(name: DTypeName, bits: number): { m: bigint; e: number } {
  const value = decode(name, BigInt(bits));
  if (value.kind !== "finite") throw new Error(`${bits} is not finite`);
  return value;
}

describe("rounding", () => {
  it("gives back every number of 16 bits and rounds halfway points to even ones", function () {
    this.timeout(20_000);
    for (const [name, infinity] of FINITE) {
      const wrong: number[] = [];
      for (let bits = 0; bits < infinity; bits++) {
        const { m, e } = finite(name, bits);
        // Halfway to the next number, which has the same exponent or begins the next one.
        const half = 2n * m + 1n;
        if (
          roundToFloat(name, false, m, e, false) !== BigInt(bits) ||
          roundToFloat(name, false, half, e - 1, false) !== BigInt(bits + (bits % 2)) ||
          roundToFloat(name, false, half, e - 1, true) !== BigInt(bits + 1) ||
          roundToFloat(name, false, 2n * half - 1n, e - 2, true) !== BigInt(bits)
        )
          wrong.push(bits);
      }
      expect(wrong, name).to.deep.equal([]);
    }
  });

  it("keeps the sign, but not of zero", () => {
    expect(roundToFloat("f32", true, 1n, 0, false)).to.equal(0xbf800000n);
    expect(roundToFloat("f32", true, 1n, -150, false)).to.equal(0n);
    expect(roundToFloat("f32", true, 1n, -150, true)).to.equal(0x80000001n);
    expect(roundToFloat("f32", true, 1n, 128, false)).to.equal(0xff800000n);
    expect(roundToFloat("f32", false, 0n, -200, true)).to.equal(0n);
  });

  it("refuses a sticky bit that leaves the result open", () => {
    expect(() => roundToFloat("f32", false, 1n, 0, true)).to.throw(RangeError);
    expect(roundToFloat("f32", false, 1n << 24n, -24, true)).to.equal(0x3f800000n);
  });

  it("rounds quotients as the exact product decides", () => {
    for (let n = 1n; n < 60n; n++)
      for (let d = 1n; d < 60n; d++) {
        const { m, e } = finite("f16", Number(roundRational("f16", n, d)));
        // |n/d - m*2^e| <= 2^e / 2, for e < 0.
        const difference = (n << BigInt(-e)) - m * d;
        expect(2n * (difference < 0n ? -difference : difference) <= d, `${n}/${d}`).to.equal(true);
      }
    expect(roundRational("f32", -1n, 3n)).to.equal(0xbeaaaaabn);
    expect(roundRational("f32", 1n, -(1n << 150n))).to.equal(0n);
  });

  it("rounds to integers half to even and takes integer roots", () => {
    expect([-3n, -1n, 1n, 3n, 5n].map((m) => roundHalfEven(m, -1))).to.deep.equal([-2n, 0n, 0n, 2n, 2n]);
    for (let n = 0n; n < 2000n; n++) {
      const root = integerSqrt(n);
      expect(root * root <= n && (root + 1n) * (root + 1n) > n, String(n)).to.equal(true);
    }
    expect(integerSqrt(10n ** 60n - 1n)).to.equal(10n ** 30n - 1n);
  });

  it("knows the one NaN of each dtype", () => {
    expect((["f32", "f16", "bf16"] as const).map(nanBits)).to.deep.equal([0x7fc00000n, 0x7e00n, 0x7fc0n]);
  });
});
