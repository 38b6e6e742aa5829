/**
 * Random legal instructions and operands for the test that naive interpreter, fast interpreter and referee agree on every bit.
 * Every legal (body, fold, output dtype) is one of KINDS.
 */
import { dtype, DTYPES, isInteger, type DTypeName } from "../dtype.ts";
import {
  BODIES,
  FOLDS,
  outElements,
  type Affine,
  type Axis,
  type Body,
  type Fold,
  type GatherLoad,
  type Instruction,
  type Load,
  type Program,
  type TensorLoad,
} from "../instruction.ts";
import { isLegal } from "../legal.ts";
import { canonical, PROFILES, randomCoordinates, randomElement, randomTensor } from "./elements.ts";
import type { Rng } from "./rng.ts";

export interface Kind {
  readonly body: Body;
  readonly fold: Fold;
  readonly dtype: DTypeName;
}

/** An instruction whose tensor loads are of inputs 0, 1, ... with the given data (not always canonical). */
export interface Generated {
  readonly instruction: Instruction;
  readonly operands: readonly { readonly dtype: DTypeName; readonly data: Uint8Array }[];
}

export interface GeneratedCase {
  readonly program: Program;
  /** One tensor per program input, bytes. */
  readonly inputs: readonly Uint8Array[];
  /** Position of the generated instruction; those before it copy operands. */
  readonly instruction: number;
}

const NAMES = DTYPES.map(({ name }) => name);
const ELEMENT_LIMIT = 4000;
const ACC_ELEMENT_LIMIT = 40;
const DEFAULT_ARITY = 1;
const OPERAND_TRIES = 60;

function arityOf(body: Body): number {
  return body === "first" ? DEFAULT_ARITY : BODIES[body].arity;
}

/** Some operand dtypes for which the kind is legal: all alike, or of the two shapes that where, qmul and qdiv need. */
function candidates({ body, fold, dtype: out }: Kind): DTypeName[][] {
  const arity = arityOf(body);
  return NAMES.flatMap((name): DTypeName[][] => [
    Array.from({ length: arity }, () => name),
    ["bool", name, name],
    [name, "f32", "i8"],
  ]).filter((operands) => operands.length === arity && isLegal(body, fold, out, operands));
}

/** Every (body, fold, output dtype) that is legal for some operands. */
export const KINDS: readonly Kind[] = (Object.keys(BODIES) as Body[]).flatMap((body) =>
  (Object.keys(FOLDS) as Fold[]).flatMap((fold) =>
    NAMES.map((name) => ({ body, fold, dtype: name })).filter((kind) => candidates(kind).length > 0),
  ),
);

function operandDtypes(rng: Rng, kind: Kind): DTypeName[] {
  const { body, fold, dtype: out } = kind;
  const arity = body === "first" ? rng.int(1, 3) : arityOf(body);
  if (rng.chance(0.6))
    for (let i = 0; i < OPERAND_TRIES; i++) {
      const random = Array.from({ length: arity }, () => rng.pick(NAMES));
      if (isLegal(body, fold, out, random)) return random;
    }
  const found = rng.pick(candidates(kind));
  return Array.from({ length: arity }, (_, i) => found[i] ?? rng.pick(found));
}

function dims(rng: Rng, most: number, limit: number): number[] {
  const sizes: number[] = [];
  let total = 1;
  for (let count = rng.int(0, most); count > 0; count--) {
    const size = rng.int(1, Math.max(1, Math.min(5, Math.floor(limit / total))));
    sizes.push(size);
    total *= size;
  }
  return sizes;
}

function reduction(rng: Rng, fold: Fold): number[] {
  if (fold === "none") return [];
  if (rng.chance(0.15)) return [rng.int(30, fold === "sum" ? 400 : 60)];
  return dims(rng, 3, 40);
}

