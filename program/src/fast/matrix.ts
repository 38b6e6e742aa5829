/**
 * Sums of products that are matrix products: output dimensions on which one load alone depends number the rows of its matrix, those on
 * which both depend number a batch, the reduction is the common depth. Convolutions, fully connected layers and attention
 * all have this form once out-of-range terms are written as zeros.
 *
 * Float sums pass stages, each a proven test (u = 2^-53; n terms; |a|, |b| Euclidean norms; all products are exact in
 * float64, and no sum overflows or underflows):
 *
 *   1  In any order, fused or not, a float64 sum s of the products is within (n-1) u / (1 - (n-1) u) * sum|p| <= 1.001 (n-1) u |a||b| of the exact
 *      sum (by Cauchy and Schwarz). If both ends of an interval around s of that size, widened for the rounding of the ends, round to one
 *      element, so does the exact sum.
 *   2  Compensated summation, which is exact if no addition erred; 3 exact expansion: exactsum.ts.
 *
 * Sums of integers are exact, in int32 where they fit, else in float64.
 */
import { dtype, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import {
  boundFactor,
  decideBound,
  decideCompensated,
  foldedSum,
  roundedSum,
  settleOpen,
  stages,
} from "./exactsum.ts";
import { operandOf } from "./flat.ts";
import { roundOf, type Round } from "./float.ts";
import { bind, originOf, read, walkOf, type Lookup, type View } from "./read.ts";
import { allocate, free, kernels, pinned, view } from "../simd.ts";
import { bitsOf, copyBytes, elementsOf, KINDS, storeInto, viewAs, type Tensor } from "./tensor.ts";
import { dependsOn, planTensor, skips, type ViewPlan, type Walk } from "./view.ts";

/** Rows of a that meet a right matrix that stays packed: so many, or more if their values and sums are no more than that. */
const ROWS = 64;
const ROW_VALUES = 2 ** 16;
/** So few rows wait for the memory that a right matrix comes from. */
const FEW_ROWS = 2;
/** Values that are packed at a time: of a, and of a right matrix that does not stay (half of a second-level cache). */
const PACKED_VALUES = 2 ** 21;
const CACHED_VALUES = 2 ** 16;
/** Results of a block whose right matrix does not stay. */
const CACHED_RESULTS = 2 ** 15;
/** Below so many results per batch or products in all batches, packing does not pay. */
const LEAST_RESULTS = 8;
const LEAST_PRODUCTS = 1024;
const FEW_BATCHES = 16;
const LEAST_DEPTH = 3;
/** Reading shorter runs costs more by the run than by the element. */
const SHORT_RUN = 8;
/**
 * Squares are exact in float64 and 2^20 of them sum with a relative error below 2^-33; the factor covers that, for two norms, and the
 * roundings of the square roots and of the bound's own products.
 */
const INFLATE = 1 + 2 ** -29;

interface Side {
  readonly plan: ViewPlan;
  /** Its own output dimensions, then the reduction. */
  readonly walk: Walk;
  /** The other way round, where that makes longer runs. */
  readonly turned: Walk | undefined;
  /** Output dimensions that number its rows. */
  readonly dims: readonly number[];
  readonly count: number;
  /** Strides in elements if the operand itself is such a matrix. */
  readonly direct: Strides | undefined;
  /** Positions in the output of its rows. */
  readonly positions: Float64Array;
}

interface Strides {
  readonly row: number;
  readonly depth: number;
}

export interface MatrixPlan {
  readonly a: Side;
  readonly b: Side;
  readonly depth: number;
  /** Whether rows of results follow each other in the output. */
  readonly whole: boolean;
  readonly batchDims: readonly number[];
  readonly batchSizes: readonly number[];
  readonly batchStrides: readonly number[];
  /** Position of the first result in the output. */
  readonly start: number;
}

/** Where results stand that are a part of a larger output: in its shape, from an element on. */
export interface Place {
  readonly dims: readonly number[];
  readonly start: number;
}

function rowMajor(dims: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let d = dims.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= dims[d] ?? 1;
  }
  return strides;
}

