/**
 * Loads as strided views. Of each load the iteration indices that stay in range form a linear address; what is left (padding,
 * division, gathers) is looked up in one table per axis over the few iteration dimensions that it depends on.
 */
import type { Affine, Axis, IndexLoad, TensorLoad, TensorSource } from "../instruction.ts";
import { floatValue } from "./float.ts";
import { dtype, integerRange, isFloat, type DTypeName } from "../dtype.ts";
import { bitsOf, SAFE_BITS } from "./tensor.ts";

/** Marks a table entry that is out of range. */
export const NONE = -0x80000000;
const TABLE_LIMIT = 2 ** 26;

/** data[sum of index * stride] is a summand of the address, or NONE. */
export interface Table {
  readonly data: Int32Array;
  /** One per iteration dimension. */
  readonly strides: readonly number[];
}

/** A table that the values of a gathered operand fill anew in each run. */
export interface GatherTable {
  readonly plan: ViewPlan;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly size: number;
  readonly stride: number;
  filling: Filling | undefined;
}

/** What it takes to fill such a table. */
export interface Filling {
  readonly walk: Walk;
  readonly coordinates: Float64Array;
  readonly mask: Uint8Array;
  readonly data: Int32Array;
}

/** A row-major order over some iteration dimensions, neighbours merged where the view allows. */
export interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Per table. */
  readonly tableStrides: readonly (readonly number[])[];
}

/** The part of a view that does not depend on data. */
export interface ViewPlan {
  /** undefined: the address is itself the value (index loads). */
  readonly operand:
    { readonly source: TensorSource; readonly id: number; readonly dtype: DTypeName } | undefined;
  readonly sizes: readonly number[];
  readonly offset: number;
  readonly strides: readonly number[];
  readonly tables: readonly (Table | GatherTable)[];
  /** Addresses from here on are out of range; Infinity if there are none. */
  readonly limit: number;
  readonly elements: number;
  /** No value of an index load exceeds 2^bits in size. */
  readonly bits: number;
  readonly zero: number;
  /** Value of an out-of-range load; undefined skips the term. */
  readonly fill: number | undefined;
}

export function isGather(table: Table | GatherTable): table is GatherTable {
  return "plan" in table;
}

/** Row-major strides of a table over `dims`, 0 for all other dimensions. */
function tableStrides(
  dims: readonly number[],
  sizes: readonly number[],
): { strides: number[]; count: number } {
  const strides = sizes.map(() => 0);
  let count = 1;
  for (const d of [...dims].sort((x, y) => y - x)) {
    strides[d] = count;
    count *= sizes[d] ?? 1;
  }
  return { strides, count };
}

/** Coefficients per dimension; undefined if the numerator could leave the integers that float64 adds exactly. */
function linear(
  at: Affine,
  sizes: readonly number[],
): { coefs: number[]; min: number; max: number } | undefined {
  const coefs = sizes.map(() => 0);
  for (const { dim, coef } of at.terms) coefs[dim] = (coefs[dim] ?? 0) + coef;
  let min = at.c0;
  let max = at.c0;
  let reach = Math.abs(at.c0);
  for (const [d, coef] of coefs.entries()) {
    const span = coef * ((sizes[d] ?? 1) - 1);
    if (span < 0) min += span;
    else max += span;
    reach += Math.abs(span);
  }
  return reach < 2 ** SAFE_BITS ? { coefs, min, max } : undefined;
}

/** Table over `dims` of floor((c0 + sum coef * index) / div) * stride, NONE outside 0 <= quotient < size. */
function affineTable(
  at: Affine,
  coefs: readonly number[],
  dims: readonly number[],
  sizes: readonly number[],
  accept: (quotient: number) => number,
): Table | undefined {
  const { strides, count } = tableStrides(dims, sizes);
  if (count > TABLE_LIMIT) return undefined;
  const data = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    let numerator = at.c0;
    for (const d of dims)
      numerator += (coefs[d] ?? 0) * (Math.floor(i / (strides[d] ?? 1)) % (sizes[d] ?? 1));
    const quotient = Math.floor(numerator / at.div);
    data[i] = at.exact && quotient * at.div !== numerator ? NONE : accept(quotient);
  }
  return { data, strides };
}

interface Address {
  offset: number;
  readonly strides: number[];
  readonly tables: (Table | GatherTable)[];
  /** Largest address of the linear part. */
  max: number;
}

/** Adds floor(at) * stride, which is known to be in range, to an address. */
function addLinear(
  to: Address,
  at: Affine,
  range: { coefs: number[]; min: number; max: number },
  stride: number,
  sizes: readonly number[],
): boolean {
  const { coefs } = range;
  const dims = [...coefs.keys()].filter((d) => coefs[d] !== 0 && (sizes[d] ?? 1) > 1);
  // Multiples of div leave the division.
  const whole = (d: number): boolean => (coefs[d] ?? 0) % at.div === 0;
  const rest = dims.filter((d) => !whole(d));
  for (const d of dims)
    if (whole(d)) to.strides[d] = (to.strides[d] ?? 0) + ((coefs[d] ?? 0) / at.div) * stride;
  to.max += Math.floor(range.max / at.div) * stride;
  if (rest.length === 0 && !(at.exact && at.c0 % at.div !== 0)) {
    to.offset += Math.floor(at.c0 / at.div) * stride;
    return true;
  }
  let worst = 0;
  const table = affineTable(at, coefs, rest, sizes, (quotient) => {
    worst = Math.max(worst, Math.abs(quotient * stride));
    return quotient * stride;
  });
  if (table === undefined || worst >= 2 ** 31) return false;
  to.tables.push(table);
  return true;
}

