/**
 * Whether a program is well formed (docs/program.md §4 to §6).
 */
import { decodeInstruction, type ProgramHeader } from "./decode.ts";
import { dtype, isInteger, type DTypeName } from "./dtype.ts";
import { encodeInstruction, LIMITS } from "./encode.ts";
import {
  outElements,
  product,
  type Affine,
  type Constant,
  type Instruction,
  type Load,
  type Program,
  type TensorLoad,
} from "./instruction.ts";
import { isLegal, legalArity, loadDtype } from "./legal.ts";
import { decode, elementBits, encodeAcc, floatFields, infinityBits, nanBits } from "./naive/value.ts";

/**
 * dims: sizes and counts of dimensions, axes, terms; affine: a term or divisor; bits: a literal or fill wider than its dtype;
 * load: flags that the load's dtype cannot have; gather: not an integer load of affine axes; reference: an operand that does not
 * exist yet; operand: dtype or element count other than the operand's; illegal: a (body, fold, dtypes) outside the table;
 * encoding: a number that does not fit its field; constant, output: a constant's data, an output's entry.
 */
export type ProgramErrorCode =
  | "dims"
  | "affine"
  | "bits"
  | "load"
  | "gather"
  | "reference"
  | "operand"
  | "illegal"
  | "encoding"
  | "constant"
  | "output";

export class ProgramError extends Error {
  override readonly name = "ProgramError";
  readonly code: ProgramErrorCode;
  /** Position of the malformed instruction; absent if the fault lies elsewhere. */
  readonly instruction: number | undefined;

  constructor(code: ProgramErrorCode, message: string, instruction?: number) {
    super(instruction === undefined ? message : `instruction ${instruction}: ${message}`);
    this.code = code;
    this.instruction = instruction;
  }
}

/** Where an instruction stands: what it may refer to. */
export interface Place {
  readonly instruction: number;
  readonly inputs: number;
  readonly constants: number;
}

type Fail = (code: ProgramErrorCode, message: string) => never;

const U32_END = 2 ** 32;

function checkAffine(at: Affine, dims: number, fail: Fail): void {
  if (at.terms.length > LIMITS.terms) fail("dims", `${at.terms.length} terms in an affine expression`);
  if (at.div < 1) fail("affine", `divisor ${at.div}`);
  for (const { dim } of at.terms)
    if (dim >= dims) fail("affine", `dimension ${dim} of an iteration space of ${dims}`);
}

function checkBits(name: DTypeName, bits: bigint, fail: Fail): void {
  if (name === "acc") fail("bits", "an acc has no literal");
  if (bits < 0n || bits >> BigInt(8 * dtype(name).bytes) !== 0n) fail("bits", `${bits} as bits of ${name}`);
}

function checkTensor(load: TensorLoad, dims: number, place: Place, nested: boolean, fail: Fail): void {
  const count = { input: place.inputs, constant: place.constants, instruction: place.instruction };
  if (load.id >= count[load.source]) fail("reference", `there is no ${load.source} ${load.id} yet`);
  if (nested && !isInteger(load.dtype)) fail("gather", `a coordinate of dtype ${load.dtype}`);
  if (load.zero !== undefined && !isInteger(load.dtype)) fail("load", `a zero point of ${load.dtype}`);
  if (load.fill !== undefined) checkBits(load.dtype, load.fill, fail);
  if (load.axes.length > LIMITS.axes) fail("dims", `${load.axes.length} axes`);
  for (const { at } of load.axes) {
    if (!("gather" in at)) checkAffine(at, dims, fail);
    else if (nested) fail("gather", "a gather inside a gather");
    else checkTensor(at.gather, dims, place, true, fail);
  }
}

function checkLoad(load: Load, dims: number, place: Place, fail: Fail): void {
  if (load.kind === "literal") checkBits(load.dtype, load.bits, fail);
  else if (load.kind === "index") checkAffine(load.at, dims, fail);
  else checkTensor(load, dims, place, false, fail);
}

/**
 * Checks what can be known of an instruction without its operands: what the referee checks.
 * @throws ProgramError
 */
export function checkInstruction(instruction: Instruction, place: Place): void {
  const fail: Fail = (code, message) => {
    throw new ProgramError(code, message, place.instruction);
  };
  const { body, fold, outDims, redDims, loads } = instruction;
  if (outDims.length > LIMITS.dims || redDims.length > LIMITS.dims)
    fail("dims", `${outDims.length} output and ${redDims.length} reduction dimensions`);
  if ([...outDims, ...redDims].some((dim) => !(dim >= 1))) fail("dims", "a dimension of size 0");
  if (outElements(instruction) > LIMITS.outElements)
    fail("dims", `${outElements(instruction)} output elements`);
  if (product(redDims) > LIMITS.redElements) fail("dims", `a reduction of ${product(redDims)} terms`);
  if (fold === "none" && redDims.length > 0) fail("dims", "reduction dimensions without a fold");
  for (const load of loads) checkLoad(load, outDims.length + redDims.length, place, fail);
  if (!legalArity(body, loads.length)) fail("illegal", `${body} of ${loads.length} loads`);
  const operands = loads.map(loadDtype);
  if (!isLegal(body, fold, instruction.dtype, operands))
    fail("illegal", `${fold} of ${body} of (${operands.join(", ")}) to ${instruction.dtype}`);
}