function directStrides(
  plan: ViewPlan,
  dims: readonly number[],
  reduction: readonly number[],
): Strides | undefined {
  if (plan.tables.length > 0 || plan.limit !== Infinity) return undefined;
  const inner = walkOf(plan, reduction);
  const outer = walkOf(plan, dims);
  if (inner.sizes.length > 1 || outer.sizes.length > 1) return undefined;
  const strides = { row: outer.strides[0] ?? 0, depth: inner.strides[0] ?? 0 };
  if (outer.sizes[0] === 1 && strides.depth > 0) return { ...strides, row: strides.depth };
  return (strides.depth === 1 && strides.row > 0) || (strides.row === 1 && strides.depth > 0)
    ? strides
    : undefined;
}

function positionsOf(
  dims: readonly number[],
  outDims: readonly number[],
  strides: readonly number[],
): Float64Array {
  let positions = [0];
  for (const d of dims) {
    const stride = strides[d] ?? 0;
    positions = positions.flatMap((p) => Array.from({ length: outDims[d] ?? 1 }, (_, i) => p + i * stride));
  }
  return Float64Array.from(positions);
}

function stepsBy(positions: Float64Array, step: number): boolean {
  return positions.every((p, i) => p - (positions[0] ?? 0) === i * step);
}

function sideOf(
  plan: ViewPlan,
  dims: readonly number[],
  { outDims, redDims }: Instruction,
  strides: readonly number[],
): Side {
  const reduction = redDims.map((_, r) => outDims.length + r);
  const walk = walkOf(plan, [...dims, ...reduction]);
  const turned = walkOf(plan, [...reduction, ...dims]);
  const longer = (walk.sizes.at(-1) ?? 1) < SHORT_RUN && (turned.sizes.at(-1) ?? 1) >= SHORT_RUN;
  return {
    plan,
    walk,
    turned: longer ? turned : undefined,
    dims,
    count: product(dims.map((d) => outDims[d] ?? 1)),
    direct: directStrides(plan, dims, reduction),
    positions: positionsOf(dims, outDims, strides),
  };
}

/**
 * @param place Absent: the results are the whole output.
 * @returns undefined if the instruction is no matrix product, or too small a one.
 */
export function planMatrix(instruction: Instruction, place?: Place): MatrixPlan | undefined {
  const { body, fold, dtype: name, outDims, redDims, loads } = instruction;
  const [x, y] = loads;
  if (fold !== "sum" || body !== "mul" || x?.kind !== "tensor" || y?.kind !== "tensor" || name === "acc")
    return undefined;
  const sizes = [...outDims, ...redDims];
  const depth = product(redDims);
  const planX = planTensor(x, sizes, false);
  const planY = planTensor(y, sizes, false);
  if (planX === undefined || planY === undefined || depth < LEAST_DEPTH) return undefined;
  const dims = [...outDims.keys()];
  const both = (d: number): boolean => dependsOn(planX, d) && dependsOn(planY, d);
  // A dimension on which neither depends only repeats results; it may as well number rows.
  const ofY = dims.filter((d) => dependsOn(planY, d) && !dependsOn(planX, d));
  const ofX = dims.filter((d) => !both(d) && !ofY.includes(d));
  const batchDims = dims.filter(both);
  const strides = rowMajor(place?.dims ?? outDims);
  const first = sideOf(planX, ofX, instruction, strides);
  const second = sideOf(planY, ofY, instruction, strides);
  const results = first.count * second.count;
  if (results < LEAST_RESULTS) return undefined;
  if (results * depth < LEAST_PRODUCTS && product(batchDims.map((d) => outDims[d] ?? 1)) > FEW_BATCHES)
    return undefined;
  // The columns of a row of results should be neighbours in the output.
  const swap = (ofX.at(-1) ?? -1) > (ofY.at(-1) ?? -1);
  const a = swap ? second : first;
  const b = swap ? first : second;
  return {
    a,
    b,
    depth,
    whole: stepsBy(a.positions, b.count) && stepsBy(b.positions, 1),
    batchDims,
    batchSizes: batchDims.map((d) => outDims[d] ?? 1),
    batchStrides: batchDims.map((d) => strides[d] ?? 0),
    start: place?.start ?? 0,
  };
}

interface Batch {
  readonly dims: readonly number[];
  readonly index: readonly number[];
  /** Position in the output. */
  readonly position: number;
}

