/**
 * Sums of products that are matrix products: output dimensions on which one load alone depends number the rows of its matrix, those on
 * which both depend number a batch, the reduction is the common depth. Convolutions, fully connected layers and attention
 * all have this form once out-of-range terms are written as zeros.
 *
 * Float sums pass stages, each a proven test (u = 2^-53; n terms that are not 0; |a|, |b| Euclidean norms; all products are exact in
 * float64, and no sum overflows or underflows):
 *
 *   0  s, a float64 sum of the products in any order (dot.ts).
 *   1  By Cauchy and Schwarz no partial sum exceeds |a||b|. If all products are multiples of 2^e and |a||b| < 2^(53+e), every partial
 *      sum is a float64: s is exact.
 *   2  In any order s is within (n-1) u / (1 - (n-1) u) * sum|p| <= 1.001 (n-1) u |a||b| of the exact sum. If both ends of an interval around s of
 *      that size, widened for the rounding of the ends, round to one element, so does the exact sum.
 *   3  compensated summation, 4 exact expansion: exactsum.ts.
 *
 * Stage 2 is tried first: it needs only the norms.
 */
import { isFloat, isInteger } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import { matrixProduct, type Rows } from "./dot.ts";
import { foldedSum, roundedSum, stages, UNIT } from "./exactsum.ts";
import { operandOf } from "./flat.ts";
import { pow2, roundOf } from "./float.ts";
import { factsOf, unitOf, type RowFacts } from "./rows.ts";
import { storeInto, type Tensor } from "./tensor.ts";
import { bind, originOf, read, walkOf, type Lookup, type View, type Walk } from "./read.ts";
import { dependsOn, planTensor, skips, type ViewPlan } from "./view.ts";

/** Values of a's rows that are worked on at a time: they should stay in cache. */
const BLOCK = 2 ** 16;
/** Sums that are held at a time. */
const SUMS = 2 ** 20;
/** Below so many results per batch or products in all batches, packing does not pay. */
const LEAST_RESULTS = 8;
const LEAST_PRODUCTS = 1024;
const FEW_BATCHES = 16;
const LEAST_DEPTH = 3;

interface Side {
  readonly plan: ViewPlan;
  /** Its own output dimensions, then the reduction. */
  readonly walk: Walk;
  readonly count: number;
  /** Row stride if the rows lie in the operand as they are. */
  readonly direct: number | undefined;
  /** Positions in the output of its rows. */
  readonly positions: Float64Array;
  /** Packed rows of a constant. */
  cache: Map<number, Packed> | undefined;
}

interface Packed {
  readonly rows: Rows;
  readonly facts: RowFacts;
}

