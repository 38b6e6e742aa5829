/**
 * Which leaves the terms of one element can touch: an upper bound over all elements, from the structure of the views.
 */
import { dtype } from "./dtype.ts";
import { product, type Affine, type Instruction, type TensorLoad } from "./instruction.ts";
import { LEAF_BYTES, tensorLeaves } from "./treeShape.ts";

/** Bounds on what one element reads of one operand. */
export interface Reach {
  readonly leaves: number;
  /** Into how many intervals of consecutive leaves these fall. */
  readonly runs: number;
}

/** Of the indices of a reduction dimension, those that can count for one element: `count` of them, `step` apart. */
interface Live {
  readonly count: number;
  readonly step: number;
}

/** Part of an address: any of `count` values, `stride` bytes apart. */
interface Stride {
  readonly count: number;
  readonly stride: number;
}

function gcd(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}

/** Coefficient of a dimension, over all terms. */
export function coefficient(at: Affine, dim: number): number {
  return at.terms.reduce((sum, term) => (term.dim === dim ? sum + term.coef : sum), 0);
}

function allDims({ outDims, redDims }: Instruction): Map<number, Live> {
  return new Map(redDims.map((count, i) => [outDims.length + i, { count, step: 1 }]));
}

/**
 * A load without a fill whose exact division lets only every step-th index of one reduction dimension be in range
 * thins out that dimension for all loads: the other terms are skipped.
 */
function liveDims(instruction: Instruction): Map<number, Live> {
  const first = instruction.outDims.length;
  const live = allDims(instruction);
  for (const load of instruction.loads) {
    if (load.kind !== "tensor" || load.fill !== undefined || instruction.body === "first") continue;
    for (const { at } of load.axes) {
      if ("gather" in at || !at.exact) continue;
      const varying = [...live.keys()].filter(
        (dim) => coefficient(at, dim) !== 0 && (instruction.redDims[dim - first] ?? 1) > 1,
      );
      const [dim] = varying;
      if (dim === undefined || varying.length > 1) continue;
      const step = at.div / gcd(coefficient(at, dim), at.div);
      if (step > (live.get(dim)?.step ?? 1))
        live.set(dim, { step, count: Math.ceil((instruction.redDims[dim - first] ?? 1) / step) });
    }
  }
  return live;
}

/** Address of a load as a sum of independent parts; strides and offset in bytes. */
interface Parts {
  readonly strides: Stride[];
  /** Combinations of indices that choose gathered coordinates: each can lead anywhere. */
  readonly jumps: number;
  /** Where the first term of an element can start: offset plus any multiple of the grain. */
  readonly offset: number;
  readonly grain: number;
}

function partsOf(load: TensorLoad, first: number, live: ReadonlyMap<number, Live>): Parts {
  const { bytes } = dtype(load.dtype);
  const jumping = new Set<number>();
  for (const { at } of load.axes)
    if ("gather" in at)
      for (const inner of at.gather.axes)
        if (!("gather" in inner.at)) for (const { dim } of inner.at.terms) if (dim >= first) jumping.add(dim);
  const linear = new Map<number, number>();
  const strides: Stride[] = [];
  let offset = 0;
  let grain = 0;
  for (const { at, stride } of load.axes) {
    const unit = stride * bytes;
    if ("gather" in at) {
      grain = gcd(grain, unit);
      continue;
    }
    const steps = [...live].map(([dim, { count, step }]) => ({
      dim,
      count,
      move: coefficient(at, dim) * step,
    }));
    const moving = steps.filter(({ count, move }) => count > 1 && move !== 0);
    if (moving.every(({ move }) => move % at.div === 0)) {
      for (const { dim, move } of moving) linear.set(dim, (linear.get(dim) ?? 0) + (move / at.div) * unit);
    } else {
      // floor(sum / div) takes few values, whichever indices lead to them.
      const extent = moving.reduce((sum, { count, move }) => sum + Math.abs(move) * (count - 1), 0);
      const most = moving.reduce((sum, { count }) => sum * count, 1);
      strides.push({ count: Math.min(Math.floor(extent / at.div) + 2, most), stride: unit });
      grain = gcd(grain, unit);
      continue;
    }
    if (at.div === 1) {
      offset += at.c0 * unit;
      for (const { dim, coef } of at.terms) if (dim < first) grain = gcd(grain, coef * unit);
    } else grain = gcd(grain, unit);
  }
  for (const [dim, stride] of linear)
    if (jumping.has(dim)) grain = gcd(grain, stride);
    else strides.push({ count: live.get(dim)?.count ?? 1, stride });
  const jumps = [...jumping].reduce((sum, dim) => sum * (live.get(dim)?.count ?? 1), 1);
  return { strides: strides.filter(({ stride }) => stride !== 0), jumps, offset, grain };
}

/** Leaves that `length` bytes touch at most, if they start at `offset` plus a multiple of `grain`. */
function leavesOf(length: number, offset: number, grain: number): number {
  const step = gcd(LEAF_BYTES, grain);
  const start = LEAF_BYTES - step + (((offset % step) + step) % step);
  return Math.floor((start + length - 1) / LEAF_BYTES) + 1;
}

/** The terms as intervals over the `inner` smallest strides, one for each combination of the other strides. */
function split(parts: Parts, bytes: number, inner: number): Reach {
  let length = bytes;
  let start = parts.offset;
  let runs = parts.jumps;
  let spread = parts.grain;
  parts.strides.forEach(({ count, stride }, i) => {
    if (i < inner) {
      length += Math.abs(stride) * (count - 1);
      start += Math.min(stride, 0) * (count - 1);
    } else {
      runs *= count;
      spread = gcd(spread, stride);
    }
  });
  return { runs, leaves: runs * leavesOf(length, start, spread) };
}

/**
 * Bounds, for every element of an instruction, on the leaves of the operand of one of its loads (or gather loads) that its
 * terms touch.
 */
export function reachOf(instruction: Instruction, load: TensorLoad): Reach {
  const { bytes } = dtype(load.dtype);
  // Gathers are read before it is known whether the term is skipped.
  const live = instruction.loads.includes(load) ? liveDims(instruction) : allDims(instruction);
  const parts = partsOf(load, instruction.outDims.length, live);
  parts.strides.sort((a, b) => Math.abs(a.stride) - Math.abs(b.stride));
  const terms = product([...live.values()].map(({ count }) => count));
  let best: Reach = { leaves: Math.min(tensorLeaves(load.elements * bytes), terms), runs: Infinity };
  for (let inner = 0; inner <= parts.strides.length; inner++) {
    const found = split(parts, bytes, inner);
    if (found.leaves < best.leaves || (found.leaves === best.leaves && found.runs < best.runs)) best = found;
  }
  return { leaves: best.leaves, runs: Math.min(best.runs, best.leaves) };
}
