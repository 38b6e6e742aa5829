/**
 * The general block interpreter: the loads of some thousand points are written out as numbers, one kernel computes the bodies, one fold
 * closes them. Points run row-major over outputs and reduction, so that the terms of an output are neighbours.
 */
import { dtype, isFloat, isInteger, type DTypeName } from "../dtype.ts";
import type { Instruction, Load } from "../instruction.ts";
import { absent, type Operand } from "./body.ts";
import { copyKernel, maskUnequal, whereKernel } from "./convert.ts";
import { foldKernel, type FoldKernel } from "./fold.ts";
import type { IntegerKernel } from "./integer.ts";
import { kernelOf } from "./kernel.ts";
import { bitsOf, SAFE_BITS, storeInto, VALUE_BITS, type Tensor } from "./tensor.ts";
import { bind, originOf, read, walkOf, type Lookup, type View } from "./read.ts";
import { literalValue, planIndex, planTensor, skips, withoutFill, type ViewPlan, type Walk } from "./view.ts";

const BLOCK = 4096;

/** Numbers that blocks leave behind for the next ones of their size; the instruction at work holds the first `taken`. */
const spare = new Map<number, { readonly arrays: Float64Array[]; taken: number }>();
const MOST_SIZES = 64;

/** An array of so many numbers, whatever they are, until the next instruction. */
function take(size: number): Float64Array {
  if (size > BLOCK) return new Float64Array(size);
  let ofSize = spare.get(size);
  if (ofSize === undefined) spare.set(size, (ofSize = { arrays: [], taken: 0 }));
  return (ofSize.arrays[ofSize.taken++] ??= new Float64Array(size));
}

/** Ends what `take` gave. */
function giveBack(): void {
  if (spare.size > MOST_SIZES) spare.clear();
  for (const ofSize of spare.values()) ofSize.taken = 0;
}

interface Literal {
  readonly dtype: DTypeName;
  readonly value: number;
}

type LoadPlan = Literal | { readonly dtype: DTypeName; readonly plan: ViewPlan; readonly walk: Walk };

export interface FlatPlan {
  readonly loads: readonly LoadPlan[];
  readonly outputs: number;
  /** Terms per output. */
  readonly terms: number;
  /** Whether terms can be skipped. */
  readonly masked: boolean;
}

function planLoad(instruction: Instruction, load: Load, position: number): LoadPlan | undefined {
  const { body, fold, outDims, redDims, loads } = instruction;
  if (load.kind === "literal") {
    const value = literalValue(load.dtype, load.bits);
    return value === undefined ? undefined : { dtype: load.dtype, value };
  }
  const sizes = [...outDims, ...redDims];
  const skipped = body === "first" && position < loads.length - 1;
  const zero = fold === "none" && !skipped;
  let plan: ViewPlan | undefined;
  if (load.kind === "index") plan = planIndex(load, sizes, zero);
  // A fill of first counts on its last load only.
  else plan = planTensor(skipped ? withoutFill(load) : load, sizes, zero);
  if (plan === undefined) return undefined;
  return { dtype: load.kind === "index" ? "i64" : load.dtype, plan, walk: walkOf(plan, [...sizes.keys()]) };
}

/** @returns undefined if a load does not fit. */
export function planFlat(instruction: Instruction, outputs: number, terms: number): FlatPlan | undefined {
  const loads: LoadPlan[] = [];
  for (const [position, load] of instruction.loads.entries()) {
    const plan = planLoad(instruction, load, position);
    if (plan === undefined) return undefined;
    loads.push(plan);
  }
  const masked = instruction.body === "seleq" || loads.some((l) => "plan" in l && skips(l.plan));
  return { loads, outputs, terms, masked };
}

interface Source {
  readonly operand: Operand;
  readonly view: View | undefined;
  readonly walk: Walk | undefined;
  readonly block: Float64Array;
}

/** What is known of the values of a view. */
export function operandOf(name: DTypeName, view: View): Operand {
  const { zero } = view.plan;
  if (!isInteger(name)) return { dtype: name, integer: false, bits: VALUE_BITS[name] };
  const bits = zero === 0 ? view.bits : bitsOf(2 ** view.bits + Math.abs(zero));
  const fill = Math.abs(view.plan.fill ?? 0);
  return { dtype: name, integer: true, bits: Math.max(bits, bitsOf(fill)) };
}

function sourceOf(load: LoadPlan, size: number, lookup: Lookup): Source | undefined {
  const block = take(size);
  if ("value" in load) {
    block.fill(load.value);
    const integer = isInteger(load.dtype);
    const bits = integer ? bitsOf(Math.abs(load.value)) : VALUE_BITS[load.dtype];
    return { operand: { dtype: load.dtype, integer, bits }, view: undefined, walk: undefined, block };
  }
  const view = bind(load.plan, lookup);
  if (view === undefined) return undefined;
  return { operand: operandOf(load.dtype, view), view, walk: load.walk, block };
}

/** Computes the terms of a block; may clear bits of the mask. */
type Terms = (n: number, out: Float64Array, mask: Uint8Array) => Float64Array;

interface Chosen {
  readonly terms: Terms;
  /** No integer term exceeds 2^result; Infinity: they are right modulo 2^32 at least. */
  readonly result: number;
}

