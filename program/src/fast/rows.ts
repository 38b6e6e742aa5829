/**
 * Folds of one operand over long rows: sums, greatest and least elements along a dimension, which the kernels (program/assembly/runs.ts) read row by row. Float sums are
 * decided as in channel.ts.
 */
import { isFloat, type DTypeName } from "../dtype.ts";
import { outElements, product, type Instruction } from "../instruction.ts";
import { CHOICES, copyChosen, isChoice, type Choice } from "./channel.ts";
import { boundFactor, decideBound, foldedSum } from "./exactsum.ts";
import { operandOf } from "./flat.ts";
import { roundOf } from "./float.ts";
import { emptyFold } from "./fold.ts";
import { bind, originOf, read, walkOf, type Lookup } from "./read.ts";
import { allocate, free, kernels, view } from "../simd.ts";
import { storeInto, type Tensor } from "./tensor.ts";
import { planTensor, skips, type ViewPlan, type Walk } from "./view.ts";

/** Shorter rows do not pay. */
const LEAST_TERMS = 16;
/** Elements that are copied at a time. */
const BLOCK = 2 ** 14;
const SPARE = 64;

export interface RowsPlan {
  readonly plan: ViewPlan;
  readonly walk: Walk;
  readonly choice: Choice | undefined;
  readonly rows: number;
  readonly terms: number;
}

/** Dtypes whose elements the reader writes as binary32, exactly. */
const HELD: readonly DTypeName[] = ["f32", "f16", "bf16", "u8", "i8", "u16", "i16", "bool"];

/** @returns undefined if the instruction is not of this form. */
export function planRows(instruction: Instruction): RowsPlan | undefined {
  const { body, fold, dtype: name, outDims, redDims, loads } = instruction;
  const [load] = loads;
  const choice = isChoice(fold) ? fold : undefined;
  const terms = product(redDims);
  if (body !== "copy" || load?.kind !== "tensor" || terms < LEAST_TERMS || name === "acc") return undefined;
  if (!HELD.includes(load.dtype) || (fold !== "sum" && choice === undefined)) return undefined;
  if (choice !== undefined && (load.dtype !== name || (load.zero ?? 0) !== 0)) return undefined;
  if (choice !== undefined && name !== "f32" && name !== "u8" && name !== "i8") return undefined;
  const sizes = [...outDims, ...redDims];
  const plan = planTensor(load, sizes, false);
  if (plan === undefined || skips(plan)) return undefined;
  return { plan, walk: walkOf(plan, [...sizes.keys()]), choice, rows: outElements(instruction), terms };
}

/** @returns false, with nothing written, if the values do not fit. */
export function runRows({ dtype: name }: Instruction, plan: RowsPlan, lookup: Lookup, out: Tensor): boolean {
  const { rows, terms, choice, walk } = plan;
  const bound = bind(plan.plan, lookup);
  const of = plan.plan.operand?.dtype;
  if (bound === undefined || of === undefined) return false;
  if (!isFloat(name)) {
    const { bits, integer } = operandOf(of, bound);
    if (!integer || bits > 24 || terms * 2 ** bits > 2 ** 53) return false;
  }
  free();
  const some = Math.max(1, Math.min(rows, Math.floor(BLOCK / terms)));
  const source = allocate(some * terms * 4 + SPARE);
  const [sums, sizes, chosen] = [allocate(some * 8), allocate(some * 8), allocate(some * 4 + SPARE)];
  const spare = allocate(some * 4 + SPARE);
  const store = storeInto(out);
  const round = isFloat(name) ? roundOf(name) : (v: number) => v;
  const factor = boundFactor(terms);
  const exactly = (r: number): number => {
    const from = source / 4 + r * terms;
    return foldedSum(Float64Array.from(view.f32().subarray(from, from + terms)), 0, terms, round);
  };
  const results = new Float64Array(some);
  for (let row = 0; row < rows; row += some) {
    const count = Math.min(some, rows - row);
    read(bound, walk, originOf(bound), row * terms, count * terms, view.f32(), source / 4);
    if (choice !== undefined) {
      kernels.chooseRows(CHOICES[choice], emptyFold(choice, name), chosen, source, count, terms);
      copyChosen(out, row, chosen, spare, count);
      continue;
    }
    kernels.sumRows(sums, sizes, source, count, terms);
    const numbers = view.f64();
    for (let r = 0; r < count; r++) {
      const s = numbers[sums / 8 + r] ?? 0;
      const size = numbers[sizes / 8 + r] ?? 0;
      results[r] = isFloat(name) ? (decideBound(s, factor * size, round) ?? exactly(r)) : s;
    }
    store(row, results, count);
  }
  return true;
}