function affine(rng: Rng, sizes: readonly number[]): Affine {
  const terms = sizes
    .map((_, dim) => ({ dim, coef: rng.pick([1, 1, 1, 2, 3, -1, -2]) }))
    .filter(() => rng.chance(0.6));
  const div = rng.chance(0.75) ? 1 : rng.int(2, 4);
  const [low] = extent({ c0: 0, terms, div: 1, exact: false }, sizes);
  // Mostly starts at 0, sometimes before (padding) or behind it.
  const c0 = rng.chance(0.6) ? 0 - low : rng.int(-4, 4) - low;
  return { c0, terms, div, exact: div > 1 && rng.chance(0.5) };
}

/** Smallest and largest value over the iteration space. */
function extent(at: Affine, sizes: readonly number[]): [low: number, high: number] {
  let low = at.c0;
  let high = at.c0;
  for (const { dim, coef } of at.terms) {
    const span = coef * ((sizes[dim] ?? 1) - 1);
    if (span < 0) low += span;
    else high += span;
  }
  return [Math.floor(low / at.div), Math.floor(high / at.div)];
}

function zeroPoint(rng: Rng, name: DTypeName): { zero?: number } {
  if (!isInteger(name) || !rng.chance(0.3)) return {};
  return { zero: rng.chance(0.2) ? rng.pick([-(2 ** 31), 2 ** 31 - 1]) : rng.int(-3, 130) };
}

function fill(rng: Rng, name: DTypeName): { fill?: bigint } {
  if (name === "acc" || !rng.chance(0.35)) return {};
  return { fill: randomElement(rng, name, rng.pick(PROFILES)) };
}

/** Element count of an operand of these axes: mostly just enough, sometimes more, sometimes too small. */
function elementCount(rng: Rng, name: DTypeName, axes: readonly Axis[]): number {
  const whole = axes.reduce((sum, { size, stride }) => sum + (size - 1) * stride, 1);
  const wanted = whole + (rng.chance(0.3) ? rng.pick([-1, -3, 1, 300]) : 0);
  return Math.max(1, Math.min(wanted, name === "acc" ? ACC_ELEMENT_LIMIT : ELEMENT_LIMIT));
}

type Operands = { dtype: DTypeName; data: Uint8Array }[];

function affineAxis(rng: Rng, sizes: readonly number[], stride: number): Axis {
  const at = affine(rng, sizes);
  const high = extent(at, sizes)[1];
  // Mostly ends where the coordinate does, sometimes before (padding at the end).
  return { size: Math.max(1, high + 1 + (rng.chance(0.25) ? rng.int(-2, 1) : 0)), stride, at };
}

function gatherLoad(rng: Rng, sizes: readonly number[], size: number, operands: Operands): GatherLoad {
  const name = rng.pick(NAMES.filter(isInteger));
  const axes = rng.chance(0.1) ? [] : [affineAxis(rng, sizes, 1)];
  const elements = elementCount(rng, name, axes);
  const zero = rng.chance(0.2) ? { zero: rng.int(-3, 3) } : {};
  const data = randomCoordinates(rng, name, elements, size, zero.zero ?? 0);
  const filled = rng.chance(0.3) ? { fill: BigInt(rng.int(0, Math.min(size, 1))) } : {};
  operands.push({ dtype: name, data });
  const id = operands.length - 1;
  return { kind: "tensor", source: "input", id, dtype: name, elements, ...zero, ...filled, axes };
}

function tensorLoad(rng: Rng, name: DTypeName, sizes: readonly number[], operands: Operands): TensorLoad {
  const axes: Axis[] = [];
  let stride = rng.chance(0.15) ? rng.int(2, 70) : 1;
  // The operand comes before those of its gathers, as in the encoding.
  const id = operands.push({ dtype: name, data: new Uint8Array() }) - 1;
  for (let count = rng.int(rng.chance(0.1) ? 0 : 1, 3); count > 0; count--) {
    const gathered = rng.chance(0.15);
    const size = rng.int(1, 9);
    const axis = gathered
      ? { size, stride, at: { gather: gatherLoad(rng, sizes, size, operands) } }
      : affineAxis(rng, sizes, stride);
    axes.push(axis);
    stride = rng.chance(0.9) ? Math.min(stride * axis.size, 1000) : rng.int(0, 5);
  }
  const elements = elementCount(rng, name, axes);
  operands[id] = { dtype: name, data: randomTensor(rng, name, elements) };
  const extras = { ...zeroPoint(rng, name), ...fill(rng, name) };
  return { kind: "tensor", source: "input", id, dtype: name, elements, ...extras, axes };
}

