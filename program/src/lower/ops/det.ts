/**
 * Determinants of small matrices (ONNX Operators: Det), by expansion along the rows: the minors of the first r rows from those of
 * the first r - 1, each an exact sum of r products rounded to f32.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { inFloat32, map, reshape, slice } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

/** Expansion takes 2^size minors. */
const MAX_SIZE = 8;

/** The subsets of 0..size-1 with `count` elements, ascending. */
function subsets(size: number, count: number): number[][] {
  if (count === 0) return [[]];
  return subsets(size, count - 1).flatMap((subset) =>
    Array.from({ length: size }, (_, k) => k)
      .filter((k) => k > (subset.at(-1) ?? -1))
      .map((k) => [...subset, k]),
  );
}

/** @param x [matrices, size, size]. */
function determinants(b: Builder, x: Value): Value {
  const [n = 1, size = 1] = x.shape;
  // Every row, and after it its negative.
  const signs = b.list("f32", [1, -1], [2, 1]);
  const signed = reshape(b, map(b, "mul", "f32", reshape(b, x, [n, size, 1, size]), signs), [
    n,
    size,
    2 * size,
  ]);
  let minors = reshape(b, slice(b, x, 1, 0, 1), [n, size]);
  for (let rows = 2; rows <= size; rows++) {
    const smaller = new Map(subsets(size, rows - 1).map((subset, k) => [subset.join(), k]));
    const sets = subsets(size, rows);
    const table = (entry: (set: readonly number[], k: number) => number) =>
      b.list(
        "i32",
        sets.flatMap((set) => set.map((_, k) => entry(set, k))),
        [sets.length, rows],
      );
    const columns = table((set, k) => (set[k] ?? 0) + ((rows - 1 + k) % 2 === 0 ? 0 : size));
    const rest = table((set, k) => smaller.get(set.toSpliced(k, 1).join()) ?? 0);
    minors = b.emit({
      body: "mul",
      fold: "sum",
      dtype: "f32",
      out: [n, sets.length],
      red: [rows],
      loads: [
        { value: signed, at: [at(0), affine([], rows - 1), { gather: columns, at: [at(1), at(2)] }] },
        { value: minors, at: [at(0), { gather: rest, at: [at(1), at(2)] }] },
      ],
    });
  }
  return minors;
}

function det(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  const lead = x.shape.slice(0, -2);
  const [size = 0, columns = 0] = x.shape.slice(-2);
  if (x.shape.length < 2 || size !== columns || size < 1)
    throw new ModelError("MALFORMED", `determinants of [${x.shape.join(", ")}]`);
  if (size > MAX_SIZE) throw new ModelError("UNSUPPORTED_USE", `matrices larger than ${MAX_SIZE}`);
  return [
    inFloat32(b, x, (wide) =>
      reshape(b, determinants(b, reshape(b, wide, [product(lead), size, size])), lead),
    ),
  ];
}

export const DET: RuleTable = { Det: rule(11, [], det) };
