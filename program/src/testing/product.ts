/** Matrix products of any size. */
import type { DTypeName } from "../dtype.ts";
import { singleProgram } from "../fast/agreement.ts";
import type { Instruction, Program, TensorLoad } from "../instruction.ts";
import { at } from "../lower/affine.ts";
import { seededRng } from "./rng.ts";

const rng = seededRng(7);

function floats(n: number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: n }, () => rng.int(-1000, 1000) / 64).buffer);
}

export interface ProductTypes {
  /** Of the factors. Default f32. */
  readonly of?: DTypeName;
  readonly out?: DTypeName;
  /** Zero point of the left factor. */
  readonly zero?: number;
}

/** Sums of products: rows x depth, an input, times the transpose of columns x depth, a constant. */
export function matrixProduct(
  rows: number,
  depth: number,
  columns: number,
  { of = "f32", out = "f32", zero }: ProductTypes = {},
): Instruction {
  const factor = (source: "input" | "constant", count: number, dim: number): TensorLoad => ({
    ...{ kind: "tensor", source, id: 0, dtype: of, elements: count * depth },
    axes: [
      { size: count, stride: depth, at: at(dim) },
      { size: depth, stride: 1, at: at(2) },
    ],
  });
  const left = factor("input", rows, 0);
  return {
    ...{ body: "mul", fold: "sum", dtype: out, outDims: [rows, columns], redDims: [depth] },
    loads: [zero === undefined ? left : { ...left, zero }, factor("constant", columns, 1)],
  };
}

/** A program of that alone, of float32; and an input for it. */
export function productOf(
  rows: number,
  depth: number,
  columns: number,
): { program: Program; input: Uint8Array } {
  const input = floats(rows * depth);
  const constants = [{ dtype: "f32", data: floats(depth * columns) }] as const;
  const program = singleProgram(
    matrixProduct(rows, depth, columns),
    [{ dtype: "f32", data: input }],
    constants,
  );
  return { program, input };
}
