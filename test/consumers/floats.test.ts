/** Conversions of contracts/consumers/Floats.sol against big integers, and those against the language's own rounding. */
import { expect } from "chai";
import { network } from "hardhat";
import { seededRng, type Rng } from "../../program/src/testing/rng.ts";
import type { FloatsHarness } from "../../types/ethers-contracts/index.js";
import { callAll, type Call } from "../support/batch.ts";
import {
  FORMATS,
  isInfinite,
  isNan,
  leastExponent,
  nearestFixed,
  nearestFloat,
  partsOf,
  type FloatBits,
  type FormatName,
} from "../support/fixedPoint.ts";

const SEED = 5;
const CASES = process.env["ASSAY_NIGHTLY"] === "1" ? 25_000 : 2_000;
const INT_MAX = 2n ** 255n - 1n;
const UINT_MAX = 2n ** 256n - 1n;
const NAMES = ["F32", "F16", "BF16"] as const;

interface Fixed {
  readonly value: bigint;
  readonly decimals: number;
}

function clamp(value: bigint): bigint {
  return value > INT_MAX ? INT_MAX : value < -INT_MAX - 1n ? -INT_MAX - 1n : value;
}

/** Half-way between two neighbouring floats where that is a fixed-point integer, or next to it; a case in either sign. */
function tie(rng: Rng, format: FloatBits): Fixed {
  const { precision, exponentBits } = format;
  const least = leastExponent(format);
  // At most 5^99 leaves room for the significand.
  const exponents = [Math.max(least, -98), 2 ** (exponentBits - 1) - precision] as const;
  const exponent = rng.chance(0.5) ? rng.int(...exponents) : rng.int(exponents[0], exponents[0] + 5);
  const hidden = exponent === least && rng.chance(0.5) ? 0n : 1n << BigInt(precision - 1);
  const odd = 2n * (hidden + rng.bits(precision - 1)) + 1n;
  const decimals = Math.max(0, 1 - exponent) + rng.int(0, exponent < -90 ? 0 : 3);
  const value = 5n ** BigInt(decimals) * odd * 2n ** BigInt(exponent - 1 + decimals);
  const moved = value + BigInt(rng.pick([0, 0, 0, -1, 1]));
  return { value: clamp(rng.chance(0.5) ? moved : -moved), decimals };
}

/** As large as any number of a format, or small enough to be subnormal. */
function near(rng: Rng, exponent: number): Fixed {
  const decimals = rng.int(0, 123);
  const [numerator, shift] = [rng.bits(60) * 10n ** BigInt(decimals), exponent + rng.int(-62, -58)];
  const value = shift >= 0 ? numerator << BigInt(shift) : numerator >> BigInt(-shift);
  return { value: clamp(rng.chance(0.5) ? value : -value), decimals };
}

function drawFixed(rng: Rng, format: FloatBits): Fixed {
  const kind = rng.int(0, 5);
  if (kind === 0) return tie(rng, format);
  if (kind === 1) return near(rng, leastExponent(format) + rng.int(-2, format.precision));
  if (kind === 2) return near(rng, 2 ** (format.exponentBits - 1));
  const value = rng.bits(rng.int(1, 255));
  const decimals = kind === 3 ? rng.int(0, 130) : rng.int(0, 30);
  return { value: rng.chance(0.5) ? value : -value, decimals };
}

const EDGES: readonly Fixed[] = [
  0, 1, 6, 8, 18, 27, 38, 45, 76, 77, 93, 94, 95, 99, 100, 121, 122, 123, 255,
].flatMap((decimals) =>
  [
    0n,
    1n,
    -1n,
    10n ** 18n,
    INT_MAX,
    -INT_MAX - 1n,
    2n ** 128n,
    2n ** 128n - 2n ** 103n,
    2n ** 128n - 2n ** 103n - 1n,
  ]
    .concat([2n ** 24n + 1n, 2n ** 24n + 3n, 65504n, 65519n, 65520n, 1n << 254n])
    .map((value) => ({ value, decimals })),
);

