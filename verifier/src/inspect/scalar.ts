/** One element of a tensor, for people. Pure. */
import { dtype, isFloat, type DTypeName } from "../../../program/src/dtype.ts";
import { decode, elementBits } from "../../../program/src/naive/value.ts";
import { unravel } from "../../../program/src/naive/interpret.ts";

export interface Scalar {
  readonly dtype: DTypeName;
  /** Exact for integers; the shortest decimal of the exact value's nearest float64 for the others. */
  readonly text: string;
  /** The element's bits, hex, as wide as the dtype. */
  readonly bits: string;
  readonly value: number;
}

function float64Of(m: bigint, e: number): number {
  // Wide significands (acc has 992 bits) would overflow before they are scaled down.
  const excess = Math.max(0, m.toString(2).length - 64);
  return Number(m >> BigInt(excess)) * 2 ** (e + excess);
}

export function scalarOf(name: DTypeName, bits: bigint): Scalar {
  const found = decode(name, bits);
  const value =
    found.kind === "nan"
      ? NaN
      : found.kind === "inf"
        ? found.negative
          ? -Infinity
          : Infinity
        : float64Of(found.m, found.e);
  const integer = found.kind === "finite" && found.e === 0 && !isFloat(name);
  return {
    dtype: name,
    text: integer ? found.m.toString() : String(value),
    bits: `0x${bits.toString(16).padStart(2 * dtype(name).bytes, "0")}`,
    value,
  };
}

/** Element `index` of little-endian bytes. */
export function elementOf(name: DTypeName, data: Uint8Array, index: number): Scalar {
  return scalarOf(name, elementBits(name, data, index));
}

/** `[0, 3]`: where an element stands in a tensor of this shape. */
export function placeOf(element: number, shape: readonly number[]): string {
  return `[${unravel(element, shape).join(", ")}]`;
}

/** The number that binary32 bits are. */
export function float32Of(bits: number): number {
  return scalarOf("f32", BigInt(bits)).value;
}