export interface MatrixPlan {
  readonly a: Side;
  readonly b: Side;
  readonly depth: number;
  readonly batchDims: readonly number[];
  readonly batchSizes: readonly number[];
  readonly batchStrides: readonly number[];
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

function directStride(
  plan: ViewPlan,
  dims: readonly number[],
  reduction: readonly number[],
): number | undefined {
  if (plan.tables.length > 0 || plan.limit !== Infinity || plan.zero !== 0) return undefined;
  const inner = walkOf(plan, reduction);
  const outer = walkOf(plan, dims);
  if (inner.sizes.length > 1 || outer.sizes.length > 1) return undefined;
  if (inner.sizes[0] !== 1 && inner.strides[0] !== 1) return undefined;
  return outer.strides[0];
}

function positionsOf(dims: readonly number[], outDims: readonly number[]): Float64Array {
  const strides = rowMajor(outDims);
  let positions = [0];
  for (const d of dims) {
    const stride = strides[d] ?? 0;
    positions = positions.flatMap((p) => Array.from({ length: outDims[d] ?? 1 }, (_, i) => p + i * stride));
  }
  return Float64Array.from(positions);
}

function sideOf(plan: ViewPlan, dims: readonly number[], { outDims, redDims }: Instruction): Side {
  const reduction = redDims.map((_, r) => outDims.length + r);
  return {
    plan,
    walk: walkOf(plan, [...dims, ...reduction]),
    count: product(dims.map((d) => outDims[d] ?? 1)),
    direct: directStride(plan, dims, reduction),
    positions: positionsOf(dims, outDims),
    cache: plan.operand?.source === "constant" ? new Map<number, Packed>() : undefined,
  };
}

/** @returns undefined if the instruction is no matrix product, or too small a one. */
export function planMatrix(instruction: Instruction): MatrixPlan | undefined {
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
  const first = sideOf(planX, ofX, instruction);
  const second = sideOf(planY, ofY, instruction);
  const results = first.count * second.count;
  if (results < LEAST_RESULTS) return undefined;
  if (results * depth < LEAST_PRODUCTS && product(batchDims.map((d) => outDims[d] ?? 1)) > FEW_BATCHES)
    return undefined;
  // b is packed whole and a block by block: constants are better whole (and kept), else the smaller one is.
  const [keepX, keepY] = [first.cache !== undefined, second.cache !== undefined];
  const swap = keepX === keepY ? first.count < second.count : keepX;
  const strides = rowMajor(outDims);
  return {
    a: swap ? second : first,
    b: swap ? first : second,
    depth,
    batchDims,
    batchSizes: batchDims.map((d) => outDims[d] ?? 1),
    batchStrides: batchDims.map((d) => strides[d] ?? 0),
  };
}

/** Rows from..from+count of one side. */
function rowsOf(side: Side, view: View, batch: Batch, from: number, count: number, depth: number): Rows {
  const origin = originOf(view, batch.dims, batch.index);
  if (side.direct !== undefined && view.values instanceof Float32Array)
    return { data: view.values, offset: origin.address + from * side.direct, stride: side.direct, count };
  const data = new Float32Array(count * depth);
  read(view, side.walk, origin, from * depth, count * depth, data, 0);
  return { data, offset: 0, stride: depth, count };
}

interface Batch {
  readonly number: number;
  readonly dims: readonly number[];
  readonly index: readonly number[];
  /** Position in the output. */
  readonly position: number;
}

function packed(side: Side, view: View, batch: Batch, depth: number): Packed {
  const known = side.cache?.get(batch.number);
  if (known !== undefined) return known;
  const rows = rowsOf(side, view, batch, 0, side.count, depth);
  const made = { rows, facts: factsOf(rows, depth) };
  side.cache?.set(batch.number, made);
  return made;
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
    const position = index.reduce((sum, i, d) => sum + i * (plan.batchStrides[d] ?? 0), 0);
    yield { number, dims: plan.batchDims, index, position };
  }
}

/** The products of one output, those of skipped terms as zeros. */
function termsOf(
  plan: MatrixPlan,
  views: Views,
  batch: Batch,
  i: number,
  j: number,
  terms: Float64Array,
): void {
  const { depth } = plan;
  const mask = new Uint8Array(depth).fill(1);
  const other = new Float64Array(depth);
  const { a, b } = plan;
  read(views.a, a.walk, originOf(views.a, batch.dims, batch.index), i * depth, depth, terms, 0, mask);
  read(views.b, b.walk, originOf(views.b, batch.dims, batch.index), j * depth, depth, other, 0, mask);
  for (let k = 0; k < depth; k++) terms[k] = mask[k] === 0 ? 0 : (terms[k] ?? 0) * (other[k] ?? 0);
}

interface Views {
  readonly a: View;
  readonly b: View;
}

