/**
 * Collects the instructions of a program while operators are lowered: folds what is known before the model runs, gives
 * equal instructions one place, splits reductions that are too long to be judged in one piece.
 */
import { dtype, integerRange, isInteger, type DTypeName } from "../dtype.ts";
import {
  isTranscendental,
  product,
  tensorsOf,
  type Affine,
  type Body,
  type Instruction,
  type Load,
  type TensorLoad,
} from "../instruction.ts";
import { isLegal, legalArity, loadDtype } from "../legal.ts";
import { sha256 } from "../merkle.ts";
import { ModelError } from "../onnx/error.ts";
import { canonicalise, elementBits, integers, numberBits, type HostTensor } from "../onnx/host.ts";
import { alwaysInRange, at } from "./affine.ts";
import { betterOrder, fitsOneProof } from "./arrange.ts";
import { copyElements, isPlainCopy } from "./evaluate.ts";
import { simplify } from "./simplify.ts";
import { resolve, sizesOf, splitDim, type LoadSpec, type Spec, type StoredLoad } from "./spec.ts";
import { expand, isWhole, rowMajor, whole, type TensorRef, type Value } from "./value.ts";

/** About the terms and operand bytes of one reduction that a single proof can carry; the estimate then decides. */
const MAX_TERMS = 16_384;
const MAX_TERM_BYTES = 64 * 1024;
/** Element evaluations that lowering spends on folding constants; beyond that, they stay instructions. */
const FOLD_BUDGET = 2 ** 25;
/** What an evaluation counts that may take microseconds: of a function, or of integers beyond float64. */
const SLOW_WORK = 32;
const MOVES: readonly Body[] = ["copy", "first", "where", "seleq", "eq", "ne", "lt", "le"];
/** Bytes that lowering spends on moving elements of constants about; beyond that, copies stay instructions. */
const COPY_BUDGET = 2 ** 31;
/** What an element counts of them at least. */
const COPY_BYTES = 4;
/** Elements of a constant that repeats those of a smaller one. Few bytes of a file may ask for any number. */
const MAX_REPEATED = 2 ** 24;
/** Elements of a value that a rule may look at. */
const MAX_KNOWN_ELEMENTS = 2 ** 24;
/** Elements of all tensors of a program. */
const MAX_TOTAL_ELEMENTS = 2 ** 34;

/** Runs an instruction whose tensor loads are all constants. */
export type Evaluate = (instruction: Instruction, constants: readonly HostTensor[]) => Uint8Array;

/** The ONNX node that an instruction comes from. */
export interface Origin {
  readonly name: string;
  readonly operator: string;
}

type SimpleLoad = StoredLoad | { readonly index: Affine };

interface Known extends HostTensor {
  /** Bits of every element, if all are the same. */
  readonly uniform: bigint | undefined;
}

export class Builder {
  /** Where the instructions that follow come from. */
  origin: Origin = { name: "", operator: "" };
  readonly constants: Known[] = [];
  readonly instructions: Instruction[] = [];
  readonly origins: Origin[] = [];
  private readonly constantIds = new Map<string, number>();
  private readonly copies = new Map<string, TensorRef>();
  private readonly instructionIds = new Map<string, number>();
  private readonly evaluate: Evaluate;
  private foldBudget = FOLD_BUDGET;
  private copyBudget = COPY_BUDGET;
  private totalElements = 0;
  private readonly inputNames: readonly string[];

  constructor(evaluate: Evaluate, inputNames: readonly string[] = []) {
    this.evaluate = evaluate;
    this.inputNames = inputNames;
  }

  /** `data` must be canonical. */
  constant(name: DTypeName, shape: readonly number[], data: Uint8Array): Value {
    const key = `${name} ${Buffer.from(sha256(data)).toString("hex")}`;
    let id = this.constantIds.get(key);
    if (id === undefined) {
      id = this.constants.length;
      const tensor = { dtype: name, shape: [data.length / dtype(name).bytes], data };
      this.constants.push({ ...tensor, uniform: uniformBits(tensor) });
      this.constantIds.set(key, id);
    }
    return whole({ source: "constant", id, dtype: name, elements: data.length / dtype(name).bytes }, shape);
  }

