/**
 * Instructions that only move elements (copy and first, of one dtype): concatenation, padding, slices, transposition, gathered rows. Runs along the last output
 * dimension, wherever they are in range or not as a whole, are copied byte for byte.
 */
import { dtype, isFloat, type DTypeName } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import { floatBits, floatValue } from "./float.ts";
import { bindAddresses, originOf, read, walkOf, type Lookup, type View } from "./read.ts";
import { copyBytes, elementBytes, type Tensor } from "./tensor.ts";
import { isGather, planTensor, withoutFill, type ViewPlan, type Walk } from "./view.ts";

/** Shorter runs do not pay. */
const LEAST_RUN = 4;
/** Runs whose addresses are worked out at a time. */
const BLOCK = 4096;
/** Of what is known beforehand: no more than that is kept. */
const MOST_SPANS = 64;

interface Side {
  readonly plan: ViewPlan;
  /** Over all dimensions but the last: gives addresses. */
  readonly walk: Walk;
  readonly step: number;
}

export interface MovePlan {
  readonly sides: readonly Side[];
  readonly run: number;
  readonly runs: number;
  /** Bits of an element none of whose loads is in range. */
  readonly fill: bigint;
  /** All that is copied, where it is little and does not depend on data. */
  readonly spans: readonly Span[] | undefined;
}

/** Neighbours in an operand, or elements that no load has, and where they go. */
interface Span {
  readonly operand: ViewPlan["operand"];
  readonly start: number;
  readonly at: number;
  readonly length: number;
}

function canonicalBits(name: DTypeName, bits: bigint): bigint {
  if (isFloat(name)) return BigInt(floatBits(name, floatValue(name, Number(bits))));
  return name === "bool" && bits !== 0n ? 1n : bits;
}

/** @returns undefined if the instruction is not of this form. */
export function planMove(instruction: Instruction): MovePlan | undefined {
  const { body, fold, dtype: name, outDims, loads } = instruction;
  if ((body !== "copy" && body !== "first") || fold !== "none" || name === "acc") return undefined;
  const last = outDims.length - 1;
  const run = outDims[last] ?? 1;
  if (run < LEAST_RUN) return undefined;
  const dims = [...outDims.keys()].filter((d) => d !== last);
  const sides: Side[] = [];
  for (const load of loads) {
    if (load.kind !== "tensor" || load.dtype !== name || (load.zero ?? 0) !== 0) return undefined;
    // Without a fill a load that is out of range skips its term: the mask tells.
    const plan = planTensor(withoutFill(load), outDims, false);
    if (plan === undefined || plan.tables.some((table) => table.strides[last] !== 0)) return undefined;
    const step = plan.strides[last] ?? 0;
    if (step < 0) return undefined;
    sides.push({ plan, walk: walkOf(plan, dims), step });
  }
  const lastLoad = loads.at(-1);
  const fill = canonicalBits(name, (lastLoad?.kind === "tensor" ? lastLoad.fill : undefined) ?? 0n);
  const runs = product(outDims) / run;
  return { sides, run, runs, fill, spans: spansOf(sides, run, runs) };
}

/** Where the runs of a side start. */
interface Starts {
  readonly side: Side;
  readonly view: View;
  readonly found: Float64Array;
  readonly mask: Uint8Array;
}

function startsOf(side: Side, count: number, lookup: Lookup): Starts | undefined {
  const bound = bindAddresses(side.plan, lookup);
  return bound && { side, view: bound, found: new Float64Array(count), mask: new Uint8Array(count) };
}

/** Looks up the runs from `first` on. */
function locate({ side, view, found, mask }: Starts, first: number, count: number): void {
  mask.fill(1);
  read(view, side.walk, originOf(view), first, count, found, 0, mask);
}

const nothing: Lookup = (source, id) => {
  throw new RangeError(`${source} ${id} is not there yet`);
};

function spansOf(sides: readonly Side[], run: number, runs: number): Span[] | undefined {
  if (runs > BLOCK || sides.some(({ plan, step }) => step !== 1 || plan.tables.some(isGather)))
    return undefined;
  const starts = sides.flatMap((side) => startsOf(side, runs, nothing) ?? []);
  for (const of of starts) locate(of, 0, runs);
  const spans: Span[] = [];
  for (let r = 0; r < runs; r++) {
    const source = starts.find(({ mask }) => mask[r] === 1);
    const { operand, elements } = source?.side.plan ?? { operand: undefined, elements: Infinity };
    const start = source?.found[r] ?? 0;
    if (start + run > elements) return undefined;
    const last = spans.at(-1);
    if (
      last !== undefined &&
      last.operand === operand &&
      (operand === undefined || last.start + last.length === start)
    )
      spans[spans.length - 1] = { ...last, length: last.length + run };
    else spans.push({ operand, start, at: r * run, length: run });
    if (spans.length > MOST_SPANS) return undefined;
  }
  return spans;
}

interface Source extends Starts {
  readonly data: Uint8Array;
  readonly elements: ReturnType<typeof elementBytes>;
}

function copySpan(
  { operand, start, at, length }: Span,
  bytes: number,
  fill: bigint,
  lookup: Lookup,
  out: Tensor,
): void {
  if (operand === undefined) {
    elementBytes(out, bytes).fill(elementOf(fill, bytes), at, at + length);
    return;
  }
  const { data } = lookup(operand.source, operand.id);
  copyBytes(out.data, at * bytes, data, start * bytes, (start + length) * bytes);
}

/** What an array of elements of so many bytes is filled with. */
function elementOf(bits: bigint, bytes: number): never {
  return (bytes === 8 ? bits : Number(bits)) as never;
}

/** @returns false if a run leaves an operand half way; another way then has to write the whole output. */
export function runMove(instruction: Instruction, plan: MovePlan, lookup: Lookup, out: Tensor): boolean {
  const { sides, run, runs, fill, spans } = plan;
  const { bytes } = dtype(instruction.dtype);
  if (spans !== undefined) {
    for (const span of spans) copySpan(span, bytes, fill, lookup, out);
    return true;
  }
  const target = elementBytes(out, bytes);
  const missing = elementOf(fill, bytes);
  const some = Math.min(runs, BLOCK);
  const sources: Source[] = [];
  for (const side of sides) {
    const { operand } = side.plan;
    const starts = startsOf(side, some, lookup);
    if (operand === undefined || starts === undefined) return false;
    const tensor = lookup(operand.source, operand.id);
    sources.push({ ...starts, data: tensor.data, elements: elementBytes(tensor, bytes) });
  }
  for (let first = 0; first < runs; first += some) {
    const count = Math.min(some, runs - first);
    for (const source of sources) locate(source, first, count);
    for (let r = 0; r < count; r++) {
      const at = (first + r) * run;
      const source = sources.find(({ mask }) => mask[r] === 1);
      if (source === undefined) target.fill(missing, at, at + run);
      else {
        const start = source.found[r] ?? 0;
        const { step } = source.side;
        if (start + step * (run - 1) >= source.elements.length) return false;
        if (step === 1) copyBytes(out.data, at * bytes, source.data, start * bytes, (start + run) * bytes);
        else for (let i = 0; i < run; i++) target[at + i] = source.elements[start + i * step] as never;
      }
    }
  }
  return true;
}
