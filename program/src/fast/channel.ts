/**
 * Folds of few terms along whose last output dimension every operand steps evenly: depthwise convolutions and pooling stored channels last. The kernels
 * (program/assembly/runs.ts) compute a run of neighbouring outputs at a time.
 *
 * Float sums are decided as in exactsum.ts: in any order the float64 sum s of n exact products p is within 1.001 (n-1) u sum|p| of the
 * exact one; if both ends of that interval, widened for their own rounding, round to one element, so does the exact sum.
 */
import { dtype, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import { boundFactor, decideBound, foldedSum, settleOpen, stages } from "./exactsum.ts";
import { operandOf } from "./flat.ts";
import { roundOf, type Round } from "./float.ts";
import { emptyFold } from "./fold.ts";
import { bind, originOf, read, walkOf, type Lookup, type View } from "./read.ts";
import { allocate, free, kernels, view } from "../simd.ts";
import {
  canonicalizeF32,
  copyBytes,
  decodedOf,
  KINDS,
  storeInto,
  viewAs,
  type Store,
  type Tensor,
} from "./tensor.ts";
import { isGather, NONE, planTensor, type ViewPlan, type Walk } from "./view.ts";

/** Shorter runs do not pay. */
const LEAST_RUN = 8;
/** Terms of rows that are left to rows.ts. */
const LONG_ROW = 32;
/** Longer sums are matrix products, or rare. */
const MOST_TERMS = 256;
/** Terms whose addresses are worked out at a time, and outputs that are held at a time. */
const BLOCK = 2 ** 14;
/** Elements of an operand that are copied to the kernels' memory; of one whose loads are brought side by side. */
const MOST_ELEMENTS = 2 ** 26;
const MOST_TURNED = 2 ** 16;
const SPARE = 64;
/** Terms of an instruction whose places are kept with the program. */
const MOST_KEPT = 2 ** 18;

/** Folds that choose, as in program/assembly/runs.ts. */
export const CHOICES = { min: 0, max: 1, maxnum: 2 } as const;
export type Choice = keyof typeof CHOICES;

export function isChoice(fold: Instruction["fold"]): fold is Choice {
  return fold in CHOICES;
}

interface Side {
  readonly plan: ViewPlan;
  /** Over the outer output dimensions and the reduction: gives addresses. */
  readonly walk: Walk;
  /** Step along the run. */
  readonly step: number;
}

export interface ChannelPlan {
  /** One, or the two factors of a product. */
  readonly sides: readonly [Side, ...Side[]];
  readonly choice: Choice | undefined;
  /** Outputs of one run, runs, terms of one output. */
  readonly run: number;
  readonly runs: number;
  readonly terms: number;
  /** Terms of runs by their first one, where they depend on no data and are few enough to keep. */
  readonly kept: Map<number, Lists> | undefined;
}

/** A view whose loads give their addresses rather than what stands there. */
function addressesOf(bound: View): View {
  return {
    plan: { ...bound.plan, zero: 0 },
    values: undefined,
    bytes: undefined,
    bits: 0,
    tables: bound.tables,
  };
}

function sideOf(plan: ViewPlan, last: number, dims: readonly number[]): Side | undefined {
  const step = plan.strides[last] ?? 0;
  if (plan.fill !== undefined || step < 0 || plan.tables.some((table) => table.strides[last] !== 0))
    return undefined;
  return { plan, walk: walkOf(plan, dims), step };
}

/** @returns undefined if the instruction is not of this form. */
export function planChannel(instruction: Instruction): ChannelPlan | undefined {
  const { body, fold, dtype: name, outDims, redDims, loads } = instruction;
  const choice = isChoice(fold) ? fold : undefined;
  if (name === "acc" || (fold !== "sum" && choice === undefined)) return undefined;
  if (body !== "copy" && !(body === "mul" && fold === "sum")) return undefined;
  const last = outDims.length - 1;
  const run = outDims[last] ?? 1;
  const terms = product(redDims);
  if (run < LEAST_RUN || terms > MOST_TERMS) return undefined;
  const sizes = [...outDims, ...redDims];
  const dims = [...sizes.keys()].filter((d) => d !== last);
  const sides: Side[] = [];
  for (const load of loads) {
    // Chosen elements are not rounded, so they must be of the output's dtype.
    if (load.kind !== "tensor" || (choice !== undefined && (load.dtype !== name || (load.zero ?? 0) !== 0)))
      return undefined;
    const plan = planTensor(load, sizes, false);
    const side = plan && plan.elements <= MOST_ELEMENTS ? sideOf(plan, last, dims) : undefined;
    if (side === undefined) return undefined;
    sides.push(side);
  }
  // A product one side of which repeats along the run is a matrix product.
  if (!sides.every(({ step }) => step > 0)) return undefined;
  // Sums along neighbours are sums of rows.
  const along = sides[0]?.plan.strides[sizes.length - 1] ?? 0;
  if (sides.length === 1 && along === 1 && terms >= LONG_ROW) return undefined;
  const [one, ...rest] = sides;
  if (one === undefined) return undefined;
  const runs = product(outDims) / run;
  const still = sides.every(({ plan }) => !plan.tables.some(isGather)) && runs * terms <= MOST_KEPT;
  return {
    sides: [one, ...rest],
    choice,
    run,
    runs,
    terms,
    kept: still ? new Map<number, Lists>() : undefined,
  };
}

type Lanes = "f32" | "i32";

/** The elements from..to of a view's operand that it may load, and no others. */
function reachOf({ plan, tables }: View): readonly [from: number, to: number] {
  let [low, high] = [plan.offset, plan.offset];
  for (const [d, stride] of plan.strides.entries()) {
    const end = stride * ((plan.sizes[d] ?? 1) - 1);
    low += Math.min(0, end);
    high += Math.max(0, end);
  }
  for (const { data } of tables) {
    let [least, most] = [Infinity, -Infinity];
    for (const address of data)
      if (address !== NONE) {
        least = Math.min(least, address);
        most = Math.max(most, address);
      }
    if (least > most) return [0, 0];
    low += least;
    high += most;
  }
  return [Math.max(0, low), Math.min(plan.elements, high + 1)];
}

/** Copies elements of an operand, less its zero point, to the kernels' memory as lanes. @returns undefined if those cannot hold them. */
function stage(
  tensor: Tensor,
  [from, to]: readonly [number, number],
  { plan, step }: Side,
  lanes: Lanes,
): number | undefined {
  const { dtype: name, data } = tensor;
  const elements = Math.max(0, to - from);
  const { bytes } = dtype(name);
  const kind = KINDS[name];
  // The last lanes of a run may be read from behind its end.
  const address = allocate((elements + 3 * step) * 4 + SPARE);
  if (kind !== undefined && kind > 0 && name !== "i32") {
    const raw = allocate(elements * bytes + SPARE);
    copyBytes(view.u8(), raw, data, from * bytes, to * bytes);
    if (lanes === "f32") kernels.widenF32(address, raw, kind, elements, plan.zero);
    else kernels.widenI32(address, raw, kind, elements, plan.zero);
    return address;
  }
  if (lanes === "i32" && bytes >= 4) {
    // What is right modulo 2^32 comes of the low words.
    const words = viewAs(Int32Array, data);
    const [to, step] = [view.i32(), bytes / 4];
    for (let i = 0; i < elements; i++) to[address / 4 + i] = words[(from + i) * step] ?? 0;
    return plan.zero === 0 ? address : undefined;
  }
  if (plan.zero !== 0 || lanes === "i32") return undefined;
  if (name === "f32") {
    copyBytes(view.u8(), address, data, from * 4, to * 4);
    return address;
  }
  const values = decodedOf(tensor)?.values;
  if (!(values instanceof Float32Array)) return undefined;
  view.f32().set(values.subarray(from, to), address / 4);
  return address;
}

/** Where an operand stands in the kernels' memory. */
interface Operand {
  readonly side: Side;
  readonly view: View;
  /** Of element 0; it need not be there itself. */
  readonly address: number;
  /** Lanes between the loads of neighbouring outputs. */
  readonly step: number;
  /** Elements `step` apart that were laid side by side: how many; 0 if all are in their order. */
  readonly sideBySide: number;
}

function bindSide(side: Side, lookup: Lookup, lanes: Lanes): Operand | undefined {
  const { operand } = side.plan;
  const bound = bind(side.plan, lookup);
  if (operand === undefined || bound === undefined) return undefined;
  const { step } = side;
  const tensor = lookup(operand.source, operand.id);
  const { elements } = tensor;
  const turns = step > 1 && elements % step === 0 && elements <= MOST_TURNED;
  const reach = turns ? ([0, elements] as const) : reachOf(bound);
  const address = stage(tensor, reach, side, lanes);
  if (address === undefined) return undefined;
  if (!turns) return { side, view: bound, step, sideBySide: 0, address: address - reach[0] * 4 };
  const columns = elements / step;
  const turned = allocate(elements * 4 + SPARE);
  const words = view.i32();
  for (let r = 0; r < step; r++)
    for (let c = 0; c < columns; c++)
      words[turned / 4 + r * columns + c] = words[address / 4 + c * step + r] ?? 0;
  return { side, view: bound, step: 1, sideBySide: columns, address: turned };
}

/** Whether int32 holds the terms of a sum that is an i32, modulo 2^32: integers, or products of two small ones. */
function fitsInt32({ sides, choice }: ChannelPlan, name: DTypeName): boolean {
  return (
    choice === undefined &&
    name === "i32" &&
    sides.every(({ plan }) => {
      const of = plan.operand?.dtype;
      return of !== undefined && isInteger(of) && (sides.length === 1 || dtype(of).bytes <= 2);
    })
  );
}

/** Whether sums of these operands' terms are exact in float64 and fit the output. */
function holdsIntegers(operands: readonly Operand[], terms: number, name: DTypeName): boolean {
  let bits = 0;
  for (const { side, view: bound } of operands) {
    const of = side.plan.operand?.dtype;
    if (of === undefined || !isInteger(of)) return false;
    const own = operandOf(of, bound).bits;
    if (own > 24) return false;
    bits += own;
  }
  return terms * 2 ** bits <= 2 ** 53 && !(dtype(name).bytes === 8 && bits > 50);
}

/** The terms that count of some runs: how many each run has, and per side and run the bytes from the operand's start at which they begin. */
interface Lists {
  readonly counts: Int32Array;
  readonly starts: readonly Int32Array[];
}

/** @returns undefined if a run leaves an operand, which only views that are cut off inside a run do. */
function listTerms(
  operands: readonly Operand[],
  plan: ChannelPlan,
  first: number,
  runs: number,
): Lists | undefined {
  const { terms, run } = plan;
  const size = runs * terms;
  const mask = new Uint8Array(size).fill(1);
  const found = operands.map(({ side, view: bound }) => {
    const where = addressesOf(bound);
    const addresses = new Float64Array(size);
    read(where, side.walk, originOf(where), first * terms, size, addresses, 0, mask);
    return addresses;
  });
  const counts = new Int32Array(runs);
  const starts = operands.map(() => new Int32Array(size));
  for (let r = 0; r < runs; r++) {
    let count = r * terms;
    for (let k = r * terms; k < (r + 1) * terms; k++) {
      if (mask[k] === 0) continue;
      for (const [s, { side, sideBySide }] of operands.entries()) {
        const from = found[s]?.[k] ?? 0;
        const { step, plan: of } = side;
        if (from + step * (run - 1) >= of.elements) return undefined;
        const list = starts[s];
        const lane = sideBySide === 0 ? from : (from % step) * sideBySide + Math.floor(from / step);
        if (list !== undefined) list[count] = lane * 4;
      }
      count++;
    }
    counts[r] = count - r * terms;
  }
  return { counts, starts };
}

/** Terms of some runs in the kernels' memory. */
class Terms {
  private readonly operands: readonly Operand[];
  private readonly plan: ChannelPlan;
  private readonly counts: number;
  private readonly starts: readonly number[];
  /** What stands for a second factor where there is none: a 1 of the lanes' kind, always at the same place. */
  private readonly one: number;
  private readonly zeros: number;

  constructor(operands: readonly Operand[], plan: ChannelPlan, runs: number, lanes: Lanes) {
    this.operands = operands;
    this.plan = plan;
    this.counts = allocate(runs * 4);
    this.starts = operands.map(() => allocate(runs * plan.terms * 4));
    this.one = allocate(16);
    this.zeros = allocate(runs * plan.terms * 4);
    view[lanes]()[this.one / 4] = 1;
    view.i32().fill(0, this.zeros / 4, this.zeros / 4 + runs * plan.terms);
  }

  /** @returns false if runs first..first+runs are not all inside the operands. */
  load(first: number, runs: number): boolean {
    const { kept } = this.plan;
    const lists = kept?.get(first) ?? listTerms(this.operands, this.plan, first, runs);
    if (lists === undefined) return false;
    kept?.set(first, lists);
    view.i32().set(lists.counts, this.counts / 4);
    for (const [s, list] of lists.starts.entries()) view.i32().set(list, (this.starts[s] ?? 0) / 4);
    return true;
  }

  /** The arguments of the kernels that say where the terms of side s begin. */
  of(s: number): readonly [base: number, starts: number, step: number] {
    const operand = this.operands[s];
    if (operand === undefined) return [this.one, this.zeros, 0];
    return [operand.address, this.starts[s] ?? 0, operand.step * 4];
  }

  /** The arguments that say how many runs there are, of how many outputs and terms. */
  sizes(runs: number): readonly [runs: number, run: number, terms: number, counts: number] {
    return [runs, this.plan.run, this.plan.terms, this.counts];
  }

  /** The products, or elements, of output i of a loaded run; skipped ones as zeros. */
  products(run: number, i: number): Float64Array {
    const { terms } = this.plan;
    const values = new Float64Array(terms);
    const [words, numbers] = [view.i32(), view.f32()];
    const count = words[this.counts / 4 + run] ?? 0;
    for (let k = 0; k < count; k++) {
      let value = 1;
      for (const [s, { step, address }] of this.operands.entries()) {
        const start = words[(this.starts[s] ?? 0) / 4 + run * terms + k] ?? 0;
        value *= numbers[(address + start) / 4 + i * step] ?? 0;
      }
      values[k] = value;
    }
    return values;
  }
}

/** Writes the sums of a block of runs. */
function sumBlock(
  plan: ChannelPlan,
  listed: Terms,
  runs: number,
  scratch: { sums: number; sizes: number; out: number; open: number },
  name: DTypeName,
  to: { at: number; data: Uint8Array; store: Store },
): void {
  const { run, terms } = plan;
  const n = runs * run;
  kernels.sumRuns(scratch.sums, scratch.sizes, ...listed.sizes(runs), ...listed.of(0), ...listed.of(1));
  const round: Round = isFloat(name) ? roundOf(name) : (v) => v;
  const exactly = (k: number): number =>
    foldedSum(listed.products(Math.floor(k / run), k % run), 0, terms, round);
  const factor = boundFactor(terms);
  if (name === "f32") {
    const count = kernels.decideSums(scratch.out, scratch.sums, scratch.sizes, n, factor, scratch.open);
    stages.bound += n - count;
    settleOpen(scratch.out, scratch.open, count, exactly);
    copyBytes(to.data, to.at * 4, view.u8(), scratch.out, scratch.out + n * 4);
    return;
  }
  const sums = view.f64().slice(scratch.sums / 8, scratch.sums / 8 + n);
  const sizes = view.f64();
  if (isFloat(name))
    for (let i = 0; i < n; i++) {
      const bound = factor * (sizes[scratch.sizes / 8 + i] ?? 0);
      sums[i] = decideBound(sums[i] ?? 0, bound, round) ?? exactly(i);
    }
  to.store(to.at, sums, n);
}

/** @returns false if the values do not fit; another way then has to write the whole output. */
export function runChannel(
  instruction: Instruction,
  plan: ChannelPlan,
  lookup: Lookup,
  out: Tensor,
): boolean {
  const { run, runs, terms, choice } = plan;
  const { dtype: name } = instruction;
  const lanes: Lanes = fitsInt32(plan, name) ? "i32" : "f32";
  free();
  const operands: Operand[] = [];
  for (const side of plan.sides) {
    const operand = bindSide(side, lookup, lanes);
    if (operand === undefined) return false;
    operands.push(operand);
  }
  const [first] = operands;
  if (first === undefined) return false;
  if (choice === undefined) {
    if (!isFloat(name) && lanes === "f32" && !holdsIntegers(operands, terms, name)) return false;
  } else if (name !== "f32" && name !== "u8" && name !== "i8") return false;
  const some = Math.max(1, Math.min(runs, Math.floor(BLOCK / Math.max(terms, run))));
  const listed = new Terms(operands, plan, some, lanes);
  const room = some * run + SPARE;
  const scratch = {
    sums: allocate(room * 8),
    sizes: allocate(room * 8),
    out: allocate(room * 4),
    open: allocate(room * 4),
  };
  const { data } = out;
  const store = storeInto(out);
  for (let from = 0; from < runs; from += some) {
    const count = Math.min(some, runs - from);
    if (!listed.load(from, count)) return false;
    const at = from * run;
    if (lanes === "i32") {
      kernels.sumRunsI32(scratch.out, ...listed.sizes(count), ...listed.of(0), ...listed.of(1));
      copyBytes(data, at * 4, view.u8(), scratch.out, scratch.out + count * run * 4);
    } else if (choice === undefined) sumBlock(plan, listed, count, scratch, name, { at, data, store });
    else {
      const n = count * run;
      const start = emptyFold(choice, name);
      kernels.chooseRuns(CHOICES[choice], start, scratch.out, ...listed.sizes(count), ...listed.of(0));
      copyChosen(out, at, scratch.out, scratch.sums, n);
    }
  }
  return true;
}

/** Copies n chosen binary32 lanes to elements of f32, u8 or i8. @param spare Room in the kernels' memory for n int32. */
export function copyChosen(out: Tensor, at: number, from: number, spare: number, n: number): void {
  if (out.dtype === "f32") {
    copyBytes(out.data, at * 4, view.u8(), from, from + n * 4);
    canonicalizeF32(viewAs(Uint32Array, out.data).subarray(at, at + n));
    return;
  }
  kernels.truncate(spare, from, n);
  kernels.narrow8(from, spare, n, out.dtype === "i8" ? 1 : 0);
  copyBytes(out.data, at, view.u8(), from, from + n);
}
