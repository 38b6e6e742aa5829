/**
 * The naive interpreter: the living definition of exact tensor programs (docs/program.md). Slow on purpose.
 */
import { dtype } from "../dtype.ts";
import {
  outElements,
  product,
  type Affine,
  type Instruction,
  type Load,
  type Program,
  type TensorLoad,
} from "../instruction.ts";
import type { Operand } from "./convert.ts";
import { foldTerms } from "./folds.ts";
import { decode, elementBits, integer, setElementBits, ZERO } from "./value.ts";

/** Bits of element `index` (below `load.elements`) of the operand of a load. */
export type ReadElement = (load: TensorLoad, index: number) => bigint;

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** @returns undefined if `exact` is set and there is a remainder. */
function affine(at: Affine, indices: readonly number[]): bigint | undefined {
  let numerator = BigInt(at.c0);
  for (const { dim, coef } of at.terms) numerator += BigInt(coef) * BigInt(indices[dim] ?? 0);
  const quotient = floorDiv(numerator, BigInt(at.div));
  return at.exact && quotient * BigInt(at.div) !== numerator ? undefined : quotient;
}

/** The element that a tensor load reads; undefined if it is out of range. Every gather is read, in the order of the axes. */
function address(load: TensorLoad, indices: readonly number[], read: ReadElement): number | undefined {
  let sum = 0n;
  let inRange = true;
  for (const { size, stride, at } of load.axes) {
    const coordinate = "gather" in at ? gathered(at.gather, indices, read) : affine(at, indices);
    if (coordinate === undefined || coordinate < 0n || coordinate >= BigInt(size)) inRange = false;
    else sum += coordinate * BigInt(stride);
  }
  return inRange && sum < BigInt(load.elements) ? Number(sum) : undefined;
}

function elementAt(load: TensorLoad, index: number, read: ReadElement): Operand {
  const value = decode(load.dtype, read(load, index));
  if (load.zero === undefined || value.kind !== "finite") return { dtype: load.dtype, value };
  return { dtype: load.dtype, value: integer(value.m - BigInt(load.zero)) };
}

function fillOf(load: Load): Operand | undefined {
  if (load.kind !== "tensor" || load.fill === undefined) return undefined;
  return { dtype: load.dtype, value: decode(load.dtype, load.fill) };
}

function gathered(load: TensorLoad, indices: readonly number[], read: ReadElement): bigint | undefined {
  const index = address(load, indices, read);
  const value = (index === undefined ? fillOf(load) : elementAt(load, index, read))?.value;
  return value?.kind === "finite" ? value.m : undefined;
}

/** How to get the value of a load in range; undefined if it is out of range. Reads gathers, not yet the element. */
function locate(load: Load, indices: readonly number[], read: ReadElement): (() => Operand) | undefined {
  switch (load.kind) {
    case "literal":
      return () => ({ dtype: load.dtype, value: decode(load.dtype, load.bits) });
    case "index": {
      const value = affine(load.at, indices);
      return value === undefined
        ? undefined
        : () => ({ dtype: "i64", value: integer(BigInt.asIntN(64, value)) });
    }
    case "tensor": {
      const index = address(load, indices, read);
      return index === undefined ? undefined : () => elementAt(load, index, read);
    }
  }
}

/** What an out-of-range load gives; undefined: the term is skipped. */
function outOfRange(instruction: Instruction, load: Load): Operand | undefined {
  const fill = fillOf(load);
  if (fill !== undefined || instruction.fold !== "none") return fill;
  return { dtype: load.kind === "index" ? "i64" : load.dtype, value: ZERO };
}

/** The operands of one term; undefined if it is skipped: then no element is read but those of gathers. */
function operandsAt(
  instruction: Instruction,
  indices: readonly number[],
  read: ReadElement,
): Operand[] | undefined {
  const operands: (() => Operand)[] = [];
  for (const [position, load] of instruction.loads.entries()) {
    const found = locate(load, indices, read);
    if (instruction.body === "first") {
      if (found !== undefined) return [found()];
      if (position < instruction.loads.length - 1) continue;
    }
    const outside = outOfRange(instruction, load);
    if (found !== undefined) operands.push(found);
    else if (outside !== undefined) operands.push(() => outside);
    else return undefined;
  }
  return operands.map((operand) => operand());
}

/** Row-major coordinates of position `index` in `dims`. */
export function unravel(index: number, dims: readonly number[]): number[] {
  const coordinates: number[] = [];
  let rest = index;
  for (const dim of [...dims].reverse()) {
    coordinates.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return coordinates;
}

function* terms(instruction: Instruction, index: number, read: ReadElement): Generator<Operand[]> {
  const outer = unravel(index, instruction.outDims);
  const count = product(instruction.redDims);
  for (let r = 0; r < count; r++) {
    const operands = operandsAt(instruction, [...outer, ...unravel(r, instruction.redDims)], read);
    if (operands !== undefined) yield operands;
  }
}

/**
 * Bits of one element of the output of a well-formed instruction (validate.ts).
 * @param index Below outElements(instruction).
 * @param read Called for exactly the elements that this element depends on.
 */
export function evaluateWith(instruction: Instruction, index: number, read: ReadElement): bigint {
  return foldTerms(instruction, terms(instruction, index, read));
}

/** As evaluateWith, from the whole tensors of the operands (bytes, little-endian). */
export function evaluateElement(
  instruction: Instruction,
  index: number,
  read: (load: TensorLoad) => Uint8Array,
): bigint {
  return evaluateWith(instruction, index, (load, element) => elementBits(load.dtype, read(load), element));
}

/** The tensor (bytes, little-endian, row-major) of a well-formed instruction. */
export function evaluateTensor(instruction: Instruction, read: (load: TensorLoad) => Uint8Array): Uint8Array {
  const count = outElements(instruction);
  const data = new Uint8Array(count * dtype(instruction.dtype).bytes);
  for (let i = 0; i < count; i++)
    setElementBits(instruction.dtype, data, i, evaluateElement(instruction, i, read));
  return data;
}

/**
 * Tensors of every instruction of a well-formed program.
 * @param inputs One tensor per program input, bytes.
 */
export function runNaive(program: Program, inputs: readonly Uint8Array[]): Uint8Array[] {
  const outputs: Uint8Array[] = [];
  const sources = { input: inputs, constant: program.constants.map((c) => c.data), instruction: outputs };
  for (const instruction of program.instructions)
    outputs.push(
      evaluateTensor(instruction, ({ source, id }) => {
        const data = sources[source][id];
        if (data === undefined) throw new RangeError(`there is no ${source} ${id}`);
        return data;
      }),
    );
  return outputs;
}
