/**
 * What the bounds of a float64 dot product need to know of each factor row.
 */
import type { Rows } from "./dot.ts";

export interface RowFacts {
  /** At least the Euclidean norm; NaN or infinite iff the row has a special value. */
  readonly norms: Float64Array;
  /** Nonzero values. */
  readonly nonzero: Int32Array;
  /** All values are multiples of 2^this; computed when asked for (UNKNOWN before). */
  readonly units: Int16Array;
}

const UNKNOWN = -0x8000;
/** Unit of a row of zeros: with any other row it stays far above every sum. */
const ZERO_UNIT = 2000;

/**
 * Squares are exact in float64 and 2^20 of them sum with a relative error below 2^-33; the factor covers that and the roundings of the square
 * root and of itself.
 */
const INFLATE = 1 + 2 ** -30;

export function factsOf(rows: Rows, depth: number): RowFacts {
  const { data, offset, stride, count } = rows;
  const norms = new Float64Array(count);
  const nonzero = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const start = offset + i * stride;
    let sum = 0;
    let found = 0;
    for (let k = start; k < start + depth; k++) {
      const x = data[k] ?? 0;
      sum += x * x;
      if (x !== 0) found++;
    }
    norms[i] = Math.sqrt(sum) * INFLATE;
    nonzero[i] = found;
  }
  return { norms, nonzero, units: new Int16Array(count).fill(UNKNOWN) };
}

const f32 = new Float32Array(1);
const bits = new Uint32Array(f32.buffer);

/** Exponent of the last significant bit of a finite binary32 number other than 0. */
function lastBit(x: number): number {
  f32[0] = x;
  const b = bits[0] ?? 0;
  const biased = (b >>> 23) & 255;
  const fraction = b & 0x7fffff;
  const significand = biased === 0 ? fraction : fraction | 0x800000;
  return Math.max(biased, 1) - 150 + (31 - Math.clz32(significand & -significand));
}

/** Exponent of a power of two that divides all values of row i (which has no special values). */
export function unitOf(rows: Rows, facts: RowFacts, i: number, depth: number): number {
  const known = facts.units[i] ?? UNKNOWN;
  if (known !== UNKNOWN) return known;
  let unit = ZERO_UNIT;
  const start = rows.offset + i * rows.stride;
  for (let k = start; k < start + depth; k++) {
    const x = rows.data[k] ?? 0;
    if (x !== 0) unit = Math.min(unit, lastBit(x));
  }
  facts.units[i] = unit;
  return unit;
}