function* batches(plan: MatrixPlan): Generator<Batch> {
  const count = product(plan.batchSizes);
  for (let number = 0; number < count; number++) {
    const index: number[] = [];
    let rest = number;
    for (let d = plan.batchSizes.length - 1; d >= 0; d--) {
      const size = plan.batchSizes[d] ?? 1;
      index[d] = rest % size;
      rest = Math.floor(rest / size);
    }
    const position = index.reduce((sum, i, d) => sum + i * (plan.batchStrides[d] ?? 0), plan.start);
    yield { dims: plan.batchDims, index, position };
  }
}

/** Rows in the kernels' memory. */
interface Staged extends Strides {
  readonly address: number;
  readonly kind: number;
  readonly zero: number;
}

interface Operand {
  readonly side: Side;
  readonly view: View;
  readonly tensor: Tensor;
}

/** Copies rows from..from+count into the kernels' memory: bytes as they are where the operand itself is a matrix of a kind, else as binary32. */
function stage(
  { side, view: bound, tensor }: Operand,
  batch: Batch,
  from: number,
  count: number,
  depth: number,
  asIntegers: boolean,
): Staged {
  const origin = originOf(bound, batch.dims, batch.index);
  const { direct, plan } = side;
  const kind = KINDS[tensor.dtype];
  if (direct !== undefined && kind !== undefined && (kind === 0 ? plan.zero === 0 : asIntegers)) {
    const { bytes } = dtype(tensor.dtype);
    const start = (origin.address + from * direct.row) * bytes;
    const span = ((count - 1) * direct.row + (depth - 1) * direct.depth + 1) * bytes;
    if (span <= 2 * count * depth * bytes) {
      const address = allocate(span);
      copyBytes(view.u8(), address, tensor.data, start, start + span);
      return { address, kind, zero: plan.zero, ...direct };
    }
    // Only the rows, or columns, that are needed.
    const address = allocate(count * depth * bytes);
    const [pieces, length, step] =
      direct.depth === 1 ? [count, depth, direct.row] : [depth, count, direct.depth];
    for (let k = 0; k < pieces; k++) {
      const at = start + k * step * bytes;
      copyBytes(view.u8(), address + k * length * bytes, tensor.data, at, at + length * bytes);
    }
    return {
      address,
      kind,
      zero: plan.zero,
      row: direct.depth === 1 ? depth : 1,
      depth: direct.depth === 1 ? 1 : count,
    };
  }
  const address = allocate(count * depth * 4);
  if (side.turned !== undefined) {
    for (let k = 0; k < depth; k++)
      read(bound, side.turned, origin, k * side.count + from, count, view.f32(), address / 4 + k * count);
    return { address, kind: 0, zero: 0, row: 1, depth: count };
  }
  read(bound, side.walk, origin, from * depth, count * depth, view.f32(), address / 4);
  return { address, kind: 0, zero: 0, row: depth, depth: 1 };
}

/** Rows in panels and, of float64, their norms. */
interface Packed {
  readonly address: number;
  readonly norms: number;
}

/** How sums are computed: integers in int32 or float64, or floats in float64; of "single" ones the right rows are packed as binary32. */
type Arithmetic = "int32" | "float64" | "float" | "single";

/** Some rows of an operand. */
interface Rows {
  readonly operand: Operand;
  readonly batch: Batch;
  readonly from: number;
  readonly count: number;
  readonly depth: number;
  readonly way: Arithmetic;
  /** Per panel. */
  readonly lanes: number;
}

function packedBytes(rows: Rows): number {
  const { count, depth, way, lanes } = rows;
  const padded = Math.ceil(count / lanes) * lanes;
  return way === "int32" ? padded * (depth + 1) * 2 : normsOf(0, rows) + padded * 8;
}

function packInto(address: number, rows: Rows): void {
  const { operand, batch, from, count, depth, way, lanes } = rows;
  const {
    address: source,
    kind,
    zero,
    row,
    depth: step,
  } = stage(operand, batch, from, count, depth, way === "int32");
  const norms = normsOf(address, rows);
  if (way === "int32") kernels.packI16(address, source, kind, zero, count, depth, row, step, lanes);
  else if (way === "single") {
    const scratch = allocate(lanes * depth * 8);
    kernels.packF32(address, source, count, depth, row, step, norms, scratch);
  } else kernels.packF64(address, source, count, depth, row, step, norms);
}

