/**
 * What a lowering rule asks for: one instruction over values, in logical coordinates; and its translation into stored
 * coordinates.
 */
import type { DTypeName } from "../dtype.ts";
import type { Affine, Body, Fold } from "../instruction.ts";
import { affine, digitsOf, substitute } from "./affine.ts";
import type { TensorRef, Value } from "./value.ts";

/** A coordinate that is read from an integer value; `zero` is subtracted from it. */
export interface GatherCoordinate {
  readonly gather: Value;
  readonly at: readonly Affine[];
  readonly zero?: number;
}

export interface ValueLoad {
  readonly value: Value;
  /** One coordinate per dimension of the value. Outside the dimension, the load is out of range. */
  readonly at: readonly (Affine | GatherCoordinate)[];
  readonly zero?: number;
  /** Bits of the value for an out-of-range load. */
  readonly fill?: bigint;
  /** Further conditions 0 <= at < size for being in range. */
  readonly checks?: readonly { readonly size: number; readonly at: Affine }[];
}

export type LoadSpec = ValueLoad | { readonly index: Affine };

/** Affine expressions number the dimensions of `out` first, then those of `red`. */
export interface Spec {
  readonly body: Body;
  readonly fold?: Fold;
  readonly dtype: DTypeName;
  readonly out: readonly number[];
  readonly red?: readonly number[];
  readonly loads: readonly LoadSpec[];
}

/** A load in stored coordinates; strides have any sign. */
export interface StoredAxis {
  readonly size: number;
  readonly stride: number;
  readonly at: Affine | { readonly gather: StoredLoad };
}

export interface StoredLoad {
  readonly tensor: TensorRef;
  readonly offset: number;
  readonly axes: readonly StoredAxis[];
  readonly zero: number | undefined;
  readonly fill: bigint | undefined;
}

export function sizesOf(spec: Spec): number[] {
  return [...spec.out, ...(spec.red ?? [])];
}

function mapLoad(load: LoadSpec, f: (a: Affine) => Affine): LoadSpec {
  if ("index" in load) return { index: f(load.index) };
  const at = load.at.map((c) => ("gather" in c ? { ...c, at: c.at.map(f) } : f(c)));
  const checks = (load.checks ?? []).map((check) => ({ ...check, at: f(check.at) }));
  return { ...load, at, checks };
}

/**
 * Replaces iteration dimension `dim` by an outer one and an inner one of `inner` steps. If these overshoot the size, a
 * check on the first load without a fill puts the excess out of range.
 */
export function splitDim(spec: Spec, dim: number, inner: number): Spec {
  const sizes = sizesOf(spec);
  const size = sizes[dim] ?? 1;
  const outer = Math.ceil(size / inner);
  const loads = spec.loads.map((load) =>
    mapLoad(load, (a) =>
      substitute(a, (term) => {
        if (term.dim < dim) return [term];
        if (term.dim > dim) return [{ dim: term.dim + 1, coef: term.coef }];
        return [
          { dim, coef: term.coef * inner },
          { dim: dim + 1, coef: term.coef },
        ];
      }),
    ),
  );
  if (outer * inner !== size) {
    const guarded = loads.findIndex((load) => "value" in load && load.fill === undefined);
    const load = loads[guarded];
    if (load === undefined || "index" in load)
      throw new RangeError("no load can carry the check of a ragged split");
    const check = {
      size,
      at: affine([
        [dim, inner],
        [dim + 1, 1],
      ]),
    };
    loads[guarded] = { ...load, checks: [...(load.checks ?? []), check] };
  }
  sizes.splice(dim, 1, outer, inner);
  const nOut = spec.out.length + (dim < spec.out.length ? 1 : 0);
  return { ...spec, out: sizes.slice(0, nOut), red: sizes.slice(nOut), loads };
}

/** A spec in stored coordinates, or the value that must be stored plainly before that is possible. */
export type Resolution =
  | { readonly spec: Spec; readonly loads: readonly (StoredLoad | { readonly index: Affine })[] }
  | { readonly spec: Spec; readonly copy: Value };

/** Splits iteration dimensions as far as the factors of the loaded values demand. */
export function resolve(original: Spec): Resolution {
  let spec = original;
  for (;;) {
    const sizes = sizesOf(spec);
    const loads: (StoredLoad | { index: Affine })[] = [];
    let again: Spec | undefined;
    for (const load of spec.loads) {
      if ("index" in load) {
        loads.push(load);
        continue;
      }
      const found = resolveLoad(load, sizes);
      if ("copy" in found) return { spec, copy: found.copy };
      if ("split" in found) {
        again = splitDim(spec, found.split.dim, found.split.inner);
        break;
      }
      loads.push(found);
    }
    if (again === undefined) return { spec, loads };
    spec = again;
  }
}

type LoadResolution =
  | StoredLoad
  | { readonly copy: Value }
  | { readonly split: { readonly dim: number; readonly inner: number } };

function resolveLoad(load: ValueLoad, sizes: readonly number[]): LoadResolution {
  const axes: StoredAxis[] = (load.checks ?? []).map(({ size, at }) => ({ size, stride: 0, at }));
  for (const [d, coordinate] of load.at.entries()) {
    const factors = load.value.dims[d] ?? [];
    const [only] = factors.length === 0 ? [{ size: 1, stride: 0 }] : factors;
    if ("gather" in coordinate) {
      if (factors.length > 1 || only === undefined || only.stride < 0) return { copy: load.value };
      const { gather: value, at, zero } = coordinate;
      const inner = resolveLoad({ value, at, ...(zero === undefined ? {} : { zero }) }, sizes);
      if (!("tensor" in inner)) return inner;
      axes.push({ ...only, at: { gather: inner } });
    } else if (factors.length <= 1 && only !== undefined) axes.push({ ...only, at: coordinate });
    else {
      const found = digitsOf(
        coordinate,
        factors.map((factor) => factor.size),
        sizes,
      );
      if (found === undefined) return { copy: load.value };
      if ("split" in found) return found;
      found.digits.forEach((at, k) => {
        const factor = factors[k];
        if (factor !== undefined) axes.push({ ...factor, at });
      });
    }
  }
  return { tensor: load.value.tensor, offset: load.value.offset, axes, zero: load.zero, fill: load.fill };
}
