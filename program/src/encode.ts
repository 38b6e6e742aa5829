/**
 * Binary encoding of instructions (docs/program.md §6). Big-endian.
 */
import { dtype } from "./dtype.ts";
import { BODIES, FOLDS, type Affine, type Instruction, type Load, type TensorLoad } from "./instruction.ts";

export const FORMAT_VERSION = 1;

export const LIMITS = {
  dims: 8,
  axes: 8,
  terms: 8,
  outElements: 2 ** 32 - 1,
  redElements: 2 ** 20,
} as const;

const SOURCE_KIND = { input: 2, constant: 3, instruction: 4 } as const;

export class Writer {
  private readonly parts: number[] = [];

  unsigned(value: number, bytes: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * bytes))
      throw new RangeError(`${value} does not fit in ${bytes} unsigned bytes`);
    for (let shift = bytes - 1; shift >= 0; shift--)
      this.parts.push(Math.floor(value / 2 ** (8 * shift)) % 256);
    return this;
  }

  signed32(value: number): this {
    if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31)
      throw new RangeError(`${value} does not fit in 32 signed bits`);
    return this.unsigned(value < 0 ? value + 2 ** 32 : value, 4);
  }

  bits64(value: bigint): this {
    if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} does not fit in 64 bits`);
    for (let shift = 56n; shift >= 0n; shift -= 8n) this.parts.push(Number((value >> shift) & 255n));
    return this;
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.parts.push(byte);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.parts);
  }
}

function writeAffine(out: Writer, at: Affine): void {
  out
    .signed32(at.c0)
    .unsigned(at.div, 4)
    .unsigned(at.exact ? 1 : 0, 1)
    .unsigned(at.terms.length, 1);
  for (const term of at.terms) out.unsigned(term.dim, 1).signed32(term.coef);
}

function writeTensor(out: Writer, load: TensorLoad): void {
  const flags = (load.zero === undefined ? 0 : 1) | (load.fill === undefined ? 0 : 2);
  out.unsigned(SOURCE_KIND[load.source], 1).unsigned(dtype(load.dtype).code, 1);
  out.unsigned(load.id, 4).unsigned(load.elements, 4).unsigned(flags, 1);
  if (load.zero !== undefined) out.signed32(load.zero);
  if (load.fill !== undefined) out.bits64(load.fill);
  out.unsigned(load.axes.length, 1);
  for (const axis of load.axes) {
    out.unsigned(axis.size, 4).unsigned(axis.stride, 4);
    if ("gather" in axis.at) writeTensor(out.unsigned(1, 1), axis.at.gather);
    else writeAffine(out.unsigned(0, 1), axis.at);
  }
}

function writeLoad(out: Writer, load: Load): void {
  if (load.kind === "literal") out.unsigned(0, 1).unsigned(dtype(load.dtype).code, 1).bits64(load.bits);
  else if (load.kind === "index") writeAffine(out.unsigned(1, 1), load.at);
  else writeTensor(out, load);
}

export function encodeInstruction(instruction: Instruction): Uint8Array {
  const { body, fold, outDims, redDims, loads } = instruction;
  const out = new Writer();
  out.unsigned(BODIES[body].code, 1).unsigned(FOLDS[fold], 1).unsigned(dtype(instruction.dtype).code, 1);
  out.unsigned(outDims.length, 1).unsigned(redDims.length, 1).unsigned(loads.length, 1);
  for (const dim of [...outDims, ...redDims]) out.unsigned(dim, 4);
  for (const load of loads) writeLoad(out, load);
  return out.done();
}
