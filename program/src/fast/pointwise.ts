/**
 * Elementwise binary32 instructions on views that are never out of range, computed straight from the operands' memory into the output's.
 * Float64 results of one operation on binary32 numbers round innocuously to binary32 (Figueroa, "When is double rounding innocuous?",
 * 1995), which the store into a Float32Array does; negative zeros and NaNs are made canonical at the end.
 */
import { product, type Body, type Instruction } from "../instruction.ts";
import { bind, joinDims, type Lookup } from "./read.ts";
import { canonicalizeF32, type Tensor } from "./tensor.ts";
import { literalValue, planTensor, type ViewPlan } from "./view.ts";

/** Computes n elements at out[at...] from a[p + i·da] and b[q + i·db]. */
type Run = (
  n: number,
  out: Float32Array,
  at: number,
  a: Float32Array,
  p: number,
  da: number,
  b: Float32Array,
  q: number,
  db: number,
) => void;

const RUNS: Partial<Record<Body, Run>> = {
  add: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = (a[p + i * da] ?? 0) + (b[q + i * db] ?? 0);
  },
  sub: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = (a[p + i * da] ?? 0) - (b[q + i * db] ?? 0);
  },
  mul: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = (a[p + i * da] ?? 0) * (b[q + i * db] ?? 0);
  },
  div: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = (a[p + i * da] ?? 0) / (b[q + i * db] ?? 0);
  },
  min: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = Math.min(a[p + i * da] ?? 0, b[q + i * db] ?? 0);
  },
  max: (n, out, at, a, p, da, b, q, db) => {
    for (let i = 0; i < n; i++) out[at + i] = Math.max(a[p + i * da] ?? 0, b[q + i * db] ?? 0);
  },
  copy: (n, out, at, a, p, da) => {
    for (let i = 0; i < n; i++) out[at + i] = a[p + i * da] ?? 0;
  },
  neg: (n, out, at, a, p, da) => {
    for (let i = 0; i < n; i++) out[at + i] = -(a[p + i * da] ?? 0);
  },
  abs: (n, out, at, a, p, da) => {
    for (let i = 0; i < n; i++) out[at + i] = Math.abs(a[p + i * da] ?? 0);
  },
  sqrt: (n, out, at, a, p, da) => {
    for (let i = 0; i < n; i++) out[at + i] = Math.sqrt(a[p + i * da] ?? 0);
  },
};

interface Operand {
  /** undefined: a literal. */
  readonly plan: ViewPlan | undefined;
  readonly literal: Float32Array;
  /** Per merged dimension. */
  readonly strides: readonly number[];
}

export interface PointwisePlan {
  readonly run: Run;
  /** Merged output dimensions, at least one. */
  readonly sizes: readonly number[];
  readonly operands: readonly Operand[];
}

/** @returns undefined if the instruction is not of this form. */
export function planPointwise({
  body,
  fold,
  dtype: name,
  outDims,
  loads,
}: Instruction): PointwisePlan | undefined {
  const run = RUNS[body];
  if (run === undefined || fold !== "none" || name !== "f32") return undefined;
  const found: { plan: ViewPlan | undefined; literal: number }[] = [];
  for (const load of loads) {
    if (load.kind === "index" || load.dtype !== "f32") return undefined;
    const plan = load.kind === "tensor" ? planTensor(load, outDims, true) : undefined;
    if (load.kind === "tensor" && (plan === undefined || plan.tables.length > 0 || plan.limit !== Infinity))
      return undefined;
    found.push({ plan, literal: load.kind === "literal" ? (literalValue("f32", load.bits) ?? 0) : 0 });
  }
  const nothing = outDims.map(() => 0);
  const { sizes, strides } = joinDims(
    outDims,
    found.map(({ plan }) => plan?.strides ?? nothing),
  );
  const operands = found.map(({ plan, literal }, k) => {
    return { plan, literal: Float32Array.of(literal), strides: strides[k] ?? [] };
  });
  return { run, sizes, operands };
}

/** @returns false, with nothing written, if an operand is not in memory as binary32. */
export function runPointwise({ run, sizes, operands }: PointwisePlan, lookup: Lookup, out: Tensor): boolean {
  const sources: { values: Float32Array; offset: number; strides: readonly number[] }[] = [];
  for (const { plan, literal, strides } of operands) {
    const values = plan === undefined ? literal : bind(plan, lookup)?.values;
    if (!(values instanceof Float32Array)) return false;
    sources.push({ values, offset: plan?.offset ?? 0, strides });
  }
  const [a, b = a] = sources;
  if (a === undefined || b === undefined) return false;
  const target = new Float32Array(out.data.buffer);
  const last = sizes.length - 1;
  const length = sizes[last] ?? 1;
  const [da, db] = [a.strides[last] ?? 0, b.strides[last] ?? 0];
  let [p, q] = [a.offset, b.offset];
  const index = sizes.map(() => 0);
  const rows = product(sizes.slice(0, last));
  for (let row = 0; row < rows; row++) {
    run(length, target, row * length, a.values, p, da, b.values, q, db);
    for (let d = last - 1; d >= 0; d--) {
      const size = sizes[d] ?? 1;
      const i = (index[d] ?? 0) + 1;
      const by = i < size ? 1 : 1 - size;
      index[d] = i < size ? i : 0;
      p += by * (a.strides[d] ?? 0);
      q += by * (b.strides[d] ?? 0);
      if (i < size) break;
    }
  }
  canonicalizeF32(new Uint32Array(out.data.buffer));
  return true;
}
