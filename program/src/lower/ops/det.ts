/**
 * Determinants (ONNX Operators: Det), by elimination with partial pivoting in f32, rounded at every step as the comments say.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { inFloat32, map, reshape, slice, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { expand, type Value } from "../value.ts";
import { argMax } from "./reduce.ts";

/** Every step of the elimination takes its own instructions. */
const MAX_ROWS = 64;

interface Step {
  /** The pivot [n], negated if rows were exchanged. */
  readonly factor: Value;
  /** The matrices [n, m - 1, m - 1] that are left. */
  readonly rest: Value;
}

/** Eliminates the first column of matrices [n, m, m] by the row with its largest entry. */
function eliminate(b: Builder, x: Value): Step {
  const [n = 1, m = 1] = x.shape;
  const column = squeeze(slice(b, x, 2, 0, 1), [2]);
  const row = argMax(b, map(b, "abs", "f32", column), 1);
  const chosen = { gather: row, at: [at(0)] };
  const top = b.emit({
    body: "copy",
    dtype: "f32",
    out: [n, m],
    loads: [{ value: x, at: [at(0), chosen, at(1)] }],
  });
  const pivot = squeeze(slice(b, top, 1, 0, 1), [1]);
  const zero = b.scalar("f32", 0);
  const exchanged = map(b, "lt", "bool", b.scalar("i64", 0), row);
  const factor = map(b, "where", "f32", exchanged, map(b, "neg", "f32", pivot), pivot);
  // Row i, or where that is the pivot's, row 0.
  const other = { index: affine([[1, 1]], 1) };
  const moved = b.emit({
    body: "ne",
    dtype: "bool",
    out: [n, m - 1],
    loads: [{ value: row, at: [at(0)] }, other],
  });
  const own = { value: moved, at: [at(0), at(1)] };
  const source = b.emit({ body: "mul", dtype: "i64", out: [n, m - 1], loads: [own, other] });
  const from = { gather: source, at: [at(0), at(1)] };
  // -r(entry / pivot); with a pivot of 0 all entries are 0 and so is the determinant.
  const divisor = map(b, "where", "f32", map(b, "eq", "bool", pivot, zero), b.scalar("f32", 1), pivot);
  const ratio = b.emit({
    body: "div",
    dtype: "f32",
    out: [n, m - 1],
    loads: [
      { value: x, at: [at(0), from, affine([])] },
      { value: map(b, "neg", "f32", divisor), at: [at(0)] },
    ],
  });
  // fma(ratio, top, entry).
  const rest = b.emit({
    body: "fma",
    dtype: "f32",
    out: [n, m - 1, m - 1],
    loads: [
      { value: ratio, at: [at(0), at(1)] },
      { value: top, at: [at(0), affine([[2, 1]], 1)] },
      { value: x, at: [at(0), from, affine([[2, 1]], 1)] },
    ],
  });
  return { factor, rest };
}

function det(inputs: Inputs, { b }: Context): readonly Value[] {
  const input = inputs.at(0);
  const lead = input.shape.slice(0, -2);
  const [rows = -1, columns = -2] = input.shape.slice(-2);
  if (rows !== columns) throw new ModelError("MALFORMED", `Det of [${input.shape.join(", ")}]`);
  if (rows > MAX_ROWS) throw new ModelError("TOO_LARGE", `Det of ${rows} rows`);
  const result = inFloat32(b, input, (x) => {
    const n = product(lead);
    let left = reshape(b, x, [n, rows, rows]);
    let value = expand(b.scalar("f32", 1), [n]);
    for (let k = 0; k < rows; k++) {
      const { factor, rest } = eliminate(b, left);
      value = k === 0 ? factor : map(b, "mul", "f32", value, factor);
      left = rest;
    }
    return value;
  });
  return [reshape(b, result, lead)];
}

export const DET: RuleTable = {
  Det: rule(11, [], det),
};
