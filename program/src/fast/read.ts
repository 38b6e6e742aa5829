/**
 * Reading views: joined with data, in any order of the iteration dimensions, into plain arrays.
 */
import { dtype } from "../dtype.ts";
import type { TensorSource } from "../instruction.ts";
import { view as memory } from "../simd.ts";
import { copyBytes, decodedOf, VALUE_BITS, type Tensor, type Values } from "./tensor.ts";
import {
  isGather,
  NONE,
  type Filling,
  type GatherTable,
  type Table,
  type ViewPlan,
  type Walk,
} from "./view.ts";

/** A plan joined with the data of its operands. */
export interface View {
  readonly plan: ViewPlan;
  readonly values: Values | undefined;
  /** The bytes of the values, if those are binary32. */
  readonly bytes: Uint8Array | undefined;
  readonly bits: number;
  readonly tables: readonly Table[];
}

/** Finds a tensor that is in memory. */
export type Lookup = (source: TensorSource, id: number) => Tensor;

/** Tables up to this size keep what filling them takes from run to run, as making it takes longer than they do. */
const KEPT = 4096;

function fillingOf({ plan, dims }: GatherTable): Filling {
  const count = dims.reduce((n, d) => n * (plan.sizes[d] ?? 1), 1);
  const [coordinates, mask, data] = [new Float64Array(count), new Uint8Array(count), new Int32Array(count)];
  return { walk: walkOf(plan, dims), coordinates, mask, data };
}

function gatherTable(gather: GatherTable, elements: number, lookup: Lookup): Table | undefined {
  const { plan, strides, size, stride } = gather;
  const view = bind(plan, lookup);
  if (view === undefined) return undefined;
  const filling = gather.filling ?? fillingOf(gather);
  const { walk, coordinates, mask, data } = filling;
  const count = data.length;
  if (count <= KEPT) gather.filling = filling;
  mask.fill(1);
  read(view, walk, originOf(view), 0, count, coordinates, 0, mask);
  for (let i = 0; i < count; i++) {
    const at = coordinates[i] ?? 0;
    data[i] = mask[i] === 1 && at >= 0 && at < size && at * stride < elements ? at * stride : NONE;
  }
  return { data, strides };
}

/** Joins a plan with the data of its operands. @returns undefined if they are not numbers (acc). */
export function bind(plan: ViewPlan, lookup: Lookup): View | undefined {
  const tables: Table[] = [];
  for (const table of plan.tables) {
    const bound = isGather(table) ? gatherTable(table, plan.elements, lookup) : table;
    if (bound === undefined) return undefined;
    tables.push(bound);
  }
  if (plan.operand === undefined)
    return { plan, values: undefined, bytes: undefined, bits: plan.bits, tables };
  const tensor = lookup(plan.operand.source, plan.operand.id);
  return tensor.dtype === "acc" ? undefined : new TensorView(plan, tensor, tables);
}

/** The same with addresses in place of values. */
export function bindAddresses(plan: ViewPlan, lookup: Lookup): View | undefined {
  return bind({ ...plan, operand: undefined }, lookup);
}

/** A view of a tensor, whose values are decoded when they are first asked for. */
class TensorView implements View {
  readonly plan: ViewPlan;
  readonly tables: readonly Table[];
  private readonly tensor: Tensor;

  constructor(plan: ViewPlan, tensor: Tensor, tables: readonly Table[]) {
    this.plan = plan;
    this.tensor = tensor;
    this.tables = tables;
  }

  get values(): Values | undefined {
    return decodedOf(this.tensor)?.values;
  }

  get bytes(): Uint8Array | undefined {
    return this.tensor.dtype === "f32" ? this.tensor.data : undefined;
  }

  get bits(): number {
    return dtype(this.tensor.dtype).bytes === 8
      ? (decodedOf(this.tensor)?.bits ?? Infinity)
      : VALUE_BITS[this.tensor.dtype];
  }
}

export function walkOf(plan: ViewPlan, dims: readonly number[]): Walk {
  const rows = [plan.strides, ...plan.tables.map((table) => table.strides)];
  const { sizes, strides } = joinDims(
    dims.map((d) => plan.sizes[d] ?? 1),
    rows.map((row) => dims.map((d) => row[d] ?? 0)),
  );
  const [own = [], ...tableStrides] = strides;
  return { sizes, strides: own, tableStrides };
}

/** Row-major dimensions without those of size 1, neighbours as one wherever every row of strides steps evenly; at least one. */
export function joinDims(
  sizes: readonly number[],
  rows: readonly (readonly number[])[],
): { sizes: number[]; strides: number[][] } {
  const joined: number[] = [];
  const strides: number[][] = rows.map(() => []);
  for (const [d, size] of sizes.entries()) {
    if (size === 1) continue;
    const last = joined.length - 1;
    const even = last >= 0 && rows.every((row, k) => strides[k]?.[last] === (row[d] ?? 0) * size);
    const to = even ? last : last + 1;
    joined[to] = even ? (joined[last] ?? 1) * size : size;
    for (const [k, row] of rows.entries()) {
      const own = strides[k];
      if (own !== undefined) own[to] = row[d] ?? 0;
    }
  }
  if (joined.length === 0) {
    joined.push(1);
    for (const own of strides) own.push(0);
  }
  return { sizes: joined, strides };
}

/** Address and table positions of the dimensions outside a walk. */
export interface Origin {
  readonly address: number;
  readonly positions: readonly number[];
}

