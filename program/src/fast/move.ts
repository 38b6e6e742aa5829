/**
 * Instructions that only move elements (copy and first, of one dtype): concatenation, padding, slices, transposition, gathered rows. Runs along the last output
 * dimension, wherever they are in range or not as a whole, are copied byte for byte.
 */
import { dtype, isFloat, type DTypeName } from "../dtype.ts";
import { product, type Instruction } from "../instruction.ts";
import { floatBits, floatValue } from "./float.ts";
import { bindAddresses, originOf, read, walkOf, type Lookup, type View, type Walk } from "./read.ts";
import { elementBytes, type Tensor } from "./tensor.ts";
import { planTensor, withoutFill, type ViewPlan } from "./view.ts";

/** Shorter runs do not pay. */
const LEAST_RUN = 4;
/** Runs whose addresses are worked out at a time. */
const BLOCK = 4096;

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
  return { sides, run, runs: product(outDims) / run, fill };
}

interface Source {
  readonly side: Side;
  readonly view: View;
  readonly elements: Elements;
  readonly found: Float64Array;
  readonly mask: Uint8Array;
}

type Elements = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/** A run of n elements. */
function copyRun(to: Elements, at: number, from: Elements, start: number, step: number, n: number): void {
  if (step === 1) to.set(from.subarray(start, start + n) as never, at);
  else for (let i = 0; i < n; i++) to[at + i] = from[start + i * step] as never;
}

/** @returns false if a run leaves an operand half way; another way then has to write the whole output. */
export function runMove(instruction: Instruction, plan: MovePlan, lookup: Lookup, out: Tensor): boolean {
  const { sides, run, runs, fill } = plan;
  const { bytes } = dtype(instruction.dtype);
  const target = elementBytes(out, bytes);
  const missing = bytes === 8 ? fill : Number(fill);
  const some = Math.min(runs, BLOCK);
  const sources: Source[] = [];
  for (const side of sides) {
    const { operand } = side.plan;
    const bound = bindAddresses(side.plan, lookup);
    if (operand === undefined || bound === undefined) return false;
    const elements = elementBytes(lookup(operand.source, operand.id), bytes);
    sources.push({ side, view: bound, elements, found: new Float64Array(some), mask: new Uint8Array(some) });
  }
  for (let first = 0; first < runs; first += some) {
    const count = Math.min(some, runs - first);
    for (const { side, view, found, mask } of sources) {
      mask.fill(1);
      read(view, side.walk, originOf(view), first, count, found, 0, mask);
    }
    for (let r = 0; r < count; r++) {
      const at = (first + r) * run;
      const source = sources.find(({ mask }) => mask[r] === 1);
      if (source === undefined) target.fill(missing as never, at, at + run);
      else {
        const start = source.found[r] ?? 0;
        const { step } = source.side;
        if (start + step * (run - 1) >= source.elements.length) return false;
        copyRun(target, at, source.elements, start, step, run);
      }
    }
  }
  return true;
}
