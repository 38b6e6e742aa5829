/**
 * Short sums of products along whose last output dimension both operands change, the first one contiguously: depthwise convolutions
 * stored channels last. One pass over the terms adds a whole run of outputs at a time.
 *
 * Float sums are decided as in exactsum.ts: in any order the float64 sum s of n exact products p is within 1.001 (n-1) u sum|p| of the
 * exact one; if both ends of that interval, widened for their own rounding, round to one element, so does the exact sum.
 */
import { dtype, isFloat, isInteger } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import { foldedSum, stages, UNIT } from "./exactsum.ts";
import { operandOf } from "./flat.ts";
import { roundOf, type Round } from "./float.ts";
import { bind, originOf, read, walkOf, type Lookup, type View, type Walk } from "./read.ts";
import { storeInto, type Tensor, type Values } from "./tensor.ts";
import { dependsOn, planTensor, type ViewPlan } from "./view.ts";

/** Shorter runs do not pay. */
const LEAST_RUN = 8;
/** Longer sums are matrix products, or rare. */
const MOST_TERMS = 256;
/** Outputs whose addresses are worked out at a time. */
const BLOCK = 1024;

interface Side {
  readonly plan: ViewPlan;
  /** Over the outer output dimensions and the reduction: gives addresses. */
  readonly walk: Walk;
  /** Step along the run. */
  readonly step: number;
}

export interface ChannelPlan {
  readonly a: Side;
  readonly b: Side;
  /** Outputs of one run, runs, terms of one output. */
  readonly run: number;
  readonly runs: number;
  readonly terms: number;
}

/** A view whose loads give their addresses rather than what stands there. */
function addressesOf(view: View): View {
  return { ...view, values: undefined, plan: { ...view.plan, zero: 0 } };
}

function sideOf(plan: ViewPlan | undefined, last: number, dims: readonly number[]): Side | undefined {
  if (plan === undefined || !dependsOn(plan, last)) return undefined;
  if (plan.fill !== undefined || plan.tables.some((table) => table.strides[last] !== 0)) return undefined;
  return { plan, walk: walkOf(plan, dims), step: plan.strides[last] ?? 0 };
}

/** @returns undefined if the instruction is not of this form. */
export function planChannel({
  body,
  fold,
  dtype: name,
  outDims,
  redDims,
  loads,
}: Instruction): ChannelPlan | undefined {
  const [x, y] = loads;
  if (fold !== "sum" || body !== "mul" || x?.kind !== "tensor" || y?.kind !== "tensor" || name === "acc")
    return undefined;
  const last = outDims.length - 1;
  const run = outDims[last] ?? 1;
  const terms = product(redDims);
  if (run < LEAST_RUN || terms > MOST_TERMS) return undefined;
  const sizes = [...outDims, ...redDims];
  const dims = [...sizes.keys()].filter((d) => d !== last);
  const a = sideOf(planTensor(x, sizes, false), last, dims);
  const b = sideOf(planTensor(y, sizes, false), last, dims);
  if (a === undefined || b === undefined) return undefined;
  return { a, b, run, runs: product(outDims) / run, terms };
}

/** Adds a run of products, and their sizes, to the sums so far. */
function addRun(
  n: number,
  sums: Float64Array,
  sizes: Float64Array,
  a: Values,
  at: number,
  da: number,
  zeroA: number,
  b: Values,
  bt: number,
  db: number,
  zeroB: number,
): void {
  for (let i = 0; i < n; i++) {
    const p = ((a[at + i * da] ?? 0) - zeroA) * ((b[bt + i * db] ?? 0) - zeroB);
    sums[i] = (sums[i] ?? 0) + p;
    sizes[i] = (sizes[i] ?? 0) + Math.abs(p);
  }
}

/** Rounds the sums of a run in place. @param exactly The sum of one output by the rule. */
function decideRun(
  n: number,
  terms: number,
  sums: Float64Array,
  sizes: Float64Array,
  round: Round,
  exactly: (i: number) => number,
): void {
  for (let i = 0; i < n; i++) {
    const s = sums[i] ?? 0;
    const bound = (terms + 3) * 1.001 * UNIT * (sizes[i] ?? 0);
    const below = round(s - bound);
    if (below === round(s + bound)) {
      sums[i] = below;
      stages.bound++;
    } else if (Number.isFinite(s)) sums[i] = exactly(i);
    // A special sum of finite or special terms is what the rule says: no product overflows.
  }
}

/** @returns false if the values do not fit; another way then has to write the whole output. */
export function runChannel(
  instruction: Instruction,
  plan: ChannelPlan,
  lookup: Lookup,
  out: Tensor,
): boolean {
  const { a, b, run, runs, terms } = plan;
  const { dtype: name } = instruction;
  const [x, y] = [bind(a.plan, lookup), bind(b.plan, lookup)];
  const [nameX, nameY] = [a.plan.operand?.dtype, b.plan.operand?.dtype];
  if (x?.values === undefined || y?.values === undefined || nameX === undefined || nameY === undefined)
    return false;
  const [zeroX, zeroY] = [a.plan.zero, b.plan.zero];
  const float = isFloat(name);
  if (!float) {
    const bits = operandOf(nameX, x).bits + operandOf(nameY, y).bits;
    if (!isInteger(nameX) || !isInteger(nameY) || terms * 2 ** bits > 2 ** 53) return false;
    if (dtype(name).bytes === 8 && bits > 50) return false;
  }
  const [valuesX, valuesY] = [x.values, y.values];
  const [whereX, whereY] = [addressesOf(x), addressesOf(y)];
  // A run must lie inside: the last address of each side, too.
  const reachX = a.step * (run - 1);
  const reachY = b.step * (run - 1);
  const round = float ? roundOf(name) : (v: number) => v;
  const store = storeInto(out);
  const count = Math.max(1, Math.floor(BLOCK / terms));
  const [atX, atY] = [new Float64Array(count * terms), new Float64Array(count * terms)];
  const mask = new Uint8Array(count * terms);
  const [sums, sizes] = [new Float64Array(run), new Float64Array(run)];
  const single = new Float64Array(terms);
  for (let first = 0; first < runs; first += count) {
    const some = Math.min(count, runs - first);
    mask.fill(1);
    read(whereX, a.walk, originOf(whereX), first * terms, some * terms, atX, 0, mask);
    read(whereY, b.walk, originOf(whereY), first * terms, some * terms, atY, 0, mask);
    for (let r = 0; r < some; r++) {
      sums.fill(0);
      sizes.fill(0);
      const from = r * terms;
      for (let k = from; k < from + terms; k++) {
        if (mask[k] === 0) continue;
        const [p, q] = [atX[k] ?? 0, atY[k] ?? 0];
        if (p + reachX >= a.plan.elements || q + reachY >= b.plan.elements) return false;
        addRun(run, sums, sizes, valuesX, p, a.step, zeroX, valuesY, q, b.step, zeroY);
      }
      if (float)
        decideRun(run, terms, sums, sizes, round, (i) => {
          for (let k = 0; k < terms; k++) {
            const p = (valuesX[(atX[from + k] ?? 0) + i * a.step] ?? 0) - zeroX;
            const q = (valuesY[(atY[from + k] ?? 0) + i * b.step] ?? 0) - zeroY;
            single[k] = mask[from + k] === 0 ? 0 : p * q;
          }
          return foldedSum(single, 0, terms, round);
        });
      store((first + r) * run, sums, run);
    }
  }
  return true;
}