/** Where the norms of rows packed at an address begin. */
function normsOf(address: number, { count, depth, way, lanes }: Rows): number {
  return address + Math.ceil(count / lanes) * lanes * depth * (way === "single" ? 4 : 8);
}

/** Rows of a constant that is itself a matrix; what stays packed is known by it. */
interface Key extends Strides {
  readonly way: Arithmetic;
  readonly zero: number;
  readonly from: number;
  readonly count: number;
  readonly length: number;
}

/** By tensor and by the address at which its batch begins. */
const keys = new WeakMap<Tensor, Map<number, Key[]>>();

/** What stands for rows of a constant that is itself a matrix, in whichever instruction they are used. */
function keyOf({ operand, batch, from, count, depth: length, way }: Rows): Key | undefined {
  const { side, view: bound, tensor } = operand;
  const { direct, plan } = side;
  if (plan.operand?.source !== "constant" || direct === undefined) return undefined;
  const { row, depth } = direct;
  const { zero } = plan;
  const { address } = originOf(bound, batch.dims, batch.index);
  let ofTensor = keys.get(tensor);
  if (ofTensor === undefined) keys.set(tensor, (ofTensor = new Map<number, Key[]>()));
  const known = ofTensor.get(address) ?? [];
  for (const key of known)
    if (
      key.way === way &&
      key.zero === zero &&
      key.row === row &&
      key.depth === depth &&
      key.from === from &&
      key.count === count &&
      key.length === length
    )
      return key;
  const key = { way, zero, row, depth, from, count, length };
  ofTensor.set(address, [...known, key]);
  return key;
}

function pack(rows: Rows): Packed {
  const address = allocate(packedBytes(rows));
  packInto(address, rows);
  return { address, norms: normsOf(address, rows) };
}

/** Constant rows that stay packed while there is room for them. */
function keepPacked(rows: Rows): Packed | undefined {
  const key = keyOf(rows);
  const address = key && pinned(key, packedBytes(rows), (to) => packInto(to, rows));
  return address === undefined ? undefined : { address, norms: normsOf(address, rows) };
}

/** The products of row i of the left and row j of the right rows, those of skipped terms as zeros. */
function termsOf(left: Rows, right: Rows, i: number, j: number): Float64Array {
  const { depth } = left;
  const mask = new Uint8Array(depth).fill(1);
  const [terms, other] = [new Float64Array(depth), new Float64Array(depth)];
  for (const [{ operand, batch, from }, row, to] of [
    [left, i, terms],
    [right, j, other],
  ] as const) {
    const { side, view: bound } = operand;
    const origin = originOf(bound, batch.dims, batch.index);
    read(bound, side.walk, origin, (from + row) * depth, depth, to, 0, mask);
  }
  for (let k = 0; k < depth; k++) terms[k] = mask[k] === 0 ? 0 : (terms[k] ?? 0) * (other[k] ?? 0);
  return terms;
}

interface Block {
  readonly left: Rows;
  readonly right: Rows;
  readonly packedA: Packed;
  readonly packedB: Packed;
  readonly plan: MatrixPlan;
  /** The output's memory where that holds such numbers, else numbers to be stored. */
  readonly target: Target;
  readonly out: Tensor;
}

type Target = Float32Array | Int32Array | Float64Array;

/**
 * Writes the results of a block, `width` numbers per row from index `at` of the kernels' memory on, to their places in the output.
 * @param from That memory as such numbers.
 */
function emit({ left, right, plan, target, out }: Block, from: Target, at: number, width: number): void {
  const { positions } = plan.b;
  const columns = right.count;
  const first = positions[right.from] ?? 0;
  const neighbours = (positions[right.from + columns - 1] ?? 0) - first === columns - 1;
  const whole = plan.whole && width === columns && columns === plan.b.count;
  const same = from.constructor === target.constructor && target.buffer === out.data.buffer;
  const [runs, run] = whole ? [1, left.count * columns] : [left.count, columns];
  for (let i = 0; i < runs; i++) {
    const row = left.batch.position + (plan.a.positions[left.from + i] ?? 0);
    const start = at + i * width;
    if (neighbours && same) copyBytes(out.data, (row + first) * 4, view.u8(), start * 4, (start + run) * 4);
    else if (neighbours) target.set(from.subarray(start, start + run), row + first);
    else
      for (let j = 0; j < columns; j++) target[row + (positions[right.from + j] ?? 0)] = from[start + j] ?? 0;
  }
}

