/**
 * Decoding of instructions and program headers: the strict inverse of encode.ts (docs/program.md §6). Total: bytes that no
 * instruction or header encodes to give undefined. What the decoded instruction means is checked by validate.ts.
 */
import { dtypeOfCode, type DTypeName } from "./dtype.ts";
import { FORMAT_VERSION, LIMITS } from "./encode.ts";
import {
  BODIES,
  FOLDS,
  type Affine,
  type Axis,
  type Body,
  type Fold,
  type Instruction,
  type Load,
  type ProgramInput,
  type ProgramOutput,
  type TensorLoad,
  type TensorSource,
} from "./instruction.ts";
import { HASH_BYTES } from "./treeShape.ts";

export interface ProgramHeader {
  readonly loweringVersion: number;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  /** Counts. */
  readonly constants: number;
  readonly instructions: number;
  readonly constantsRoot: Uint8Array;
  readonly instructionsRoot: Uint8Array;
}

const LITERAL = 0;
const INDEX = 1;
const SOURCES: ReadonlyMap<number, TensorSource> = new Map([
  [2, "input"],
  [3, "constant"],
  [4, "instruction"],
]);
const MAX_LOADS = 3;

const bodies = new Map<number, Body>();
for (const name of Object.keys(BODIES) as Body[]) bodies.set(BODIES[name].code, name);
const folds = new Map<number, Fold>();
for (const name of Object.keys(FOLDS) as Fold[]) folds.set(FOLDS[name], name);

/** Unwinds to the exported function, which gives undefined. */
class Undecodable extends Error {}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Undecodable();
  return value;
}

class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#view.byteLength) throw new Undecodable();
    this.#at += bytes;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  hash(): Uint8Array {
    const at = this.#take(HASH_BYTES);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, HASH_BYTES).slice();
  }

  /** A number that may be at most `max`. */
  upTo(max: number): number {
    const value = this.u8();
    if (value > max) throw new Undecodable();
    return value;
  }

  dtype(): DTypeName {
    return known(dtypeOfCode(this.u8())).name;
  }

  times<T>(count: number, read: () => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  finish(): void {
    if (this.#at !== this.#view.byteLength) throw new Undecodable();
  }
}

function readAffine(from: Reader): Affine {
  const c0 = from.i32();
  const div = from.u32();
  const exact = from.upTo(1) === 1;
  const terms = from.times(from.upTo(LIMITS.terms), () => ({ dim: from.u8(), coef: from.i32() }));
  return { c0, terms, div, exact };
}

function readAxis(from: Reader, nested: boolean): Axis {
  const size = from.u32();
  const stride = from.u32();
  if (from.upTo(nested ? 0 : 1) === 0) return { size, stride, at: readAffine(from) };
  return { size, stride, at: { gather: readTensor(from, known(SOURCES.get(from.u8())), true) } };
}

function readTensor(from: Reader, source: TensorSource, nested: boolean): TensorLoad {
  const dtype = from.dtype();
  const id = from.u32();
  const elements = from.u32();
  const flags = from.upTo(3);
  const zero = (flags & 1) === 0 ? {} : { zero: from.i32() };
  const fill = (flags & 2) === 0 ? {} : { fill: from.u64() };
  const axes = from.times(from.upTo(LIMITS.axes), () => readAxis(from, nested));
  return { kind: "tensor", source, id, dtype, elements, ...zero, ...fill, axes };
}

function readLoad(from: Reader): Load {
  const kind = from.u8();
  if (kind === LITERAL) return { kind: "literal", dtype: from.dtype(), bits: from.u64() };
  if (kind === INDEX) return { kind: "index", at: readAffine(from) };
  return readTensor(from, known(SOURCES.get(kind)), false);
}

function readInstruction(from: Reader): Instruction {
  const body = known(bodies.get(from.u8()));
  const fold = known(folds.get(from.u8()));
  const dtype = from.dtype();
  const nOut = from.upTo(LIMITS.dims);
  const nRed = from.upTo(LIMITS.dims);
  const nLoads = from.upTo(MAX_LOADS);
  const outDims = from.times(nOut, () => from.u32());
  const redDims = from.times(nRed, () => from.u32());
  return { body, fold, dtype, outDims, redDims, loads: from.times(nLoads, () => readLoad(from)) };
}

function readHeader(from: Reader): ProgramHeader {
  if (from.u16() !== FORMAT_VERSION) throw new Undecodable();
  const loweringVersion = from.u16();
  const nInputs = from.u32();
  const constants = from.u32();
  const instructions = from.u32();
  const nOutputs = from.u32();
  const constantsRoot = from.hash();
  const instructionsRoot = from.hash();
  const tensor = (): ProgramInput => ({ dtype: from.dtype(), elements: from.u32() });
  const inputs = from.times(nInputs, tensor);
  const outputs = from.times(nOutputs, () => ({ ...tensor(), instruction: from.u32() }));
  if (outputs.some(({ instruction }) => instruction >= instructions)) throw new Undecodable();
  return { loweringVersion, inputs, outputs, constants, instructions, constantsRoot, instructionsRoot };
}

function whole<T>(bytes: Uint8Array, read: (from: Reader) => T): T | undefined {
  const from = new Reader(bytes);
  try {
    const value = read(from);
    from.finish();
    return value;
  } catch (error) {
    if (error instanceof Undecodable) return undefined;
    throw error;
  }
}

export function decodeInstruction(bytes: Uint8Array): Instruction | undefined {
  return whole(bytes, readInstruction);
}

export function decodeHeader(bytes: Uint8Array): ProgramHeader | undefined {
  return whole(bytes, readHeader);
}
