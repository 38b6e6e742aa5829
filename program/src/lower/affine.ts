/**
 * Affine expressions in iteration indices (docs/program.md §3).
 */
import type { Affine, Term } from "../instruction.ts";

/** c0 + Σ coef·index, or with `div` its floor quotient. Terms of one dim are added up. */
export function affine(
  terms: readonly (readonly [dim: number, coef: number])[],
  c0 = 0,
  div = 1,
  exact = false,
): Affine {
  return normal({ c0, terms: terms.map(([dim, coef]) => ({ dim, coef })), div, exact });
}

/** The index of one iteration dimension. */
export function at(dim: number): Affine {
  return affine([[dim, 1]]);
}

export const ZERO: Affine = affine([]);

function normal(a: Affine): Affine {
  const coefs = new Map<number, number>();
  for (const { dim, coef } of a.terms) coefs.set(dim, (coefs.get(dim) ?? 0) + coef);
  const terms = [...coefs].filter(([, coef]) => coef !== 0).map(([dim, coef]) => ({ dim, coef }));
  terms.sort((x, y) => x.dim - y.dim);
  return { c0: a.c0, terms, div: a.div, exact: a.exact && a.div > 1 };
}

/** Replaces each term by those that `replace` gives for it. */
export function substitute(a: Affine, replace: (term: Term) => readonly Term[]): Affine {
  return normal({ ...a, terms: a.terms.flatMap(replace) });
}

export function coefOf(a: Affine, dim: number): number {
  return a.terms.find((term) => term.dim === dim)?.coef ?? 0;
}

/** Smallest and largest value over all iterations, whether or not a division leaves a remainder. */
export function bounds(a: Affine, sizes: readonly number[]): readonly [min: number, max: number] {
  let min = a.c0;
  let max = a.c0;
  for (const { dim, coef } of a.terms) {
    const reach = coef * ((sizes[dim] ?? 1) - 1);
    if (reach < 0) min += reach;
    else max += reach;
  }
  return [Math.floor(min / a.div), Math.floor(max / a.div)];
}

/** Whether every iteration gives a coordinate in 0..size-1. */
export function alwaysInRange(a: Affine, size: number, sizes: readonly number[]): boolean {
  const [min, max] = bounds(a, sizes);
  return min >= 0 && max < size && !a.exact;
}

/** size - 1 - a. */
export function flipped(a: Affine, size: number): Affine {
  // -floor(x / d) = floor((d - 1 - x) / d); where only exact quotients count, -x / d.
  const bias = a.exact ? 0 : a.div - 1;
  const terms = a.terms.map(({ dim, coef }) => ({ dim, coef: -coef }));
  return { c0: (size - 1) * a.div + bias - a.c0, terms, div: a.div, exact: a.exact };
}

/** The result of taking an affine expression apart into digits, innermost radix last. */
export type Digits =
  | { readonly digits: readonly Affine[] }
  /** Possible once iteration dimension `dim` is split so that its inner part has `inner` steps. */
  | { readonly split: { readonly dim: number; readonly inner: number } }
  | undefined;

/**
 * Mixed-radix digits of an expression that stays within 0..product(radices)-1.
 * @returns undefined if the digits are not affine.
 */
export function digitsOf(a: Affine, radices: readonly number[], sizes: readonly number[]): Digits {
  if (radices.length <= 1) return { digits: radices.length === 0 ? [] : [a] };
  const total = radices.reduce((x, y) => x * y, 1);
  if (a.div !== 1 || !alwaysInRange(a, total, sizes)) return undefined;
  const radix = radices[radices.length - 1] ?? 1;
  const outer: Term[] = [];
  const inner: Term[] = [];
  for (const term of a.terms) {
    const size = sizes[term.dim] ?? 1;
    if (term.coef % radix === 0) outer.push({ dim: term.dim, coef: term.coef / radix });
    else if (term.coef < 0) return undefined;
    else if (term.coef * (size - 1) < radix) inner.push(term);
    else {
      const step = radix / term.coef;
      return Number.isInteger(step) && size % step === 0
        ? { split: { dim: term.dim, inner: step } }
        : undefined;
    }
  }
  const c0 = ((a.c0 % radix) + radix) % radix;
  const low: Affine = { c0, terms: inner, div: 1, exact: false };
  if (!alwaysInRange(low, radix, sizes)) return undefined;
  const high: Affine = { c0: (a.c0 - c0) / radix, terms: outer, div: 1, exact: false };
  const rest = digitsOf(high, radices.slice(0, -1), sizes);
  return rest !== undefined && "digits" in rest ? { digits: [...rest.digits, low] } : rest;
}
