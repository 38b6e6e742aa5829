/**
 * Ziv's strategy: enclose a real more and more narrowly until both ends round to the same element.
 */
import type { DTypeName } from "../dtype.ts";
import type { Interval } from "./interval.ts";
import { roundToFloat } from "./round.ts";

/** More than the 149 bits below the point that a binary32 number can have, so that arguments are exact. */
const FIRST_PRECISION = 192;

function roundFixed(name: DTypeName, value: bigint, w: number): bigint {
  return roundToFloat(name, value < 0n, value < 0n ? -value : value, -w, false);
}

/**
 * Bits of the rounded real that `enclose(w)` encloses in units of 2^-w; undefined asks for more bits. Ends unless the real is
 * halfway between two elements.
 */
export function roundEnclosed(name: DTypeName, enclose: (w: number) => Interval | undefined): bigint {
  for (let w = FIRST_PRECISION; ; w *= 2) {
    const found = enclose(w);
    if (found === undefined) continue;
    const lo = roundFixed(name, found.lo, w);
    if (lo === roundFixed(name, found.hi, w)) return lo;
  }
}