/** Stages 1 and 2 and, where they leave it open, 3 and 4. Overwrites the float64 sums of a block with the results. */
function decide(
  instruction: Instruction,
  plan: MatrixPlan,
  views: Views,
  batch: Batch,
  first: number,
  blockA: Packed,
  blockB: Packed,
  sums: Float64Array,
): void {
  const round = roundOf(instruction.dtype);
  const { depth } = plan;
  const n = blockB.rows.count;
  const skipA = skips(plan.a.plan);
  const skipB = skips(plan.b.plan);
  const terms = new Float64Array(depth);
  for (let i = 0; i < blockA.rows.count; i++) {
    const normA = blockA.facts.norms[i] ?? 0;
    const nonzeroA = blockA.facts.nonzero[i] ?? 0;
    for (let j = 0; j < n; j++) {
      const s = sums[i * n + j] ?? 0;
      const normB = blockB.facts.norms[j] ?? 0;
      const size = normA * normB;
      const most = Math.min(nonzeroA, blockB.facts.nonzero[j] ?? 0);
      // (n + 3): the rounding of the ends is at most 1.01 u |a||b| (|s| is hardly above it), the rest is slack.
      const bound = (most + 3) * (1.001 * UNIT) * size;
      const below = round(s - bound);
      if (below === round(s + bound)) {
        sums[i * n + j] = below;
        stages.bound++;
        continue;
      }
      if (!Number.isFinite(size)) {
        // Where no zero stands for a skipped term opposite a special value, s is NaN or infinite as the rule says.
        const specialA = !Number.isFinite(normA);
        const specialB = !Number.isFinite(normB);
        if (!(specialA && skipB) && !(specialB && skipA)) continue;
      } else {
        const unit =
          unitOf(blockA.rows, blockA.facts, i, depth) + unitOf(blockB.rows, blockB.facts, j, depth);
        if (size < pow2(Math.min(53 + unit, 1000))) {
          stages.exact++;
          sums[i * n + j] = round(s);
          continue;
        }
      }
      termsOf(plan, views, batch, first + i, j, terms);
      sums[i * n + j] = Number.isFinite(size)
        ? roundedSum(terms, 0, depth, round)
        : foldedSum(terms, 0, depth, round);
    }
  }
}

/** @returns false, with nothing written, if the values do not fit. */
export function runMatrix(instruction: Instruction, plan: MatrixPlan, lookup: Lookup, out: Tensor): boolean {
  const [x, y] = [bind(plan.a.plan, lookup), bind(plan.b.plan, lookup)];
  const [nameX, nameY] = [plan.a.plan.operand?.dtype, plan.b.plan.operand?.dtype];
  if (x === undefined || y === undefined || nameX === undefined || nameY === undefined) return false;
  const views = { a: x, b: y };
  const { depth } = plan;
  const float = isFloat(instruction.dtype);
  if (!float) {
    const [bitsA, bitsB] = [operandOf(nameX, x).bits, operandOf(nameY, y).bits];
    // Integers that binary32 holds, whose sums float64 holds.
    if (!isInteger(nameX) || !isInteger(nameY) || Math.max(bitsA, bitsB) > 24) return false;
    if (depth * 2 ** (bitsA + bitsB) > 2 ** 53) return false;
  }
  const results = new Float64Array(out.elements);
  const n = plan.b.count;
  const rows = Math.max(4, Math.floor(Math.min(BLOCK / depth, SUMS / n)));
  for (const batch of batches(plan)) {
    const blockB = packed(plan.b, views.b, batch, depth);
    for (let first = 0; first < plan.a.count; first += rows) {
      const count = Math.min(rows, plan.a.count - first);
      const rowsA = rowsOf(plan.a, views.a, batch, first, count, depth);
      const sums = new Float64Array(count * n);
      matrixProduct(rowsA, blockB.rows, depth, sums);
      if (float) {
        const blockA = { rows: rowsA, facts: factsOf(rowsA, depth) };
        decide(instruction, plan, views, batch, first, blockA, blockB, sums);
      }
      for (let i = 0, from = 0; i < count; i++) {
        const at = batch.position + (plan.a.positions[first + i] ?? 0);
        for (let j = 0; j < n; j++) results[at + (plan.b.positions[j] ?? 0)] = sums[from++] ?? 0;
      }
    }
  }
  storeInto(out)(0, results, out.elements);
  return true;
}