function along(strides: readonly number[], dims: readonly number[], index: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < dims.length; k++) sum += (strides[dims[k] ?? 0] ?? 0) * (index[k] ?? 0);
  return sum;
}

const NOWHERE: readonly number[] = [];

/** @param index One per iteration dimension of `dims`. */
export function originOf(view: View, dims = NOWHERE, index = NOWHERE): Origin {
  const { offset, strides } = view.plan;
  const positions = view.tables.map((table) => along(table.strides, dims, index));
  return { address: offset + along(strides, dims, index), positions };
}

/**
 * Writes the loads at positions start .. start+count of a walk to out[at...]; with `mask` (of equal length), clears the mask at
 * loads that skip their term, where 0 is written.
 */
export function read(
  view: View,
  walk: Walk,
  origin: Origin,
  start: number,
  count: number,
  out: Values,
  at: number,
  mask?: Uint8Array,
): void {
  const { sizes, strides, tableStrides } = walk;
  const last = sizes.length - 1;
  const index: number[] = sizes.map(() => 0);
  const positions = [...origin.positions];
  let address = origin.address;
  let rest = start;
  for (let d = last; d >= 0; d--) {
    const size = sizes[d] ?? 1;
    const i = rest % size;
    rest = (rest - i) / size;
    index[d] = i;
    address += i * (strides[d] ?? 0);
    for (let t = 0; t < positions.length; t++)
      positions[t] = (positions[t] ?? 0) + i * (tableStrides[t]?.[d] ?? 0);
  }
  const run = sizes[last] ?? 1;
  const steps = tableStrides.map((row) => row[last] ?? 0);
  const step = strides[last] ?? 0;
  const simple = view.tables.length === 0 && view.plan.limit === Infinity;
  for (let done = 0; done < count;) {
    const first = index[last] ?? 0;
    const length = Math.min(run - first, count - done);
    if (simple) readLinear(view, address, step, out, at + done, length);
    else readTables(view, address, step, positions, steps, out, at + done, length, mask);
    done += length;
    // Odometer: back to the start of the run, then carry.
    address -= first * step;
    for (let t = 0; t < positions.length; t++) positions[t] = (positions[t] ?? 0) - first * (steps[t] ?? 0);
    index[last] = 0;
    for (let d = last - 1; d >= 0; d--) {
      const size = sizes[d] ?? 1;
      const i = (index[d] ?? 0) + 1;
      const by = i < size ? 1 : 1 - size;
      index[d] = i < size ? i : 0;
      address += by * (strides[d] ?? 0);
      for (let t = 0; t < positions.length; t++)
        positions[t] = (positions[t] ?? 0) + by * (tableStrides[t]?.[d] ?? 0);
      if (i < size) break;
    }
  }
}

function readLinear(
  view: View,
  address: number,
  step: number,
  out: Values,
  at: number,
  length: number,
): void {
  const { values } = view;
  const { zero } = view.plan;
  if (step === 0) {
    out.fill(values === undefined ? address : (values[address] ?? 0) - zero, at, at + length);
    return;
  }
  if (values === undefined) for (let j = 0; j < length; j++) out[at + j] = address + j * step;
  else if (step === 1 && zero === 0) {
    const { bytes } = view;
    if (bytes !== undefined && out === memory.f32())
      copyBytes(memory.u8(), at * 4, bytes, address * 4, (address + length) * 4);
    else out.set(values.subarray(address, address + length), at);
  } else for (let j = 0; j < length; j++) out[at + j] = (values[address + j * step] ?? 0) - zero;
}

function readTables(
  view: View,
  address: number,
  step: number,
  positions: readonly number[],
  steps: readonly number[],
  out: Values,
  at: number,
  length: number,
  mask: Uint8Array | undefined,
): void {
  const { values, tables } = view;
  const { zero, fill, limit } = view.plan;
  // The tables that stay the same along the run first: most padded rows end here or need no table at all.
  let moving: Table | undefined;
  let movingAt = 0;
  let movingStep = 0;
  let several = false;
  let base = address;
  for (let t = 0; t < tables.length; t++) {
    const table = tables[t];
    if (table === undefined) continue;
    const position = positions[t] ?? 0;
    if (steps[t] !== 0) {
      several ||= moving !== undefined;
      moving = table;
      movingAt = position;
      movingStep = steps[t] ?? 0;
      continue;
    }
    const summand = table.data[position] ?? NONE;
    if (summand === NONE) {
      out.fill(fill ?? 0, at, at + length);
      if (fill === undefined) mask?.fill(0, at, at + length);
      return;
    }
    base += summand;
  }
  if (moving === undefined && base + step * (length - 1) < limit && base < limit) {
    readLinear(view, base, step, out, at, length);
    return;
  }
  for (let j = 0; j < length; j++) {
    let sum = base + step * j;
    let inside = true;
    if (several) {
      for (let t = 0; t < tables.length; t++) {
        if (steps[t] === 0) continue;
        const summand = tables[t]?.data[(positions[t] ?? 0) + j * (steps[t] ?? 0)] ?? NONE;
        if (summand === NONE) inside = false;
        sum += summand;
      }
    } else if (moving !== undefined) {
      const summand = moving.data[movingAt + j * movingStep] ?? NONE;
      if (summand === NONE) inside = false;
      sum += summand;
    }
    if (inside && sum < limit) out[at + j] = values === undefined ? sum : (values[sum] ?? 0) - zero;
    else {
      out[at + j] = fill ?? 0;
      if (mask !== undefined && fill === undefined) mask[at + j] = 0;
    }
  }
}
