/**
 * Folds over blocks of terms (docs/program.md §4): `count` outputs of `terms` neighbouring terms each.
 */
import { dtype, integerRange, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import type { Fold } from "../instruction.ts";
import { foldedSum } from "./exactsum.ts";
import { roundOf } from "./float.ts";

/**
 * May overwrite the values. Terms whose mask is 0 are skipped.
 * @returns false if a value does not fit (an unsigned 64-bit term below 0).
 */
export type FoldKernel = (
  values: Float64Array,
  count: number,
  results: Float64Array,
  mask: Uint8Array | undefined,
) => boolean;

function clear(values: Float64Array, n: number, mask: Uint8Array | undefined): void {
  if (mask !== undefined) for (let i = 0; i < n; i++) if (mask[i] === 0) values[i] = 0;
}

function floatSum(name: DTypeName, terms: number): FoldKernel {
  const round = roundOf(name);
  return (values, count, results, mask) => {
    clear(values, count * terms, mask);
    for (let o = 0; o < count; o++) results[o] = foldedSum(values, o * terms, (o + 1) * terms, round);
    return true;
  };
}

/** Exact while no partial sum exceeds 2^53. */
function integerSum(terms: number): FoldKernel {
  return (values, count, results, mask) => {
    clear(values, count * terms, mask);
    for (let o = 0, k = 0; o < count; o++) {
      let sum = 0;
      for (const end = k + terms; k < end; k++) sum += values[k] ?? 0;
      results[o] = sum;
    }
    return true;
  };
}

/** Modulo 2^32. */
function modularSum(terms: number): FoldKernel {
  return (values, count, results, mask) => {
    clear(values, count * terms, mask);
    for (let o = 0, k = 0; o < count; o++) {
      let sum = 0;
      for (const end = k + terms; k < end; k++) sum = (sum + ((values[k] ?? 0) | 0)) | 0;
      results[o] = sum;
    }
    return true;
  };
}

type Normalize = (values: Float64Array, n: number) => boolean;

/** Rounds or wraps terms as fold none does. */
function normalizer(name: DTypeName): Normalize {
  const through =
    (
      make: (
        n: number,
      ) => Float32Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array,
    ): Normalize =>
    (values, n) => {
      const converted = make(n);
      converted.set(values.subarray(0, n));
      values.set(converted);
      return true;
    };
  switch (name) {
    case "f32":
      return through((n) => new Float32Array(n));
    case "i8":
      return through((n) => new Int8Array(n));
    case "u8":
      return through((n) => new Uint8Array(n));
    case "i16":
      return through((n) => new Int16Array(n));
    case "u16":
      return through((n) => new Uint16Array(n));
    case "i32":
      return through((n) => new Int32Array(n));
    case "u32":
      return through((n) => new Uint32Array(n));
    case "bool":
      return (values, n) => {
        for (let i = 0; i < n; i++) values[i] = values[i] === 0 ? 0 : 1;
        return true;
      };
    case "u64":
      return (values, n) => {
        for (let i = 0; i < n; i++) if ((values[i] ?? 0) < 0) return false;
        return true;
      };
    case "i64":
    case "acc":
      return () => true;
    case "f16":
    case "bf16": {
      const round = roundOf(name);
      return (values, n) => {
        for (let i = 0; i < n; i++) values[i] = round(values[i] ?? 0);
        return true;
      };
    }
  }
}

/** What an extremum of no terms is. */
export function emptyFold(fold: "min" | "max" | "maxnum", name: DTypeName): number {
  const lowest = fold !== "min";
  if (isFloat(name)) return lowest ? -Infinity : Infinity;
  return Number(integerRange(name)[lowest ? 0 : 1]);
}

function extremum(fold: "min" | "max" | "maxnum", name: DTypeName, terms: number): FoldKernel {
  const normalize = normalizer(name);
  const lowest = fold !== "min";
  const first = emptyFold(fold, name);
  return (values, count, results, mask) => {
    const n = count * terms;
    if (mask !== undefined) for (let i = 0; i < n; i++) if (mask[i] === 0) values[i] = first;
    if (fold === "maxnum") for (let i = 0; i < n; i++) if (values[i] !== values[i]) values[i] = first;
    if (!normalize(values, n)) return false;
    for (let o = 0, k = 0; o < count; o++) {
      let best = first;
      const end = k + terms;
      if (lowest) for (; k < end; k++) best = Math.max(best, values[k] ?? 0);
      else for (; k < end; k++) best = Math.min(best, values[k] ?? 0);
      results[o] = best;
    }
    return true;
  };
}

/** One rounding per step: float64 sums and products of two elements of one float dtype round innocuously (real.ts). */
function ordered(fold: "osum" | "oprod", name: DTypeName, terms: number): FoldKernel {
  const normalize = normalizer(name);
  const round = roundOf(name);
  const skip = fold === "osum" ? 0 : 1;
  return (values, count, results, mask) => {
    const n = count * terms;
    if (mask !== undefined) for (let i = 0; i < n; i++) if (mask[i] === 0) values[i] = skip;
    normalize(values, n);
    for (let o = 0, k = 0; o < count; o++) {
      let sum = skip;
      const end = k + terms;
      if (fold === "osum") for (; k < end; k++) sum = round(sum + (values[k] ?? 0));
      else for (; k < end; k++) sum = round(sum * (values[k] ?? 0));
      results[o] = sum;
    }
    return true;
  };
}

/**
 * @param terms Per output.
 * @param result No integer term exceeds 2^result (Infinity: it is right modulo 2^32).
 * @returns undefined if float64 cannot do it.
 */
export function foldKernel(
  fold: Exclude<Fold, "none">,
  name: DTypeName,
  terms: number,
  result: number,
): FoldKernel | undefined {
  if (name === "acc") return undefined;
  switch (fold) {
    case "sum":
      if (!isInteger(name)) return floatSum(name, terms);
      if (terms * 2 ** result <= 2 ** 53) return integerSum(terms);
      return name !== "bool" && dtype(name).bytes <= 4 ? modularSum(terms) : undefined;
    case "min":
    case "max":
    case "maxnum":
      // Unrounded 64-bit terms must be themselves what they wrap to.
      if (dtype(name).bytes === 8 && result > 64) return undefined;
      return extremum(fold, name, terms);
    case "osum":
    case "oprod":
      return ordered(fold, name, terms);
  }
}