function addAxis(to: Address, axis: Axis, sizes: readonly number[], elements: number): boolean {
  const { size, stride, at } = axis;
  if ("gather" in at) {
    const plan = planTensor(at.gather, sizes, false);
    if (plan === undefined || plan.operand?.dtype === "acc") return false;
    const dims = [...sizes.keys()].filter(
      (d) => (sizes[d] ?? 1) > 1 && (plan.strides[d] !== 0 || plan.tables.some((t) => t.strides[d] !== 0)),
    );
    const { strides, count } = tableStrides(dims, sizes);
    if (count > TABLE_LIMIT) return false;
    to.tables.push({ plan, dims, strides, size, stride, filling: undefined });
    return true;
  }
  const range = linear(at, sizes);
  if (range === undefined) return false;
  if (range.min >= 0 && Math.floor(range.max / at.div) < size) return addLinear(to, at, range, stride, sizes);
  const dims = [...range.coefs.keys()].filter((d) => range.coefs[d] !== 0 && (sizes[d] ?? 1) > 1);
  const table = affineTable(at, range.coefs, dims, sizes, (quotient) =>
    quotient >= 0 && quotient < size && quotient * stride < elements ? quotient * stride : NONE,
  );
  if (table === undefined) return false;
  to.tables.push(table);
  return true;
}

/** The number that an element's bits stand for; undefined for one that float64 does not hold. */
export function literalValue(name: DTypeName, bits: bigint): number | undefined {
  if (name === "acc") return undefined;
  if (isFloat(name)) return floatValue(name, Number(bits));
  if (name === "bool") return bits === 0n ? 0 : 1;
  const width = 8 * dtype(name).bytes;
  const value = Number(integerRange(name)[0] < 0n ? BigInt.asIntN(width, bits) : BigInt.asUintN(width, bits));
  return Math.abs(value) <= 2 ** SAFE_BITS ? value : undefined;
}

/**
 * @param sizes Iteration dimensions, output dimensions first.
 * @param zeroWithoutFill What an out-of-range load without a fill does: gives 0, or skips the term.
 * @returns undefined if the load does not fit this representation.
 */
export function planTensor(
  load: TensorLoad,
  sizes: readonly number[],
  zeroWithoutFill: boolean,
): ViewPlan | undefined {
  const { elements, axes } = load;
  if (elements >= 2 ** 31) return undefined;
  const to: Address = { offset: 0, strides: sizes.map(() => 0), tables: [], max: 0 };
  for (const axis of axes) if (!addAxis(to, axis, sizes, elements)) return undefined;
  if (to.max >= 2 ** SAFE_BITS) return undefined;
  const fill =
    load.fill === undefined ? (zeroWithoutFill ? 0 : undefined) : literalValue(load.dtype, load.fill);
  if (load.fill !== undefined && fill === undefined) return undefined;
  const closed = to.tables.length === 0 && to.max < elements;
  return {
    operand: { source: load.source, id: load.id, dtype: load.dtype },
    sizes,
    offset: to.offset,
    strides: to.strides,
    tables: to.tables,
    limit: closed ? Infinity : elements,
    elements,
    bits: 0,
    zero: load.zero ?? 0,
    fill,
  };
}

export function planIndex(
  load: IndexLoad,
  sizes: readonly number[],
  zeroWithoutFill: boolean,
): ViewPlan | undefined {
  const range = linear(load.at, sizes);
  const to: Address = { offset: 0, strides: sizes.map(() => 0), tables: [], max: 0 };
  if (range === undefined || !addLinear(to, load.at, range, 1, sizes)) return undefined;
  const { offset, strides, tables } = to;
  const fill = zeroWithoutFill ? 0 : undefined;
  const bits = bitsOf(Math.max(-range.min, range.max));
  return {
    operand: undefined,
    sizes,
    offset,
    strides,
    tables,
    limit: Infinity,
    elements: 0,
    bits,
    zero: 0,
    fill,
  };
}

/** The load as it is where its fill does not count: out of range, it skips its term or gives 0. */
export function withoutFill({ kind, source, id, dtype: name, elements, zero, axes }: TensorLoad): TensorLoad {
  return { kind, source, id, dtype: name, elements, ...(zero === undefined ? {} : { zero }), axes };
}

/** Whether some of its loads may be out of range and skip their terms. */
export function skips(plan: ViewPlan): boolean {
  return plan.fill === undefined && (plan.limit !== Infinity || plan.tables.length > 0);
}

/** Whether a load depends on an iteration dimension. */
export function dependsOn(plan: ViewPlan, d: number): boolean {
  return (plan.sizes[d] ?? 1) > 1 && (plan.strides[d] !== 0 || plan.tables.some((t) => t.strides[d] !== 0));
}
