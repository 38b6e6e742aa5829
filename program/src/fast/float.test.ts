import { expect } from "chai";
import { floatFormat, type DTypeName } from "../dtype.ts";
import { roundRational, roundToFloat } from "../naive/round.ts";
import { decode, nanBits } from "../naive/value.ts";
import { seededRng } from "../testing/rng.ts";
import { addOdd, divOdd, floatBits, floatValue, mulOdd, roundOf } from "./float.ts";

const FLOATS: readonly DTypeName[] = ["f32", "f16", "bf16"];
/** Bits of a float64 rounded by big integers. */
function roundedBits(name: DTypeName, x: number): bigint {
  // The tests stay above 2^-548, so that this is an integer.
  const half = BigInt(x * 2 ** 600);
  return roundToFloat(name, x < 0, half < 0n ? -half : half, -600, false);
}

describe("float rounding", () => {
  for (const name of FLOATS) {
    const { precision, minExponent, maxExponent } = floatFormat(name);
    const round = roundOf(name);

    it(`${name}: ties, subnormals and overflow like big integers`, () => {
      const quantum = 2 ** (minExponent - precision + 1);
      const top = 2 ** (maxExponent + 1);
      const largest = top - 2 ** (maxExponent + 1 - precision);
      const edges = [
        quantum,
        quantum / 2,
        quantum * 1.5,
        quantum * 2.5,
        2 ** minExponent,
        2 ** minExponent - quantum / 2,
      ];
      edges.push(
        1 + 2 ** -precision,
        1 + 3 * 2 ** -precision,
        1 - 2 ** (-precision - 1),
        largest,
        (largest + top) / 2,
        top,
      );
      const rng = seededRng(4);
      for (let i = 0; i < 500; i++)
        edges.push((1 + rng.u32() / 2 ** 32) * 2 ** rng.int(minExponent - precision - 2, maxExponent));
      for (const edge of edges)
        for (const x of [edge, edge * (1 + 2 ** -50), edge * (1 - 2 ** -50)])
          for (const signed of [x, -x])
            expect(BigInt(floatBits(name, round(signed))), `${signed}`).to.equal(roundedBits(name, signed));
    });

    it(`${name}: NaN, infinities and zeros`, () => {
      expect(BigInt(floatBits(name, round(NaN)))).to.equal(nanBits(name));
      expect(round(-Infinity)).to.equal(-Infinity);
      expect(floatBits(name, round(-0))).to.equal(0);
    });

    it(`${name}: bits and values are inverse`, () => {
      const rng = seededRng(5);
      const wrong: number[] = [];
      for (let i = 0; i < 65_536; i++) {
        const bits = name === "f32" ? rng.u32() : i;
        const value = floatValue(name, bits);
        const exact = decode(name, BigInt(bits));
        const special = exact.kind === "nan" || (exact.kind === "finite" && exact.m === 0n);
        const canonical = exact.kind === "nan" ? Number(nanBits(name)) : special ? 0 : bits;
        if (Number.isNaN(value) !== (exact.kind === "nan") || floatBits(name, value) !== canonical)
          wrong.push(bits);
      }
      expect(wrong).to.be.empty;
    });
  }

  it("odd-rounded sums, products and quotients round like the exact ones", () => {
    const rng = seededRng(6);
    const integer = (): number => rng.int(-(2 ** 51), 2 ** 51);
    const float = (): number => Math.fround(rng.int(-(2 ** 24), 2 ** 24) * 2 ** rng.int(-40, 40));
    for (let i = 0; i < 3000; i++) {
      const a = rng.pick([integer, float])();
      const b = rng.pick([integer, float])() || 1;
      const n = BigInt(a * 2 ** 64);
      const d = BigInt(b * 2 ** 64);
      const unit = 1n << 64n;
      for (const name of FLOATS) {
        const round = (x: number): bigint => BigInt(floatBits(name, roundOf(name)(x)));
        expect(round(addOdd(a, b)), `${a} + ${b}`).to.equal(roundRational(name, n + d, unit));
        expect(round(mulOdd(a, b)), `${a} * ${b}`).to.equal(roundRational(name, n * d, unit * unit));
        expect(round(divOdd(a, b)), `${a} / ${b}`).to.equal(roundRational(name, n, d));
      }
    }
  });
});
