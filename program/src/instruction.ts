/**
 * The one instruction form of exact tensor programs (docs/program.md §3):
 *
 *     out[i] = round( fold over r of body( load0(i,r), load1(i,r), load2(i,r) ) )
 */
import type { DTypeName } from "./dtype.ts";

/** Codes are part of the encoding; semantics in docs/program.md §5. */
export const BODIES = {
  copy: { code: 0x01, arity: 1 },
  sat: { code: 0x02, arity: 1 },
  add: { code: 0x03, arity: 2 },
  sub: { code: 0x04, arity: 2 },
  mul: { code: 0x05, arity: 2 },
  div: { code: 0x06, arity: 2 },
  mod: { code: 0x07, arity: 2 },
  rem: { code: 0x08, arity: 2 },
  neg: { code: 0x09, arity: 1 },
  abs: { code: 0x0a, arity: 1 },
  min: { code: 0x0b, arity: 2 },
  max: { code: 0x0c, arity: 2 },
  fma: { code: 0x0d, arity: 3 },
  pow: { code: 0x0e, arity: 2 },
  sqrt: { code: 0x0f, arity: 1 },
  floor: { code: 0x10, arity: 1 },
  ceil: { code: 0x11, arity: 1 },
  rint: { code: 0x12, arity: 1 },
  sign: { code: 0x13, arity: 1 },
  exp: { code: 0x18, arity: 1 },
  expm1: { code: 0x19, arity: 1 },
  log: { code: 0x1a, arity: 1 },
  log1p: { code: 0x1b, arity: 1 },
  sin: { code: 0x1c, arity: 1 },
  cos: { code: 0x1d, arity: 1 },
  atan: { code: 0x1e, arity: 1 },
  tanh: { code: 0x1f, arity: 1 },
  erf: { code: 0x20, arity: 1 },
  eq: { code: 0x28, arity: 2 },
  ne: { code: 0x29, arity: 2 },
  lt: { code: 0x2a, arity: 2 },
  le: { code: 0x2b, arity: 2 },
  and: { code: 0x30, arity: 2 },
  or: { code: 0x31, arity: 2 },
  xor: { code: 0x32, arity: 2 },
  not: { code: 0x33, arity: 1 },
  shl: { code: 0x34, arity: 2 },
  shr: { code: 0x35, arity: 2 },
  where: { code: 0x38, arity: 3 },
  seleq: { code: 0x39, arity: 3 },
  first: { code: 0x3a, arity: 3 },
  key: { code: 0x3b, arity: 1 },
  qmul: { code: 0x40, arity: 3 },
  qdiv: { code: 0x41, arity: 3 },
} as const;

export type Body = keyof typeof BODIES;

/** Bodies that compute a transcendental function, correctly rounded, of floats of the output's dtype. */
export const TRANSCENDENTAL = [
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "atan",
  "tanh",
  "erf",
  "pow",
] as const satisfies readonly Body[];
export type TranscendentalBody = (typeof TRANSCENDENTAL)[number];

export function isTranscendental(body: Body): body is TranscendentalBody {
  return TRANSCENDENTAL.some((name) => name === body);
}

export const FOLDS = {
  none: 0,
  sum: 1,
  min: 2,
  max: 3,
  maxnum: 4,
  osum: 5,
  oprod: 6,
} as const;

export type Fold = keyof typeof FOLDS;

/** coefficient × index of one iteration dimension; dims count output dimensions first, then reduction dimensions. */
export interface Term {
  readonly dim: number;
  readonly coef: number;
}

/** floor((c0 + Σ coef·index) / div); with `exact`, a remainder puts the coordinate out of range. */
export interface Affine {
  readonly c0: number;
  readonly terms: readonly Term[];
  readonly div: number;
  readonly exact: boolean;
}

/** One coordinate of a view: in range iff 0 <= coordinate < size; contributes coordinate × stride elements. */
export interface Axis {
  readonly size: number;
  readonly stride: number;
  readonly at: Affine | { readonly gather: GatherLoad };
}

export type TensorSource = "input" | "constant" | "instruction";

export interface TensorLoad {
  readonly kind: "tensor";
  readonly source: TensorSource;
  /** Index among the inputs, constants or instructions of the program. */
  readonly id: number;
  readonly dtype: DTypeName;
  /** Elements of the whole operand: fixes the shape of its Merkle tree. */
  readonly elements: number;
  /** Zero point subtracted from an integer element, exactly. */
  readonly zero?: number;
  /** Bits of the value (of this dtype) for an out-of-range load. Absent: a fold skips the term, no fold reads 0. */
  readonly fill?: bigint;
  readonly axes: readonly Axis[];
}

/** An integer tensor load whose own axes are affine. */
export type GatherLoad = TensorLoad;

export interface LiteralLoad {
  readonly kind: "literal";
  readonly dtype: DTypeName;
  /** The element's bits, as an unsigned number of at most 8 bytes. */
  readonly bits: bigint;
}

/** The value of an affine expression in the iteration indices, as an i64. */
export interface IndexLoad {
  readonly kind: "index";
  readonly at: Affine;
}

export type Load = TensorLoad | LiteralLoad | IndexLoad;

export interface Instruction {
  readonly body: Body;
  readonly fold: Fold;
  readonly dtype: DTypeName;
  /** Output shape; the output tensor is stored row-major in this order. */
  readonly outDims: readonly number[];
  readonly redDims: readonly number[];
  readonly loads: readonly Load[];
}

export interface ProgramInput {
  readonly dtype: DTypeName;
  readonly elements: number;
}

export interface ProgramOutput {
  /** The instruction whose tensor, row-major, is this output. */
  readonly instruction: number;
  readonly dtype: DTypeName;
  readonly elements: number;
}

export interface Constant {
  readonly dtype: DTypeName;
  /** Elements little-endian; canonical (one NaN, no negative zero, bool 0 or 1). */
  readonly data: Uint8Array;
}

/** A lowered model. The version of the lowering that made it is part of its commitment. */
export interface Program {
  readonly loweringVersion: number;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  readonly constants: readonly Constant[];
  readonly instructions: readonly Instruction[];
}

export function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

export function outElements(instruction: Instruction): number {
  return product(instruction.outDims);
}

/** The tensor loads of a load: itself and those that it is gathered by. */
export function tensorsOf(load: Load): TensorLoad[] {
  if (load.kind !== "tensor") return [];
  return [load, ...load.axes.flatMap((axis) => ("gather" in axis.at ? tensorsOf(axis.at.gather) : []))];
}