function indexLoad(rng: Rng, sizes: readonly number[]): Load {
  if (rng.chance(0.7)) return { kind: "index", at: affine(rng, sizes) };
  const coef = (): number => rng.u32() | 0;
  const terms = sizes.map((_, dim) => ({ dim, coef: coef() }));
  return {
    kind: "index",
    at: { c0: coef(), terms, div: rng.pick([1, 3, 2 ** 31, 2 ** 32 - 1]), exact: false },
  };
}

function load(rng: Rng, name: DTypeName, sizes: readonly number[], operands: Operands): Load {
  if (name === "i64" && rng.chance(0.4)) return indexLoad(rng, sizes);
  if (name !== "acc" && rng.chance(0.15))
    return { kind: "literal", dtype: name, bits: randomElement(rng, name, rng.pick(PROFILES)) };
  return tensorLoad(rng, name, sizes, operands);
}

/** A random well-formed instruction of the kind, small enough for the slow interpreter, with data for its operands. */
export function generateInstruction(rng: Rng, kind: Kind): Generated {
  const outDims = dims(rng, 3, 24);
  const redDims = reduction(rng, kind.fold);
  const sizes = [...outDims, ...redDims];
  const operands: Operands = [];
  const loads = operandDtypes(rng, kind).map((name) => load(rng, name, sizes, operands));
  return { instruction: { ...kind, outDims, redDims, loads }, operands };
}

function relocate(load: TensorLoad, move: (load: TensorLoad) => TensorLoad): TensorLoad {
  const axes = load.axes.map((axis): Axis =>
    "gather" in axis.at ? { ...axis, at: { gather: relocate(axis.at.gather, move) } } : axis,
  );
  return { ...move(load), axes };
}

/** An instruction that gives the elements of an input one by one. */
function copyOf(source: TensorLoad): Instruction {
  const at: Affine = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };
  const { id, dtype: name, elements } = source;
  const axes = [{ size: elements, stride: 1, at }];
  const whole: TensorLoad = { kind: "tensor", source: "input", id, dtype: name, elements, axes };
  return { body: "copy", fold: "none", dtype: name, outDims: [elements], redDims: [], loads: [whole] };
}

/** A random instruction inside a program: its operands are inputs, constants and earlier outputs. */
export function generateCase(rng: Rng, kind: Kind): GeneratedCase {
  const { instruction, operands } = generateInstruction(rng, kind);
  const constants: { dtype: DTypeName; data: Uint8Array }[] = [];
  const instructions: Instruction[] = [];
  const move = (load: TensorLoad): TensorLoad => {
    const operand = operands[load.id];
    const place = rng.pick(["input", "input", "constant", "instruction"] as const);
    if (operand === undefined || place === "input") return load;
    if (place === "constant") {
      constants.push({ dtype: load.dtype, data: canonical(load.dtype, operand.data) });
      return { ...load, source: place, id: constants.length - 1 };
    }
    instructions.push(copyOf(load));
    return { ...load, source: place, id: instructions.length - 1 };
  };
  const loads = instruction.loads.map((l) => (l.kind === "tensor" ? relocate(l, move) : l));
  const last = { ...instruction, loads };
  const program: Program = {
    loweringVersion: 1,
    inputs: operands.map(({ dtype: name, data }) => ({
      dtype: name,
      elements: data.length / dtype(name).bytes,
    })),
    outputs: [{ instruction: instructions.length, dtype: kind.dtype, elements: outElements(last) }],
    constants,
    instructions: [...instructions, last],
  };
  return { program, inputs: operands.map(({ data }) => data), instruction: instructions.length };
}