/** Rounds the float64 sums of a block that stage 1 leaves open. */
function settle(
  { left, right, packedA, packedB }: Block,
  round: Round,
): (i: number, j: number, sum: number) => number {
  const result = allocate(32);
  const { depth } = left;
  const skipA = skips(left.operand.side.plan);
  const skipB = skips(right.operand.side.plan);
  return (i, j, sum) => {
    const terms = (): Float64Array => termsOf(left, right, i, j);
    const specialA = !Number.isFinite(view.f64()[packedA.norms / 8 + i] ?? 0);
    const specialB = !Number.isFinite(view.f64()[packedB.norms / 8 + j] ?? 0);
    if (specialA || specialB) {
      // Where no zero stands for a skipped term opposite a special value, the sum is NaN or infinite as the rule says.
      if ((specialA && skipB) || (specialB && skipA)) return foldedSum(terms(), 0, depth, round);
      return Number.isFinite(sum) ? foldedSum(terms(), 0, depth, round) : sum;
    }
    if (right.way === "single") return roundedSum(terms(), 0, depth, round);
    kernels.compensated(result, packedA.address, i, packedB.address, j, depth);
    const [high = 0, low = 0, errors = 0, size = 0] = view.f64().subarray(result / 8, result / 8 + 4);
    return decideCompensated(high, low, errors, size, depth, round) ?? roundedSum(terms(), 0, depth, round);
  };
}

/** The float64 sums of a block: `width` numbers per row. */
function sumsOf({ left, right, packedA, packedB }: Block): { sums: number; width: number } {
  const width = Math.ceil(right.count / 4) * 4;
  const sums = allocate(Math.ceil(left.count / 4) * 4 * width * 8);
  const multiply = right.way === "single" ? kernels.productF32 : kernels.productF64;
  multiply(sums, packedA.address, packedB.address, left.count, right.count, left.depth);
  return { sums, width };
}

/** Sums of floats, canonical if the output is binary32. */
function floatBlock(block: Block, name: DTypeName): void {
  const { packedA, packedB } = block;
  const [rows, columns] = [block.left.count, block.right.count];
  const { sums, width } = sumsOf(block);
  const round = roundOf(name);
  const factor = boundFactor(block.left.depth) * INFLATE;
  const exactly = settle(block, round);
  if (name !== "f32") {
    const numbers = view.f64();
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const at = sums / 8 + i * width + j;
        const s = numbers[at] ?? 0;
        const bound = factor * (numbers[packedA.norms / 8 + i] ?? 0) * (numbers[packedB.norms / 8 + j] ?? 0);
        numbers[at] = decideBound(s, bound, round) ?? exactly(i, j, s);
      }
    emit(block, numbers, sums / 8, width);
    return;
  }
  const out = allocate(rows * width * 4);
  const open = allocate(rows * width * 4);
  const count = kernels.decideF32(out, sums, rows, columns, packedA.norms, packedB.norms, factor, open);
  stages.bound += rows * columns - count;
  const doubles = view.f64();
  settleOpen(out, open, count, (at) =>
    exactly(Math.floor(at / width), at % width, doubles[sums / 8 + at] ?? 0),
  );
  emit(block, view.f32(), out / 4, width);
}

/** Sums of integers, which are exact. */
function integerBlock(block: Block): void {
  const [rows, columns] = [block.left.count, block.right.count];
  if (block.left.way === "float64") {
    const { sums, width } = sumsOf(block);
    emit(block, view.f64(), sums / 8, width);
    return;
  }
  const width = Math.ceil(columns / 8) * 8;
  const sums = allocate(Math.ceil(rows / 4) * 4 * width * 4);
  kernels.productI16(sums, block.packedA.address, block.packedB.address, rows, columns, block.left.depth);
  emit(block, view.i32(), sums / 4, width);
}

/** What an operand's integers are at most in size, as far as its dtype and data tell. */
function integerBits({ side, view: bound }: Operand): number {
  return operandOf(side.plan.operand?.dtype ?? "i64", bound).bits;
}

