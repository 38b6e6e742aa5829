/**
 * Instructions in parts that threads compute side by side. A part is an instruction itself: of fewer outputs along one dimension, with
 * its loads moved to where they begin.
 */
import { dtype } from "../dtype.ts";
import {
  isTranscendental,
  outElements,
  product,
  type Affine,
  type Instruction,
  type Load,
  type TensorLoad,
} from "../instruction.ts";
import { compute, planInstruction, type Plan, type Way } from "./compute.ts";
import { planMatrix, runMatrix, type MatrixPlan } from "./matrix.ts";
import type { Lookup } from "./read.ts";
import { newTensor, type Tensor } from "./tensor.ts";

/** Nanoseconds, roughly: less work is done sooner than told to another thread. */
const LEAST_COST = 200_000;
/** Several each, as threads are not equally fast on a machine that has other work; each part costs something, too. */
const PARTS_PER_THREAD = 3;
export const MOST_PARTS = 64;
const LEAST_PART_COST = 100_000;
const COST = { product: 0.2, term: 1, element: 2, transcendental: 30 };

/** Outputs from..to along a dimension. */
export interface Part {
  readonly dim: number;
  readonly from: number;
  readonly to: number;
}

/** Results of other dtypes pass through an array of their own (matrix.ts). */
function placeable({ dtype: name }: Instruction): boolean {
  return name === "f32" || name === "i32";
}

function cost({ body, outDims, redDims }: Instruction, { matrix }: Plan): number {
  const term = isTranscendental(body) ? COST.transcendental : matrix === undefined ? COST.term : COST.product;
  return product(outDims) * (COST.element + product(redDims) * term);
}

/** Matrix products: a batch each, or else the larger matrix in parts, as every part needs all of the other one. */
function dimOfMatrix({ outDims }: Instruction, { a, b, batchDims }: MatrixPlan, count: number): number {
  const largest = (dims: readonly number[]): number =>
    dims.reduce((best, d) => ((outDims[d] ?? 1) > (outDims[best] ?? 1) ? d : best), dims[0] ?? 0);
  const batch = largest(batchDims);
  return batchDims.length > 0 && (outDims[batch] ?? 1) >= count
    ? batch
    : largest(a.count > b.count ? a.dims : b.dims);
}

/** @param threads How many there are. @returns none if the instruction is better left whole. */
export function splitInstruction(instruction: Instruction, plan: Plan, threads: number): readonly Part[] {
  const { outDims } = instruction;
  const whole = cost(instruction, plan);
  if (whole < LEAST_COST || threads < 2) return [];
  const count = Math.min(threads * PARTS_PER_THREAD, MOST_PARTS, Math.floor(whole / LEAST_PART_COST));
  const dim =
    plan.matrix !== undefined && placeable(instruction)
      ? dimOfMatrix(instruction, plan.matrix, count)
      : outDims.findIndex((size) => size > 1);
  const size = outDims[dim] ?? 1;
  const parts = Math.min(size, count);
  if (parts < 2) return [];
  const bound = (p: number): number => Math.floor((p * size) / parts);
  return Array.from({ length: parts }, (_, p) => ({ dim, from: bound(p), to: bound(p + 1) }));
}

function movedAffine(at: Affine, { dim, from }: Part): Affine {
  const step = at.terms.reduce((sum, term) => (term.dim === dim ? sum + term.coef : sum), 0);
  return { ...at, c0: at.c0 + step * from };
}

function movedTensor(load: TensorLoad, part: Part): TensorLoad {
  return {
    ...load,
    axes: load.axes.map((axis) => ({
      ...axis,
      at: "gather" in axis.at ? { gather: movedTensor(axis.at.gather, part) } : movedAffine(axis.at, part),
    })),
  };
}

function movedLoad(load: Load, part: Part): Load {
  if (load.kind === "tensor") return movedTensor(load, part);
  return load.kind === "index" ? { ...load, at: movedAffine(load.at, part) } : load;
}

/** The part by itself. */
export function instructionOf(instruction: Instruction, part: Part): Instruction {
  return {
    ...instruction,
    outDims: instruction.outDims.map((size, d) => (d === part.dim ? part.to - part.from : size)),
    loads: instruction.loads.map((load) => movedLoad(load, part)),
  };
}

export interface PartPlan {
  readonly instruction: Instruction;
  readonly plan: Plan;
  /** Its results in the whole output: `runs` runs of `run` neighbours, `step` elements apart. */
  readonly start: number;
  readonly runs: number;
  readonly run: number;
  readonly step: number;
  /** The way of matrices right to their places, unless the results are neighbours anyway. */
  readonly placed: MatrixPlan | undefined;
}

export function planPart(whole: Instruction, part: Part): PartPlan {
  const instruction = instructionOf(whole, part);
  const inner = product(whole.outDims.slice(part.dim + 1));
  const runs = product(whole.outDims.slice(0, part.dim));
  const start = part.from * inner;
  const plan = planInstruction(instruction);
  return {
    ...{ instruction, plan, start, runs },
    run: (part.to - part.from) * inner,
    step: (whole.outDims[part.dim] ?? 1) * inner,
    placed:
      plan.matrix === undefined || runs === 1 || !placeable(whole)
        ? undefined
        : planMatrix(instruction, { dims: whole.outDims, start }),
  };
}

/** Writes the part's results to their places in the whole output. */
export function computePart(part: PartPlan, lookup: Lookup, out: Tensor): Way {
  const { instruction, plan, start, runs, run, step, placed } = part;
  const { bytes } = dtype(out.dtype);
  const slice = (at: number): Uint8Array => out.data.subarray(at * bytes, (at + run) * bytes);
  if (runs === 1) return compute(instruction, plan, lookup, newTensor(out.dtype, run, slice(start)));
  if (placed !== undefined && runMatrix(instruction, placed, lookup, out)) return "matrix";
  const results = newTensor(out.dtype, outElements(instruction));
  const way = compute(instruction, plan, lookup, results);
  for (let r = 0; r < runs; r++)
    slice(start + r * step).set(results.data.subarray(r * run * bytes, (r + 1) * run * bytes));
  return way;
}
