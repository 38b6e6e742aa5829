/**
 * Conversions into the dtype of an element: rounding, wrapping, saturation (docs/program.md §5, rows 01, 02 and 3b).
 */
import { dtype, integerRange, isInteger, type DTypeName } from "../dtype.ts";
import { absolute, isNegative, truncate } from "./exact.ts";
import { roundHalfEven, roundToFloat } from "./round.ts";
import { encodeAcc, infinityBits, nanBits, type Value } from "./value.ts";

/** The value of a load and the dtype it came from. */
export interface Operand {
  readonly dtype: DTypeName;
  readonly value: Value;
}

const NAN_KEY = 2n ** 31n - 1n;

/** Bits of the value rounded to a float dtype. */
export function roundValue(name: DTypeName, value: Value): bigint {
  if (value.kind === "nan") return nanBits(name);
  if (value.kind === "inf") return infinityBits(name, value.negative);
  return roundToFloat(name, value.m < 0n, value.m < 0n ? -value.m : value.m, value.e, false);
}

/** Bits of an integer wrapped into an integer dtype; bool tells nonzero from zero. */
export function wrap(name: DTypeName, value: bigint): bigint {
  if (name === "bool") return value === 0n ? 0n : 1n;
  return BigInt.asUintN(dtype(name).bytes * 8, value);
}

function clamp(name: DTypeName, value: bigint): bigint {
  const [min, max] = integerRange(name);
  return value < min ? min : value > max ? max : value;
}

/**
 * Saturates into an integer dtype.
 * @param how Makes the finite value m * 2^e an integer.
 * @param nan What a NaN gives.
 */
export function saturate(
  name: DTypeName,
  value: Value,
  how: (m: bigint, e: number) => bigint,
  nan: bigint,
): bigint {
  if (value.kind === "nan") return nan;
  const [min, max] = integerRange(name);
  if (value.kind === "inf") return value.negative ? min : max;
  return clamp(name, how(value.m, value.e));
}

/** Body copy: bits in dtype `name`. */
export function convert(name: DTypeName, { dtype: from, value }: Operand): bigint {
  if (name === "acc") return encodeAcc(value);
  if (!isInteger(name)) return roundValue(name, value);
  if (name === "bool") return value.kind === "finite" && value.m === 0n ? 0n : 1n;
  if (isInteger(from) && value.kind === "finite") return wrap(name, value.m);
  return wrap(name, saturate(name, value, truncate, 0n));
}

/** Body sat, as an integer in the range of `name`. */
export function saturated(name: DTypeName, value: Value): bigint {
  return saturate(name, value, roundHalfEven, integerRange(name)[0]);
}

/** Body key. */
export function orderKey({ dtype: from, value }: Operand): bigint {
  if (value.kind === "nan") return wrap("i32", NAN_KEY);
  const bits = roundValue(from, absolute(value));
  return wrap("i32", isNegative(value) ? -bits : bits);
}
