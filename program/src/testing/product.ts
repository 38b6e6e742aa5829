/** Matrix products of any size. */
import { singleProgram } from "../fast/agreement.ts";
import type { Instruction, Program } from "../instruction.ts";
import { seededRng } from "./rng.ts";

const rng = seededRng(7);

function floats(n: number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: n }, () => rng.int(-1000, 1000) / 64).buffer);
}

/** A sum of products: rows x depth times depth x columns. */
export function matrixProduct(rows: number, depth: number, columns: number): Instruction {
  const at = (
    dim: number,
  ): { c0: number; terms: { dim: number; coef: number }[]; div: number; exact: boolean } => ({
    ...{ c0: 0, terms: [{ dim, coef: 1 }], div: 1, exact: false },
  });
  return {
    ...{ body: "mul", fold: "sum", dtype: "f32", outDims: [rows, columns], redDims: [depth] },
    loads: [
      {
        ...{ kind: "tensor", source: "input", id: 0, dtype: "f32", elements: rows * depth },
        axes: [
          { size: rows, stride: depth, at: at(0) },
          { size: depth, stride: 1, at: at(2) },
        ],
      },
      {
        ...{ kind: "tensor", source: "constant", id: 0, dtype: "f32", elements: depth * columns },
        axes: [
          { size: depth, stride: columns, at: at(2) },
          { size: columns, stride: 1, at: at(1) },
        ],
      },
    ],
  };
}

/** A program of that alone, of float32, whose right matrix is a constant; and an input for it. */
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
