/**
 * Sums into and out of the exact accumulator dtype (docs/program.md §2): N * 2^-298 in 124 bytes, then a class.
 */
import { dtype, isFloat, type DTypeName } from "../dtype.ts";
import { product, type Instruction, type TensorLoad } from "../instruction.ts";
import { roundToFloat } from "../naive/round.ts";
import { setElementBits } from "../naive/value.ts";
import { expansion } from "./exactsum.ts";
import { floatBits } from "./float.ts";
import { viewAs, type Tensor } from "./tensor.ts";
import { bind, bindAddresses, originOf, read, walkOf, type Lookup, type View } from "./read.ts";
import { planTensor, type ViewPlan } from "./view.ts";

const WORDS = 16;
const CLASS_WORD = 31;
const SCALE = 2 ** 298;
const CLASS_NAN = 1;
const CLASS_INFINITY = 2;
const CLASS_NEGATIVE_INFINITY = 3;

/** An exact sum so far: units of 2^-298 and, apart, the sum of special terms (0 without any). */
interface Sum {
  units: bigint;
  special: number;
}

export interface AccPlan {
  readonly views: readonly { readonly load: TensorLoad; readonly plan: ViewPlan }[];
  readonly outputs: number;
  readonly terms: number;
}

/** @returns undefined unless the instruction copies or sums to or from acc, in tensor loads. */
export function planAcc(instruction: Instruction): AccPlan | undefined {
  const { body, fold, dtype: name, outDims, redDims, loads } = instruction;
  if ((fold !== "none" && fold !== "sum") || (body !== "copy" && body !== "mul")) return undefined;
  if (name !== "acc" && !isFloat(name)) return undefined;
  const views: { load: TensorLoad; plan: ViewPlan }[] = [];
  for (const load of loads) {
    if (load.kind !== "tensor") return undefined;
    if (load.dtype === "acc" ? load.fill !== undefined : !isFloat(load.dtype)) return undefined;
    const plan = planTensor(load, [...outDims, ...redDims], false);
    if (plan === undefined) return undefined;
    views.push({ load, plan });
  }
  if (name !== "acc" && !views.every(({ load }) => load.dtype === "acc")) return undefined;
  return { views, outputs: product(outDims), terms: product(redDims) };
}

function elementOf({ data }: Tensor, at: number): Uint8Array {
  const { bytes } = dtype("acc");
  return data.subarray(at * bytes, (at + 1) * bytes);
}

function addElement(sum: Sum, tensor: Tensor, at: number): void {
  const bytes = elementOf(tensor, at);
  const words = viewAs(BigUint64Array, bytes);
  const kind = viewAs(Uint32Array, bytes)[CLASS_WORD] ?? 0;
  if (kind === 0) {
    let units = 0n;
    for (let w = WORDS - 1; w >= 0; w--) units = (units << 64n) | (words[w] ?? 0n);
    sum.units += BigInt.asIntN(8 * dtype("acc").bytes - 32, units);
  } else
    sum.special += kind === CLASS_INFINITY ? Infinity : kind === CLASS_NEGATIVE_INFINITY ? -Infinity : NaN;
}

function addProducts(sum: Sum, terms: Float64Array): void {
  let plain = 0;
  for (const term of terms) plain += term;
  if (!Number.isFinite(plain)) sum.special += plain;
  // A multiple of 2^-298 below 2^277: exact as a number and as an integer.
  else for (const part of expansion(terms, 0, terms.length)) sum.units += BigInt(part * SCALE);
}

function writeAcc(sum: Sum, out: Tensor, at: number): void {
  const words = viewAs(BigUint64Array, elementOf(out, at));
  if (sum.special !== 0) {
    const { special } = sum;
    const kind =
      special === Infinity ? CLASS_INFINITY : special === -Infinity ? CLASS_NEGATIVE_INFINITY : CLASS_NAN;
    words[WORDS - 1] = BigInt(kind) << 32n;
    return;
  }
  const bits = BigInt.asUintN(8 * dtype("acc").bytes - 32, sum.units);
  for (let w = 0; w < WORDS; w++) words[w] = BigInt.asUintN(64, bits >> BigInt(64 * w));
}

function roundedBits(name: DTypeName, { units, special }: Sum): bigint {
  if (special !== 0) return BigInt(floatBits(name, special));
  return roundToFloat(name, units < 0n, units < 0n ? -units : units, -298, false);
}

/** With addresses in place of values, acc elements being no numbers. */
function viewOf({ load, plan }: AccPlan["views"][number], lookup: Lookup): View | undefined {
  if (load.dtype !== "acc") return bind(plan, lookup);
  return bindAddresses(plan, lookup);
}

/** @returns false, with nothing written, if an operand does not fit. */
export function runAcc(instruction: Instruction, plan: AccPlan, lookup: Lookup, out: Tensor): boolean {
  const { terms } = plan;
  const sides: { view: View; accs: Tensor | undefined; block: Float64Array }[] = [];
  for (const entry of plan.views) {
    const view = viewOf(entry, lookup);
    if (view === undefined) return false;
    const { load } = entry;
    const accs = load.dtype === "acc" ? lookup(load.source, load.id) : undefined;
    sides.push({ view, accs, block: new Float64Array(terms) });
  }
  const walks = sides.map(({ view }) => walkOf(view.plan, [...view.plan.sizes.keys()]));
  const mask = new Uint8Array(terms);
  const [first, second] = sides;
  if (first === undefined) return false;
  for (let o = 0; o < plan.outputs; o++) {
    mask.fill(1);
    for (const [k, { view, block }] of sides.entries()) {
      const walk = walks[k];
      if (walk !== undefined) read(view, walk, originOf(view), o * terms, terms, block, 0, mask);
    }
    const sum: Sum = { units: 0n, special: 0 };
    if (first.accs !== undefined) {
      for (let r = 0; r < terms; r++) if (mask[r] !== 0) addElement(sum, first.accs, first.block[r] ?? 0);
    } else {
      const products = first.block;
      for (let r = 0; r < terms; r++)
        products[r] =
          mask[r] === 0 ? 0 : (products[r] ?? 0) * (second === undefined ? 1 : (second.block[r] ?? 0));
      addProducts(sum, products);
    }
    if (instruction.dtype === "acc") writeAcc(sum, out, o);
    else setElementBits(instruction.dtype, out.data, o, roundedBits(instruction.dtype, sum));
  }
  return true;
}