/** Bits of all kinds: any, subnormal, few significant ones, the edges of exponents. */
function drawBits(rng: Rng, { precision, exponentBits }: FloatBits): bigint {
  const width = precision + exponentBits;
  const bits = rng.bits(width);
  const kind = rng.int(0, 4);
  if (kind === 0) return bits & ~(((1n << BigInt(exponentBits)) - 1n) << BigInt(precision - 1));
  if (kind === 1) return (bits >> BigInt(precision - 3)) << BigInt(precision - 3);
  if (kind === 2) {
    const infinity = ((1n << BigInt(exponentBits)) - 1n) << BigInt(precision - 1);
    return rng.chance(0.5) ? bits | infinity : infinity | (rng.bits(1) << BigInt(width - 1));
  }
  return bits;
}

/** Little-endian elements of one float. */
function blobOf({ precision, exponentBits }: FloatBits, bits: bigint): string {
  const hex = bits.toString(16).padStart((precision + exponentBits) / 4, "0");
  return "0x" + (hex.match(/../g) ?? []).toReversed().join("");
}

function bitsOf(blob: string): bigint {
  return BigInt("0x" + (blob.slice(2).match(/../g) ?? []).toReversed().join(""));
}

describe("conversions of floats", () => {
  let harness: FloatsHarness;
  before(async () => {
    const { ethers } = await network.create();
    harness = await ethers.deployContract("FloatsHarness");
  });

  it("the big integers agree with the language", () => {
    const rng = seededRng(SEED);
    const view = new DataView(new ArrayBuffer(8));
    const roundToF32 = (double: number): bigint => {
      view.setFloat32(0, Math.fround(double));
      return BigInt(view.getUint32(0));
    };
    const neighbour = (double: number, step: bigint): number => {
      view.setFloat64(0, double);
      view.setBigUint64(0, view.getBigUint64(0) + step);
      return view.getFloat64(0);
    };
    let decided = 0;
    for (let i = 0; i < 20_000; i++) {
      const { value, decimals } = drawFixed(rng, FORMATS.F32);
      // The nearest float64, by ECMA-262 §7.1.4.1.1; rounded again it is the nearest float32 unless it is next to a tie.
      const double = Number(`${value}e-${decimals}`);
      if (double === 0) continue;
      const [below, above] = [roundToF32(neighbour(double, -1n)), roundToF32(neighbour(double, 1n))];
      if (below !== above) continue;
      decided++;
      const expected = nearestFloat(FORMATS.F32, value, decimals);
      if (expected === undefined) expect(Math.abs(Math.fround(double))).to.equal(Infinity);
      else
        expect(roundToF32(double) & (below === 0x80000000n ? 0n : ~0n), `${value}e-${decimals}`).to.equal(
          expected,
        );
    }
    expect(decided).to.be.greaterThan(10_000);
  });

  for (const name of NAMES)
    it(`${name}: fixed point to floats, signed and unsigned`, async () => {
      const rng = seededRng(SEED + name.length);
      const format = FORMATS[name];
      const cases = [...EDGES, ...Array.from({ length: CASES }, () => drawFixed(rng, format))];
      const zero = blobOf(format, 0n);
      const calls = cases.flatMap(({ value, decimals }): Call[] => [
        [`put${name}`, [zero, 0, value, decimals]],
        [`put${name}U`, [zero, 0, value < 0n ? UINT_MAX + value : value, decimals]],
      ]);
      const outcomes = await callAll(harness, calls);
      const seen = { overflow: 0, subnormal: 0, zero: 0 };
      cases.forEach(({ value, decimals }, i) => {
        for (const [k, given] of [value, value < 0n ? UINT_MAX + value : value].entries()) {
          const outcome = outcomes[2 * i + k];
          const expected = nearestFloat(format, given, decimals);
          const what = `${given}e-${decimals}`;
          if (expected === undefined) {
            seen.overflow++;
            expect(outcome?.error, what).to.equal("TooLargeForFloat");
            const magnitude = given < 0n ? -given : given;
            expect([...(outcome?.values ?? [])]).to.deep.equal([0n, given < 0n, magnitude, BigInt(decimals)]);
          } else {
            expect(bitsOf(outcome?.values[0] as string), what).to.equal(expected);
            if (expected === 0n) seen.zero++;
            else if (partsOf(format, expected)[0] < 1n << BigInt(format.precision - 1)) seen.subnormal++;
          }
        }
      });
      for (const [kind, count] of Object.entries(seen)) expect(count, kind).to.be.greaterThan(100);
    });

  for (const name of NAMES)
    it(`${name}: floats to fixed point, signed and unsigned`, async () => {
      const rng = seededRng(SEED + 10 + name.length);
      const format = FORMATS[name];
      const cases = Array.from({ length: CASES }, () => ({
        bits: drawBits(rng, format),
        decimals: rng.chance(0.5) ? rng.int(0, 30) : rng.int(0, 124),
      }));
      const lower = name.toLowerCase();
      const calls = cases.flatMap(({ bits, decimals }): Call[] => [
        [`${lower}At`, [blobOf(format, bits), 0, decimals]],
        [`${lower}AtU`, [blobOf(format, bits), 0, decimals]],
      ]);
      const outcomes = await callAll(harness, calls);
      const seen: Record<string, number> = {};
      cases.forEach(({ bits, decimals }, i) => {
        for (const k of [0, 1]) {
          const outcome = outcomes[2 * i + k];
          const expected = expectedFixed(name, bits, decimals, k === 1);
          const kind = typeof expected === "string" ? expected : "value";
          seen[kind] = (seen[kind] ?? 0) + 1;
          const what = `${bits.toString(16)} of ${decimals}`;
          if (typeof expected === "string") expect(outcome?.error, what).to.equal(expected);
          else expect(outcome?.values[0], what).to.equal(expected);
        }
      });
      expect(Object.keys(seen)).to.have.members([
        ...["value", "NotANumber", "Infinite", "NegativeNumber", "TooLargeForInteger"],
      ]);
    });

  it("nothing is lost on the way to a float32 and back that has the digits", async () => {
    const rng = seededRng(SEED);
    const bits = Array.from({ length: 2_000 }, () => drawBits(rng, FORMATS.F32)).filter(
      (b) => !isNan(FORMATS.F32, b) && !isInfinite(FORMATS.F32, b) && partsOf(FORMATS.F32, b)[1] < -10,
    );
    // A float below 2^14 is an exact decimal of 149 digits at most, of which 76 tell it from its neighbours or it is too small.
    const read = await callAll(
      harness,
      bits.map((b): Call => ["f32At", [blobOf(FORMATS.F32, b), 0, 70]]),
    );
    const values = read.map(({ values: [value] }) => value as bigint);
    const written = await callAll(
      harness,
      values.map((value): Call => ["putF32", ["0x00000000", 0, value, 70]]),
    );
    let returned = 0;
    written.forEach(({ values: [blob] }, i) => {
      const value = values[i] ?? 0n;
      if ((value < 0n ? -value : value) < 10n ** 9n) return;
      returned++;
      expect(bitsOf(blob as string)).to.equal(bits[i]);
    });
    expect(returned).to.be.greaterThan(500);
  });

  it("name the element at fault", async () => {
    const [nan, infinity, one] = ["0000c07f", "000080ff", "0000803f"];
    const outcomes = await callAll(harness, [
      ["unpackF32", [`0x${one}${one}${nan}`, 18]],
      ["unpackF32", [`0x${one}${infinity}`, 18]],
      ["unpackF32U", [`0x${one}000080bf`, 18]],
      ["unpackF32", [`0x${one}${one}0000807e`, 70]],
      ["f32At", [`0x${one}${one}${nan}`, 2, 18]],
      ["f32At", [`0x${one}${one}`, 2, 18]],
      ["unpackF32", [`0x${one}00`, 18]],
      ["putF32", [`0x${one}`, 1, 1n, 0]],
      ["argmaxF32", [`0x${one}${infinity}${nan}`]],
      ["argmaxF32", ["0x"]],
      ["argmaxF32", [`0x${one}00`]],
    ]);
    expect(outcomes.map(({ error, values }) => [error, Number(values.toArray()[0] ?? -1)])).to.deep.equal([
      ["NotANumber", 2],
      ["Infinite", 1],
      ["NegativeNumber", 1],
      ["TooLargeForInteger", 2],
      ["NotANumber", 2],
      ["IndexOutOfBounds", 2],
      ["LengthNotMultiple", 5],
      ["IndexOutOfBounds", 1],
      ["NotANumber", 2],
      ["NoElements", -1],
      ["LengthNotMultiple", 5],
    ]);
    const packed = await callAll(harness, [
      ["packF32(int256[],uint256)", [[1n, 2n, -(2n ** 200n)], 0]],
      ["packF32(uint256[],uint256)", [[1n, 2n ** 200n], 0]],
      ["packF16(int256[],uint256)", [[65504n, 65520n], 0]],
      ["packBF16(int256[],uint256)", [[0n, 2n ** 128n], 0]],
    ]);
    expect(packed.map(({ error, values }) => [error, Number(values[0])])).to.deep.equal([
      ["TooLargeForFloat", 2],
      ["TooLargeForFloat", 1],
      ["TooLargeForFloat", 1],
      ["TooLargeForFloat", 1],
    ]);
  });

  it("arrays and elements are converted alike, and the largest float32 is found", async () => {
    const rng = seededRng(SEED);
    for (const length of [1, 2, 7, 8, 9, 33]) {
      const values = Array.from({ length }, () => rng.bits(90) - 2n ** 89n);
      const blob = await harness["packF32(int256[],uint256)"](values, 18);
      const expected = values.map((value) => nearestFloat(FORMATS.F32, value, 18) ?? 0n);
      expect(blob).to.equal("0x" + expected.map((bits) => blobOf(FORMATS.F32, bits).slice(2)).join(""));
      expect([...(await harness.unpackF32(blob, 18))]).to.deep.equal(
        expected.map((bits) => nearestFixed(FORMATS.F32, bits, 18)),
      );
      const numbers = values.map((value) => Math.fround(Number(`${value}e-18`)));
      expect(await harness.argmaxF32(blob)).to.equal(BigInt(numbers.indexOf(Math.max(...numbers))));
    }
    // Of equals the first; both zeros are equal; infinities are in their places.
    expect(await harness.argmaxF32("0x00000080" + "00000000")).to.equal(0n);
    expect(await harness.argmaxF32("0x000080ff" + "ffff7fff" + "01000080")).to.equal(2n);
    expect(await harness.argmaxF32("0xffff7f7f" + "0000807f" + "0000807f")).to.equal(1n);
  });
});

/** The integer, or the name of the error. */
function expectedFixed(
  name: FormatName,
  bits: bigint,
  decimals: number,
  isUnsigned: boolean,
): bigint | string {
  const format = FORMATS[name];
  if (isNan(format, bits)) return "NotANumber";
  if (isInfinite(format, bits)) return "Infinite";
  const [significand] = partsOf(format, bits);
  const isNegative = bits >> BigInt(format.precision - 1 + format.exponentBits) !== 0n;
  if (isUnsigned && isNegative && significand !== 0n) return "NegativeNumber";
  const value = nearestFixed(format, bits, decimals);
  const [min, max] = isUnsigned ? [0n, UINT_MAX] : [-INT_MAX - 1n, INT_MAX];
  return value < min || value > max ? "TooLargeForInteger" : value;
}