/**
 * The instruction that stands at `position` of a program, decoded and checked as the referee does.
 * @returns undefined if it is malformed.
 */
export function wellFormed(
  encoding: Uint8Array,
  position: number,
  header: ProgramHeader,
): Instruction | undefined {
  const instruction = decodeInstruction(encoding);
  if (instruction === undefined) return undefined;
  try {
    const inputs = header.inputs.length;
    checkInstruction(instruction, { instruction: position, inputs, constants: header.constants });
    return instruction;
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

/** Every tensor load of an instruction, in the order in which they start in the encoding. */
export function tensorLoads(instruction: Instruction): TensorLoad[] {
  const found: TensorLoad[] = [];
  for (const load of instruction.loads) {
    if (load.kind !== "tensor") continue;
    found.push(load);
    for (const { at } of load.axes) if ("gather" in at) found.push(at.gather);
  }
  return found;
}

/** Dtype and element count of what a load of a well-formed instruction refers to. */
function operandOf(
  program: Program,
  { source, id }: TensorLoad,
): { dtype: DTypeName; elements: number } | undefined {
  switch (source) {
    case "input":
      return program.inputs[id];
    case "constant": {
      const constant = program.constants[id];
      return (
        constant && { dtype: constant.dtype, elements: constant.data.length / dtype(constant.dtype).bytes }
      );
    }
    case "instruction": {
      const instruction = program.instructions[id];
      return instruction && { dtype: instruction.dtype, elements: outElements(instruction) };
    }
  }
}

function checkOperands(program: Program, instruction: Instruction, position: number): void {
  for (const load of tensorLoads(instruction)) {
    const operand = operandOf(program, load);
    if (operand?.dtype !== load.dtype || operand.elements !== load.elements)
      throw new ProgramError(
        "operand",
        `${load.source} ${load.id} is ${operand?.elements} ${operand?.dtype}, not ${load.elements} ${load.dtype}`,
        position,
      );
  }
}

/** Index of the first element that is not canonical; undefined if all are. */
export function nonCanonical(name: DTypeName, data: Uint8Array): number | undefined {
  const { bytes, kind } = dtype(name);
  if (kind === "uint" || kind === "int") return undefined;
  if (kind === "bool") return indexOrNone(data.findIndex((byte) => byte > 1));
  const count = data.length / bytes;
  if (kind === "acc") {
    for (let i = 0; i < count; i++) {
      const bits = elementBits(name, data, i);
      if (encodeAcc(decode(name, bits)) !== bits) return i;
    }
    return undefined;
  }
  const sign = 2 ** (floatFields(name).total - 1);
  const infinity = Number(infinityBits(name, false));
  const nan = Number(nanBits(name));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < count; i++) {
    const bits = bytes === 4 ? view.getUint32(4 * i, true) : view.getUint16(2 * i, true);
    if (bits === sign || (bits % sign > infinity && bits !== nan)) return i;
  }
  return undefined;
}

function indexOrNone(index: number): number | undefined {
  return index < 0 ? undefined : index;
}

function checkConstant(constant: Constant, id: number): void {
  const elements = constant.data.length / dtype(constant.dtype).bytes;
  if (!Number.isInteger(elements) || elements >= U32_END)
    throw new ProgramError(
      "constant",
      `constant ${id} has ${constant.data.length} bytes of ${constant.dtype}`,
    );
  const wrong = nonCanonical(constant.dtype, constant.data);
  if (wrong !== undefined)
    throw new ProgramError("constant", `element ${wrong} of constant ${id} is not canonical`);
}

function checkEncoding(instruction: Instruction, position: number): void {
  try {
    encodeInstruction(instruction);
  } catch (error) {
    if (error instanceof RangeError) throw new ProgramError("encoding", error.message, position);
    throw error;
  }
}

/**
 * Checks a whole program: every instruction, that each load states its operand's dtype and element count, constants and outputs.
 * @throws ProgramError for the first thing that is malformed.
 */
export function validateProgram(program: Program): void {
  program.constants.forEach(checkConstant);
  program.inputs.forEach(({ elements }, id) => {
    if (!Number.isInteger(elements) || elements < 0 || elements >= U32_END)
      throw new ProgramError("encoding", `input ${id} has ${elements} elements`);
  });
  program.instructions.forEach((instruction, position) => {
    const place = {
      instruction: position,
      inputs: program.inputs.length,
      constants: program.constants.length,
    };
    checkInstruction(instruction, place);
    checkEncoding(instruction, position);
    checkOperands(program, instruction, position);
  });
  program.outputs.forEach((output, id) => {
    const made = program.instructions[output.instruction];
    if (made?.dtype !== output.dtype || outElements(made) !== output.elements)
      throw new ProgramError("output", `output ${id} is not the tensor of instruction ${output.instruction}`);
  });
}
