/**
 * Random elements that lean to where implementations go wrong: specials, ties, extremes, equal values, cancellation.
 */
import { dtype, floatFormat, integerRange, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import { roundToFloat } from "../naive/round.ts";
import {
  ACC_BITS,
  elementBits,
  decode,
  encodeAcc,
  floatFields,
  infinityBits,
  nanBits,
  setElementBits,
  type Value,
} from "../naive/value.ts";
import type { Rng } from "./rng.ts";

/**
 * any: every bit pattern alike; edges: specials and extremes; near: finite numbers of similar size; halves: small multiples of
 * 1/2; few: a handful of values, so that many are equal; wide: finite numbers of any size.
 */
export const PROFILES = ["any", "edges", "near", "halves", "few", "wide"] as const;
export type Profile = (typeof PROFILES)[number];

/** Bits of floats at which rules change, with the sign bit clear: subnormals, ties, overflow, infinity, NaN. */
function floatEdges(name: DTypeName): bigint[] {
  const { fraction } = floatFields(name);
  const unit = 1n << BigInt(fraction);
  const infinity = infinityBits(name, false);
  const one = roundToFloat(name, false, 1n, 0, false);
  const two31 = roundToFloat(name, false, 1n, 31, false);
  return [
    0n,
    1n,
    2n,
    unit / 2n,
    unit - 1n,
    unit,
    unit + 1n,
    one - unit,
    one - 1n,
    one,
    one + 1n,
    one + unit,
    two31,
    two31 - 1n,
    infinity - 1n,
    infinity - unit,
    infinity,
    infinity + 1n,
    nanBits(name),
    nanBits(name) + 1n,
  ];
}

function integerEdges(name: DTypeName): bigint[] {
  const width = dtype(name).bytes * 8;
  const [min, max] = integerRange(name);
  const values = [min, max, min + 1n, max - 1n, 0n, 1n, -1n, 2n, max / 2n, 1n << BigInt(width - 1)];
  return values.map((value) => BigInt.asUintN(width, value));
}

/** The fixed table of a dtype's edges, bits; both signs of floats. Not all are canonical. */
export function edgeElements(name: Exclude<DTypeName, "acc">): readonly bigint[] {
  if (name === "bool") return [0n, 1n, 2n, 255n];
  if (isInteger(name)) return [...new Set(integerEdges(name))];
  const sign = 1n << BigInt(floatFields(name).total - 1);
  return floatEdges(name).flatMap((bits) => [bits, bits | sign]);
}

/** Bits of ±m * 2^e, rounded. */
function float(name: DTypeName, m: bigint, e: number): bigint {
  return roundToFloat(name, m < 0n, m < 0n ? -m : m, e, false);
}

function signBit(rng: Rng, name: DTypeName): bigint {
  return rng.chance(0.5) ? 1n << BigInt(floatFields(name).total - 1) : 0n;
}

function randomFloat(rng: Rng, name: DTypeName, profile: Profile): bigint {
  const { precision, minExponent, maxExponent } = floatFormat(name);
  const significand = (rng.bits(precision) | 1n) * (rng.chance(0.5) ? 1n : -1n);
  switch (profile) {
    case "any":
      return rng.bits(floatFields(name).total);
    case "edges":
      return signBit(rng, name) | rng.pick(floatEdges(name));
    case "near":
      return float(name, significand, rng.int(-2, 2) - precision);
    case "halves":
      return float(name, BigInt(rng.int(-40, 40)), -1);
    case "few":
      return float(name, BigInt(rng.int(-2, 3)), 0);
    case "wide":
      return float(name, significand, rng.int(minExponent - precision, maxExponent - precision));
  }
}

function randomInteger(rng: Rng, name: DTypeName, profile: Profile): bigint {
  const width = dtype(name).bytes * 8;
  const small = BigInt.asUintN(width, BigInt(rng.int(-20, 20)));
  switch (profile) {
    case "any":
    case "near":
      return rng.bits(width);
    case "edges":
      return rng.pick(integerEdges(name));
    case "halves":
      return small;
    case "few":
      return BigInt.asUintN(width, BigInt(rng.int(-1, 2)));
    case "wide":
      return rng.bits(rng.int(1, width));
  }
}

function randomAcc(rng: Rng, profile: Profile): bigint {
  const finite = (m: bigint, e: number): bigint => encodeAcc({ kind: "finite", m, e });
  switch (profile) {
    case "any":
      return rng.bits(ACC_BITS);
    case "edges": {
      const kind = BigInt(rng.pick([0, 0, 1, 2, 3, 4, 256])) << BigInt(ACC_BITS);
      return (
        kind |
        rng.pick([0n, 1n, (1n << BigInt(ACC_BITS)) - 1n, 1n << BigInt(ACC_BITS - 1), rng.bits(ACC_BITS)])
      );
    }
    case "near":
      return finite(BigInt(rng.int(-(2 ** 31), 2 ** 31)), rng.int(-40, -20));
    case "halves":
      return finite(2n * BigInt(rng.int(-(2 ** 26), 2 ** 26)) + 1n, rng.int(-5, 0));
    case "few":
      return finite(BigInt(rng.int(-2, 2)), 0);
    case "wide":
      return finite(rng.bits(60) - (1n << 59n), rng.int(-298, 100));
  }
}

/** Bits of one element; not always canonical. */
export function randomElement(rng: Rng, name: DTypeName, profile: Profile): bigint {
  if (name === "acc") return randomAcc(rng, profile);
  if (name === "bool") return BigInt(rng.pick([0, 0, 0, 1, 1, 1, 2, 128, 255]));
  return isInteger(name) ? randomInteger(rng, name, profile) : randomFloat(rng, name, profile);
}

function canonicalBits(name: DTypeName, bits: bigint): bigint {
  const value: Value = decode(name, bits);
  if (value.kind === "nan") return name === "acc" ? encodeAcc(value) : nanBits(name);
  if (name === "bool") return bits === 0n ? 0n : 1n;
  if (name === "acc") return encodeAcc(value);
  return isFloat(name) && value.kind === "finite" && value.m === 0n ? 0n : bits;
}

/** The same elements as a constant may hold them. */
export function canonical(name: DTypeName, data: Uint8Array): Uint8Array {
  const result = data.slice();
  for (let i = 0; i * dtype(name).bytes < data.length; i++)
    setElementBits(name, result, i, canonicalBits(name, elementBits(name, data, i)));
  return result;
}

/** A tensor of elements of one profile, a few of another one among them. */
export function randomTensor(rng: Rng, name: DTypeName, elements: number): Uint8Array {
  const profile = rng.pick(PROFILES);
  const other = rng.pick(PROFILES);
  const share = rng.pick([0, 0, 0.02, 0.3]);
  const data = new Uint8Array(elements * dtype(name).bytes);
  for (let i = 0; i < elements; i++)
    setElementBits(name, data, i, randomElement(rng, name, rng.chance(share) ? other : profile));
  return data;
}

/** Integers of which most are in 0..size-1, some just outside, few anywhere. */
export function randomCoordinates(
  rng: Rng,
  name: DTypeName,
  elements: number,
  size: number,
  zero: number,
): Uint8Array {
  const data = new Uint8Array(elements * dtype(name).bytes);
  for (let i = 0; i < elements; i++) {
    const near = BigInt(rng.int(0, size - 1) + zero + (rng.chance(0.1) ? rng.pick([-size, size]) : 0));
    const bits = rng.chance(0.03) ? randomElement(rng, name, "edges") : near;
    setElementBits(name, data, i, bits);
  }
  return data;
}
