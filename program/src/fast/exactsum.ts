/**
 * Correctly rounded sums of float64 terms, the last stages of bound-and-check (matrix.ts). Terms are exact products of floats or
 * floats: multiples of 2^-298 below 2^256 in size, at most 2^20 of them, so nothing overflows and nothing underflows.
 */
import { view } from "../simd.ts";
import { toOdd, type Round } from "./float.ts";
import { canonicalizeF32 } from "./tensor.ts";

const UNIT = 2 ** -53;

/** How many sums each stage decided; for benchmarks. */
export const stages = { bound: 0, compensated: 0, expansion: 0 };

/**
 * Relative to the sum of the sizes of n exact products, or anything above it, how far their float64 sum in any order may be from the
 * exact one: (n - 1) u / (1 - (n - 1) u), and the rounding of the ends of the interval, at most 1.01 u. 1.001 and n + 3 cover both.
 */
export function boundFactor(n: number): number {
  return (n + 3) * 1.001 * UNIT;
}

/** Stage 2: the element to which everything within `bound` of s rounds. @returns undefined if there is more than one. */
export function decideBound(s: number, bound: number, round: Round): number | undefined {
  const below = round(s - bound);
  if (below !== round(s + bound)) return undefined;
  stages.bound++;
  return below;
}

/** high + low, any two float64, rounded. */
function roundSum(high: number, low: number, round: Round): number {
  const s = high + low;
  const t = s - high;
  return round(toOdd(s, high - (s - t) + (low - t)));
}

/**
 * Shewchuk's expansion ("Adaptive precision floating-point arithmetic", 1997): nonoverlapping float64 numbers, smallest first,
 * whose sum is exactly the sum of terms[from..to).
 */
export function expansion(terms: Float64Array, from: number, to: number): number[] {
  const parts: number[] = [];
  for (let k = from; k < to; k++) {
    let x = terms[k] ?? 0;
    let kept = 0;
    for (const part of parts) {
      const s = x + part;
      const t = s - x;
      const low = x - (s - t) + (part - t);
      if (low !== 0) parts[kept++] = low;
      x = s;
    }
    parts.length = kept;
    if (x !== 0) parts.push(x);
  }
  return parts;
}

/** The sum of nonoverlapping parts, rounded: below the two that matter only a sign is left to know. */
function roundExpansion(parts: readonly number[], round: Round): number {
  let high = parts.at(-1) ?? 0;
  for (let i = parts.length - 2; i >= 0; i--) {
    const part = parts[i] ?? 0;
    const s = high + part;
    const low = part - (s - high);
    high = s;
    // What is left below has the sign of low unless low is 0: the parts do not overlap.
    if (low !== 0) return round(toOdd(high, low));
  }
  return round(high);
}

/**
 * Stages 3 and 4: the sum of finite terms, rounded.
 *
 * Stage 3 (Ogita, Rump and Oishi, "Accurate sum and dot product", 2005): h is the float64 sum, c the float64 sum of the exact errors of its
 * additions. With n terms and g = n u / (1 - n u), u = 2^-53: the errors sum to at most g * sum|p| in size and c misses their sum
 * by at most g times that, so the exact sum is within g^2 * sum|p| of h + c. n <= 2^20 makes g < n u * 1.0001, and the float64
 * sum of |p| is low by at most a factor 1 - g; 1.01 covers both. If no addition erred, h is the sum.
 */
export function roundedSum(terms: Float64Array, from: number, to: number, round: Round): number {
  let h = 0;
  let c = 0;
  let errors = 0;
  let size = 0;
  for (let k = from; k < to; k++) {
    const p = terms[k] ?? 0;
    const s = h + p;
    const t = s - h;
    const e = h - (s - t) + (p - t);
    c += e;
    errors += Math.abs(e);
    size += Math.abs(p);
    h = s;
  }
  const decided = decideCompensated(h, c, errors, size, to - from, round);
  if (decided !== undefined) return decided;
  stages.expansion++;
  return roundExpansion(expansion(terms, from, to), round);
}

/**
 * Stage 3 of n terms summed to h.
 * @param c Float64 sum of the additions' exact errors. @param errors That of their sizes. @param size That of the terms' sizes.
 * @returns undefined if it leaves the sum open.
 */
export function decideCompensated(
  h: number,
  c: number,
  errors: number,
  size: number,
  n: number,
  round: Round,
): number | undefined {
  // Rounding of c -+ bound is at most u (|c| + bound), and |c| <= 1.01 n u * size: one more n u^2.
  const bound = (n + 1) * (n + 1) * 1.01 * UNIT * UNIT * size;
  const below = errors === 0 ? round(h) : roundSum(h, c - bound, round);
  if (errors !== 0 && below !== roundSum(h, c + bound, round)) return undefined;
  stages.compensated++;
  return below;
}

/**
 * The sum of terms[from..to) by the rules of fold sum, rounded; the terms may be special.
 *
 * Stage 2 on sum|p|: in any order, the float64 sum s of n terms is within (n - 1) u / (1 - (n - 1) u) * sum|p| of the exact sum, and so
 * the exact sum lies in s -+ bound. The rounding of s -+ bound itself is at most u (|s| + bound) <= 1.01 u sum|p|.
 */
export function foldedSum(terms: Float64Array, from: number, to: number, round: Round): number {
  let s = 0;
  let size = 0;
  for (let k = from; k < to; k++) {
    const p = terms[k] ?? 0;
    s += p;
    size += Math.abs(p);
  }
  // Finite terms cannot overflow: NaN and infinities come out as the rule says.
  if (!Number.isFinite(s)) return s;
  const decided = decideBound(s, boundFactor(to - from) * size, round);
  if (decided !== undefined) return decided;
  return roundedSum(terms, from, to, round);
}

/**
 * Writes to binary32 results in the kernels' memory those that a kernel left open.
 * @param out Their address. @param open Address of `count` positions among them. @param exactly The rounded sum at a position.
 */
export function settleOpen(
  out: number,
  open: number,
  count: number,
  exactly: (position: number) => number,
): void {
  const [results, bits, positions] = [view.f32(), view.u32(), view.i32()];
  for (let k = 0; k < count; k++) {
    const position = positions[open / 4 + k] ?? 0;
    const at = out / 4 + position;
    results[at] = exactly(position);
    canonicalizeF32(bits.subarray(at, at + 1));
  }
}