/** where and seleq copy their operands first, each in its own way. */
function selection(instruction: Instruction, sources: readonly Source[], size: number): Chosen | undefined {
  const { body, dtype: name } = instruction;
  const [x, y, z] = sources;
  if (x === undefined || y === undefined || z === undefined) return undefined;
  const copyZ = copyKernel(name, z.operand);
  const copyY = body === "where" ? copyKernel(name, y.operand) : undefined;
  if (copyZ === undefined) return undefined;
  const wide = (o: Operand): number => (o.integer ? o.bits : VALUE_BITS[name]);
  const scratch = take(size);
  if (body === "seleq")
    return {
      result: wide(z.operand),
      terms: (n, out, mask) => {
        maskUnequal(n, mask, x.block, y.block);
        return copyZ(n, out, z.block, z.block, z.block);
      },
    };
  if (copyY === undefined) return undefined;
  const other = take(size);
  return {
    result: Math.max(wide(y.operand), wide(z.operand)),
    terms: (n, out) => {
      const chosen = copyY(n, scratch, y.block, y.block, y.block);
      return whereKernel(n, out, x.block, chosen, copyZ(n, other, z.block, z.block, z.block));
    },
  };
}

/** The first of several loads that is in range. */
function firstInRange(
  instruction: Instruction,
  sources: readonly Source[],
  masks: readonly Uint8Array[],
  size: number,
): Chosen | undefined {
  const { dtype: name } = instruction;
  const copies = sources.map((s) => copyKernel(name, s.operand));
  if (copies.includes(undefined)) return undefined;
  const scratch = sources.map(() => take(size));
  return {
    result: Math.max(...sources.map((s) => (s.operand.integer ? s.operand.bits : VALUE_BITS[name]))),
    terms: (n, out, mask) => {
      const copied = sources.map(
        (s, k) => copies[k]?.(n, scratch[k] ?? out, s.block, s.block, s.block) ?? out,
      );
      for (let i = 0; i < n; i++) {
        let k = 0;
        while (k < copied.length - 1 && masks[k]?.[i] === 0) k++;
        out[i] = copied[k]?.[i] ?? 0;
        mask[i] = masks[k]?.[i] ?? 1;
      }
      return out;
    },
  };
}

function choose(
  instruction: Instruction,
  sources: readonly Source[],
  masks: readonly Uint8Array[],
  size: number,
): Chosen | undefined {
  const { body, dtype: name } = instruction;
  if (sources.some((s) => s.operand.bits > SAFE_BITS)) return undefined;
  if (body === "where" || body === "seleq") return selection(instruction, sources, size);
  if (body === "first") return firstInRange(instruction, sources, masks, size);
  const [a, b, c] = sources;
  if (a === undefined) return undefined;
  const operands = [a.operand, b?.operand ?? absent, c?.operand ?? absent] as const;
  const found: IntegerKernel | undefined = kernelOf(body, name, operands);
  if (found === undefined) return undefined;
  const { kernel, result } = found;
  const blocks = [a.block, b?.block ?? a.block, c?.block ?? a.block] as const;
  return { result, terms: (n, out) => kernel(n, out, ...blocks) };
}

/** @returns false, with nothing written, if the values do not fit this representation. */
export function runFlat(instruction: Instruction, plan: FlatPlan, lookup: Lookup, out: Tensor): boolean {
  const { body, fold, dtype: name } = instruction;
  const { terms, outputs } = plan;
  if (name === "acc") return false;
  giveBack();
  const perBlock = Math.min(outputs, Math.max(1, Math.floor(BLOCK / terms)));
  const size = perBlock * terms;
  const sources: Source[] = [];
  for (const load of plan.loads) {
    const source = sourceOf(load, size, lookup);
    if (source === undefined) return false;
    sources.push(source);
  }
  const mask = new Uint8Array(size).fill(1);
  const masks = sources.map(() => (body === "first" ? new Uint8Array(size).fill(1) : mask));
  const chosen = choose(instruction, sources, masks, size);
  if (chosen === undefined) return false;
  let close: FoldKernel | undefined;
  if (fold !== "none") {
    close = foldKernel(fold, name, terms, chosen.result);
    if (close === undefined) return false;
  }
  // Limits of 64-bit types stand for themselves in conversions from floats and as what an empty min or max gives.
  const limits =
    sources.some((s) => isFloat(s.operand.dtype)) || fold === "min" || fold === "max" || fold === "maxnum";
  const store = storeInto(out, limits && dtype(name).bytes === 8);
  const literals = new Set(sources.filter((s) => s.view === undefined).map((s) => s.block));
  const scratch = take(size);
  const results = take(perBlock);
  for (let at = 0; at < outputs; at += perBlock) {
    const count = Math.min(perBlock, outputs - at);
    const n = count * terms;
    if (plan.masked) for (const m of new Set(masks)) m.fill(1);
    for (const [k, { view, walk, block }] of sources.entries())
      if (view !== undefined && walk !== undefined)
        read(view, walk, originOf(view), at * terms, n, block, 0, masks[k]);
    let values = chosen.terms(n, scratch, mask);
    if (literals.has(values)) values = values.slice();
    if (close === undefined) {
      if (body === "seleq") for (let i = 0; i < n; i++) if (mask[i] === 0) values[i] = 0;
      store(at, values, n);
    } else {
      if (!close(values, count, results, plan.masked ? mask : undefined)) return false;
      store(at, results, count);
    }
  }
  return true;
}