  /** A rank 0 constant; floats are rounded to the dtype. */
  scalar(name: DTypeName, value: number | bigint): Value {
    return this.list(name, [value], []);
  }

  list(
    name: DTypeName,
    values: readonly (number | bigint)[],
    shape: readonly number[] = [values.length],
  ): Value {
    // Typed arrays round as numberBits does, and are much faster.
    if (name === "f32") {
      const words = new Float32Array(values.length);
      for (let i = 0; i < words.length; i++) words[i] = Number(values[i]);
      return this.constant(name, shape, canonicalise(name, new Uint8Array(words.buffer)));
    }
    needRange(name, values);
    if (name === "i32") {
      const words = new Int32Array(values.length);
      for (let i = 0; i < words.length; i++) words[i] = Number(values[i]);
      return this.constant(name, shape, new Uint8Array(words.buffer));
    }
    const { bytes } = dtype(name);
    const data = new Uint8Array(values.length * bytes);
    values.forEach((value, i) => {
      let bits = numberBits(name, value);
      for (let k = 0; k < bytes; k++, bits >>= 8n) data[i * bytes + k] = Number(bits & 255n);
    });
    return this.constant(name, shape, data);
  }

  /** The elements of a value that is known before the model runs, row-major; undefined also for very many. */
  known(value: Value): HostTensor | undefined {
    if (value.tensor.source !== "constant" || product(value.shape) > MAX_KNOWN_ELEMENTS) return undefined;
    const plain = this.plain(value);
    const tensor = plain.tensor.source === "constant" ? this.constants[plain.tensor.id] : undefined;
    return tensor && { dtype: tensor.dtype, shape: value.shape, data: tensor.data };
  }

  /** @throws {ModelError} DYNAMIC_SHAPE if the value is not known before the model runs. */
  needKnown(value: Value, what: string): HostTensor {
    const tensor = this.known(value);
    if (tensor !== undefined) return tensor;
    const inputs = this.inputsOf(value);
    if (inputs.length === 0) throw new ModelError("TOO_LARGE", `${what} is a constant of many elements`);
    throw new ModelError(
      "DYNAMIC_SHAPE",
      `${what} depends on the model's inputs ${inputs.map((name) => `"${name}"`).join(", ")}`,
      { inputs },
    );
  }