/** The same, looked up in the data of small integers. */
function reachedBits(operand: Operand): number {
  const { side, tensor } = operand;
  const elements = tensor.dtype === "i16" || tensor.dtype === "u16" ? elementsOf(tensor) : undefined;
  if (elements === undefined) return integerBits(operand);
  let most = 0;
  for (const value of elements) most = Math.max(most, Math.abs(value));
  return bitsOf(most + Math.abs(side.plan.zero));
}

/** How an instruction's integers are summed; undefined if neither way holds them. */
function integerWay(a: Operand, b: Operand, depth: number, name: DTypeName): Arithmetic | undefined {
  const [x, y] = [integerBits(a), integerBits(b)];
  if (!isInteger(a.tensor.dtype) || !isInteger(b.tensor.dtype) || Math.max(x, y) > 24) return undefined;
  if (Math.max(x, y) <= 15) {
    // Right modulo 2^32 is enough for outputs of up to 32 bits.
    if (name !== "bool" && dtype(name).bytes <= 4) return "int32";
    if (depth * 2 ** (x + y) < 2 ** 31 || depth * 2 ** (reachedBits(a) + reachedBits(b)) < 2 ** 31)
      return "int32";
  }
  return depth * 2 ** (x + y) <= 2 ** 53 ? "float64" : undefined;
}

function bindSide(side: Side, lookup: Lookup): Operand | undefined {
  const { plan } = side;
  const bound = bind(plan, lookup);
  if (bound === undefined || plan.operand === undefined) return undefined;
  return { side, view: bound, tensor: lookup(plan.operand.source, plan.operand.id) };
}

/** Rows of a block of at most so many values: a multiple of 8, or all. */
function blockOf(count: number, values: number, depth: number): number {
  return Math.min(count, Math.max(8, Math.floor(values / depth / 8) * 8));
}

/** @returns false, with nothing written, if the values do not fit. */
export function runMatrix(instruction: Instruction, plan: MatrixPlan, lookup: Lookup, out: Tensor): boolean {
  const a = bindSide(plan.a, lookup);
  const b = bindSide(plan.b, lookup);
  if (a === undefined || b === undefined) return false;
  const { depth } = plan;
  const { dtype: name } = instruction;
  const way = isFloat(name) ? "float" : integerWay(a, b, depth, name);
  if (way === undefined) return false;
  const target = targetOf(out, name);
  const lanes = way === "int32" ? 8 : 4;
  for (const batch of batches(plan)) {
    free();
    const all = { operand: b, batch, from: 0, count: plan.b.count, depth, way, lanes };
    const few = way === "float" && plan.a.count <= FEW_ROWS;
    const kept = few ? ({ ...all, way: "single", lanes: 8 } as const) : all;
    const stays = keepPacked(kept);
    // A right matrix that stays is used whole; else small blocks of it meet many rows while they are in cache.
    const rows =
      stays === undefined
        ? blockOf(plan.a.count, PACKED_VALUES, depth)
        : Math.max(ROWS, blockOf(plan.a.count, ROW_VALUES, Math.max(depth, plan.b.count)));
    const columns =
      stays === undefined
        ? Math.min(blockOf(plan.b.count, CACHED_VALUES, depth), blockOf(plan.b.count, CACHED_RESULTS, rows))
        : plan.b.count;
    for (let row = 0; row < plan.a.count; row += rows) {
      free();
      const count = Math.min(rows, plan.a.count - row);
      const left = { operand: a, batch, from: row, count, depth, way, lanes: 4 };
      const packedA = pack(left);
      const mark = allocate(0);
      for (let column = 0; column < plan.b.count; column += columns) {
        free(mark);
        const right = {
          ...(stays === undefined ? all : kept),
          from: column,
          count: Math.min(columns, plan.b.count - column),
        };
        const block = { left, right, packedA, packedB: stays ?? pack(right), plan, target, out };
        if (way === "float") floatBlock(block, name);
        else integerBlock(block);
      }
    }
  }
  if (target instanceof Float64Array) storeInto(out)(0, target, out.elements);
  return true;
}

/** The output's own memory where results need no more conversion than typed arrays do, else numbers to be stored. */
function targetOf({ data, elements }: Tensor, name: DTypeName): Target {
  if (name === "f32") return viewAs(Float32Array, data);
  if (name === "i32") return viewAs(Int32Array, data);
  return new Float64Array(elements);
}