  /** Names of the model's inputs that a value is computed from. */
  private inputsOf({ tensor }: Value): string[] {
    const seen = new Set<string>();
    const inputs = new Set<string>();
    const open: { source: TensorRef["source"]; id: number }[] = [tensor];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const key = `${next.source} ${next.id}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (next.source === "input") inputs.add(this.inputNames[next.id] ?? "");
      if (next.source === "instruction")
        open.push(...(this.instructions[next.id]?.loads ?? []).flatMap(tensorsOf));
    }
    return [...inputs].toSorted();
  }

  /** @throws {ModelError} DYNAMIC_SHAPE if the value is not known before the model runs. */
  integers(value: Value, what: string): number[] {
    const tensor = this.needKnown(value, what);
    if (!isInteger(tensor.dtype))
      throw new ModelError("MALFORMED", `${what} is ${tensor.dtype}, not integers`);
    return integers(tensor).map(Number);
  }

  /** The value as a whole tensor, row-major; copied if it is not stored so. */
  plain(value: Value): Value {
    const plain = isWhole(value) ? whole(value.tensor, value.shape) : this.emit(copySpec(value));
    return { ...plain, bits: value.bits };
  }

  /** Like plain, but always an instruction: what a program output has to be. */
  output(value: Value): TensorRef {
    const { tensor } = value;
    if (isWhole(value) && tensor.source === "instruction") return tensor;
    const resolved = this.resolved(copySpec(value));
    return this.place(this.literals(simplify(resolved.spec, resolved.loads)));
  }

  /** One instruction (or none, or several if its reduction is long). The result has the shape `spec.out`. */
  emit(spec: Spec): Value {
    const red = spec.red ?? [];
    if (spec.out.includes(0)) return this.constant(spec.dtype, spec.out, new Uint8Array(0));
    if (red.includes(0)) return expand(this.scalar(spec.dtype, emptyFold(spec)), spec.out);
    const terms = product(red);
    const fold = spec.fold ?? "none";
    if (terms === 1 || fold === "osum" || fold === "oprod") return this.fitting(spec, true);
    const limit = Math.min(terms, MAX_TERMS, Math.max(1, Math.floor(MAX_TERM_BYTES / bytesPerTerm(spec))));
    for (let part = limit; part > 1; part = Math.ceil(part / 2)) {
      const value = part === terms ? this.fitting(spec) : this.emitInParts(spec, part);
      if (value !== undefined) return value;
    }
    return this.fitting(spec, true);
  }

  /** One instruction; undefined if an element does not fit one proof, unless that does not matter. */
  private fitting(spec: Spec, always: true): Value;
  private fitting(spec: Spec, always?: boolean): Value | undefined;
  private fitting(spec: Spec, always = false): Value | undefined {
    const { spec: resolved, loads } = this.resolved(spec);
    const finish = (final: readonly SimpleLoad[]) => this.literals(simplify(resolved, final));
    const reduces = product(spec.red ?? []) > 1;
    const instruction = reduces ? this.arranged(loads, spec.out.length, finish) : finish(loads);
    return always || !reduces || fitsOneProof(instruction)
      ? whole(this.add(instruction), spec.out)
      : undefined;
  }

  /**
   * A long reduction as results of at most `limit` terms each, and their reduction. Exact: sums of floats stay in `acc`,
   * integers wrap. Undefined if a part does not fit one proof.
   */
  private emitInParts(spec: Spec, limit: number): Value | undefined {
    const sizes = sizesOf(spec);
    const nOut = spec.out.length;
    let last = sizes.length;
    let rest = 1;
    while (last > nOut && rest * (sizes[last - 1] ?? 1) <= limit) rest *= sizes[--last] ?? 1;
    const dim = last - 1;
    const split = splitDim(spec, dim, partSize(sizes[dim] ?? 1, Math.floor(limit / rest)));
    const all = sizesOf(split);
    const wide = spec.fold !== "sum" ? spec.dtype : isInteger(spec.dtype) ? "i64" : "acc";
    const partial = this.fitting({
      ...split,
      dtype: wide,
      out: all.slice(0, dim + 1),
      red: all.slice(dim + 1),
    });
    if (partial === undefined) return undefined;
    const red = all.slice(nOut, dim + 1);
    const loads = [{ value: partial, at: partial.shape.map((_, d) => at(d)) }];
    return this.emit({
      body: "copy",
      fold: spec.fold ?? "none",
      dtype: spec.dtype,
      out: spec.out,
      red,
      loads,
    });
  }

  private resolved(original: Spec) {
    let resolution = resolve(original);
    while ("copy" in resolution) {
      const { copy, spec } = resolution;
      const stored = this.plain(copy);
      const swap = (value: Value) => (value === copy ? stored : value);
      const loads = spec.loads.map((load): LoadSpec => {
        if ("index" in load) return load;
        const at = load.at.map((c) => ("gather" in c ? { ...c, gather: swap(c.gather) } : c));
        return { ...load, value: swap(load.value), at };
      });
      resolution = resolve({ ...spec, loads });
    }
    return resolution;
  }

  /** Stores operands in the order in which the reduction reads them: constants always, others until an element fits one proof. */
  private arranged(
    loads: readonly SimpleLoad[],
    nOut: number,
    finish: (loads: readonly SimpleLoad[]) => Instruction,
  ): Instruction {
    const current = loads.map((load) =>
      "tensor" in load && load.tensor.source === "constant" ? this.rearranged(load, nOut) : load,
    );
    let instruction = finish(current);
    for (const [k, load] of current.entries()) {
      if (fitsOneProof(instruction)) break;
      if (!("tensor" in load)) continue;
      current[k] = this.rearranged(load, nOut);
      instruction = finish(current);
    }
    return instruction;
  }

  /** The load, of a copy of its operand in the order of the reduction if it is stored in another. */
  private rearranged(load: StoredLoad, nOut: number): StoredLoad {
    const axes = betterOrder(load, nOut);
    if (axes === undefined) return load;
    const shape = axes.map((axis) => axis.size);
    const dims = axes.map(({ size, stride }) => (size === 1 ? [] : [{ size, stride }]));
    const { tensor, offset } = load;
    const stored = this.plain({ dtype: tensor.dtype, shape, tensor, offset, dims });
    const strides = rowMajor(shape);
    const checks = load.axes.filter((axis) => axis.stride === 0);
    const moved = axes.map((axis, k) => ({ ...axis, stride: strides[k] ?? 1 }));
    return { ...load, tensor: stored.tensor, offset: 0, axes: [...checks, ...moved] };
  }

  /** Loads of constants whose elements are all alike, and that are never out of range, become literals. */
  private literals(instruction: Instruction): Instruction {
    const sizes = [...instruction.outDims, ...instruction.redDims];
    const literal = (load: Load): Load => {
      if (load.kind !== "tensor" || load.source !== "constant") return load;
      const bits = this.constants[load.id]?.uniform;
      const certain = load.axes.every(
        (axis) => !("gather" in axis.at) && alwaysInRange(axis.at, axis.size, sizes),
      );
      if (bits === undefined || !certain) return load;
      if (load.zero === undefined) return { kind: "literal", dtype: load.dtype, bits };
      const value = integers({ dtype: load.dtype, shape: [1], data: bytesOf(bits, load.dtype) })[0] ?? 0n;
      return { kind: "literal", dtype: "i64", bits: numberBits("i64", value - BigInt(load.zero)) };
    };
    return { ...instruction, loads: instruction.loads.map(literal) };
  }

  /** Keeps an instruction, or what it gives if that is known or an earlier instruction gives it. */
  private add(instruction: Instruction): TensorRef {
    const [load] = instruction.loads;
    needLegal(instruction);
    if (load?.kind === "tensor" && isIdentity(instruction, load)) return load;
    const elements = product(instruction.outDims);
    const work = elements * product(instruction.redDims) * (isSlow(instruction) ? SLOW_WORK : 1);
    if (instruction.loads.every(isConstant)) {
      const name = instruction.dtype;
      if (isPlainCopy(instruction)) {
        const copy = this.copied(instruction);
        if (copy !== undefined) return copy;
      }
      if (work <= this.foldBudget && name !== "acc") {
        this.foldBudget -= work;
        return this.constant(name, [elements], this.evaluate(instruction, this.constants)).tensor;
      }
    }
    return this.place(instruction);
  }

  /** A plain copy of a constant, made once; undefined if that is beyond the budget. */
  private copied(instruction: Instruction): TensorRef | undefined {
    const key = keyOf(instruction);
    const known = this.copies.get(key);
    if (known !== undefined) return known;
    const elements = product(instruction.outDims);
    const bytes = elements * Math.max(COPY_BYTES, dtype(instruction.dtype).bytes);
    const [load] = instruction.loads;
    const own = load?.kind === "tensor" ? load.elements : 1;
    if (bytes > this.copyBudget || (elements > own && elements > MAX_REPEATED)) return undefined;
    this.copyBudget -= bytes;
    const copy = this.constant(
      instruction.dtype,
      [elements],
      copyElements(instruction, this.constants),
    ).tensor;
    this.copies.set(key, copy);
    return copy;
  }

  private place(instruction: Instruction): TensorRef {
    const elements = product(instruction.outDims);
    const key = keyOf(instruction);
    let id = this.instructionIds.get(key);
    if (id === undefined) {
      this.totalElements += elements;
      if (this.totalElements > MAX_TOTAL_ELEMENTS)
        throw new ModelError("TOO_LARGE", `intermediate tensors of more than ${MAX_TOTAL_ELEMENTS} elements`);
      id = this.instructions.length;
      this.instructions.push(instruction);
      this.origins.push(this.origin);
      this.instructionIds.set(key, id);
    }
    return { source: "instruction", id, dtype: instruction.dtype, elements };
  }
}

/** @throws {ModelError} MALFORMED for a value that an integer dtype does not have. */
function needRange(name: DTypeName, values: readonly (number | bigint)[]): void {
  if (!isInteger(name)) return;
  const [min, max] = integerRange(name);
  const has = (value: number | bigint) =>
    (typeof value === "bigint" || Number.isInteger(value)) && min <= value && value <= max;
  for (const value of values) if (!has(value)) throw new ModelError("MALFORMED", `${value} is no ${name}`);
}

function isSlow({ body, dtype: out, loads }: Instruction): boolean {
  const isWide = (name: DTypeName) => isInteger(name) && dtype(name).bytes === 8;
  if (isTranscendental(body)) return true;
  return !MOVES.includes(body) && [out, ...loads.map(loadDtype)].some(isWide);
}

/** @throws {ModelError} UNSUPPORTED_DTYPE where a rule applies what is not defined for its operands' dtypes. */
function needLegal({ body, fold, dtype: out, loads }: Instruction): void {
  const operands = loads.map(loadDtype);
  if (legalArity(body, loads.length) && !isLegal(body, fold, out, operands))
    throw new ModelError("UNSUPPORTED_DTYPE", `${fold} of ${body} of (${operands.join(", ")}) to ${out}`);
}

function keyOf(instruction: Instruction): string {
  return JSON.stringify(instruction, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

function copySpec(value: Value): Spec {
  return {
    body: "copy",
    dtype: value.dtype,
    out: value.shape,
    loads: [{ value, at: value.shape.map((_, d) => at(d)) }],
  };
}

/** What a fold gives without terms (docs/program.md §4). */
function emptyFold({ fold, dtype: name }: Spec): number | bigint {
  if (fold === "oprod") return 1;
  if (fold !== "min" && fold !== "max" && fold !== "maxnum") return 0;
  if (!isInteger(name)) return fold === "min" ? Infinity : -Infinity;
  const [least, most] = integerRange(name);
  return fold === "min" ? most : least;
}

/** At most `limit` steps of a dimension at a time: if possible a divisor, so that no part is ragged. */
function partSize(size: number, limit: number): number {
  const parts = Math.ceil(size / limit);
  for (let count = parts; count <= 4 * parts && count < size; count++)
    if (size % count === 0) return size / count;
  return Math.ceil(size / parts);
}

function bytesPerTerm(spec: Spec): number {
  return spec.loads.reduce((sum, load) => {
    const literal = "index" in load || load.value.tensor.elements === 1;
    return sum + (literal ? 0 : dtype(load.value.dtype).bytes);
  }, 0.5);
}

function isConstant(load: Load): boolean {
  if (load.kind !== "tensor") return true;
  return load.source === "constant" && load.axes.every((a) => !("gather" in a.at) || isConstant(a.at.gather));
}

/** Whether a copy gives its operand back unchanged. (Loads canonicalise wherever the operand is read instead.) */
function isIdentity(instruction: Instruction, load: TensorLoad): boolean {
  if (instruction.body !== "copy" || instruction.fold !== "none" || instruction.dtype !== load.dtype)
    return false;
  if (load.zero !== undefined || load.elements !== product(instruction.outDims)) return false;
  if (load.elements === 1) return load.axes.length === 0;
  const [axis] = load.axes;
  if (load.axes.length !== 1 || axis === undefined || "gather" in axis.at || axis.stride !== 1) return false;
  const { c0, terms, div } = axis.at;
  return c0 === 0 && div === 1 && terms.length === 1 && terms[0]?.coef === 1 && axis.size === load.elements;
}

function uniformBits(tensor: HostTensor): bigint | undefined {
  const { bytes } = dtype(tensor.dtype);
  const { data } = tensor;
  if (data.length === 0) return undefined;
  for (let i = bytes; i < data.length; i++) if (data[i] !== data[i - bytes]) return undefined;
  return elementBits(tensor, 0);
}

function bytesOf(bits: bigint, name: DTypeName): Uint8Array {
  const data = new Uint8Array(dtype(name).bytes);
  for (let k = 0; k < data.length; k++) data[k] = Number((bits >> BigInt(8 * k)) & 255n);
  return data;
}
