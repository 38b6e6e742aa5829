/**
 * The largest or smallest elements of an axis in order (ONNX Operators: TopK). NaN counts as the largest value; of equal
 * elements the first comes first. The result is sorted whether or not that is asked for.
 */
import { dtype, isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, normalAxis, reduce, reshape, squeeze, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { concat } from "./join.ts";

/** Comparisons of every element with every other that one operator may cost; beyond, the winners are found one by one. */
const MAX_COMPARISONS = 2 ** 22;
const MAX_ROUNDS = 1024;

/** x [rows, n] -> bool [rows, n, n]: whether element i is less than element j. */
function comparisons(b: Builder, x: Value): Value {
  return map(b, "lt", "bool", unsqueeze(x, [2]), unsqueeze(x, [1]));
}

/** Monotone integers of at most 33 bits: the elements themselves, keys of floats, ranks of wide integers. */
function keys(b: Builder, x: Value): Value {
  if (isFloat(x.dtype)) return map(b, "key", "i32", x);
  if (dtype(x.dtype).bytes < 8) return x;
  if (product(x.shape) * (x.shape[1] ?? 1) > MAX_COMPARISONS)
    throw new ModelError("TOO_LARGE", `TopK of ${x.shape[1] ?? 1} integers of 64 bits`);
  return squeeze(reduce(b, "sum", "i32", comparisons(b, x), [1]), [1]);
}

/**
 * Distinct numbers [rows, n] in the order of the result, greatest first: the key, or for the smallest elements its negative,
 * then the position from the end.
 */
function order(b: Builder, x: Value, largest: boolean): Value {
  const [, n = 1] = x.shape;
  return b.emit({
    body: "fma",
    dtype: "i64",
    out: x.shape,
    loads: [
      { value: keys(b, x), at: [at(0), at(1)] },
      { value: b.scalar("i64", largest ? n : -n), at: [] },
      { index: affine([[1, -1]], n - 1) },
    ],
  });
}

/** Positions [rows, k] by rank: how many elements come before each one. */
function byRank(b: Builder, places: Value, k: number): Value {
  const [rows = 1, n = 1] = places.shape;
  const rank = squeeze(reduce(b, "sum", "i32", comparisons(b, places), [2]), [2]);
  const loads = [{ value: rank, at: [at(0), at(2)] }, { index: at(1) }, { index: at(2) }];
  return b.emit({ body: "seleq", fold: "max", dtype: "i64", out: [rows, k], red: [n], loads });
}

/**
 * Positions [rows, k] one after another. The next below `top` is the one with the greatest place - top modulo 2^64, for all
 * below it are negative.
 */
function byRounds(b: Builder, places: Value, k: number): Value {
  const [, n = 1] = places.shape;
  const tops = [reduce(b, "max", "i64", places, [1])];
  for (let top = tops[0]; top !== undefined && tops.length < k; top = tops.at(-1)) {
    const [rows = 1] = places.shape;
    const below = b.emit({
      body: "sub",
      fold: "max",
      dtype: "u64",
      out: [rows, 1],
      red: [n],
      loads: [
        { value: places, at: [at(0), at(2)] },
        { value: top, at: [at(0), at(1)] },
      ],
    });
    tops.push(map(b, "add", "i64", top, below));
  }
  // A place is a multiple of n plus the position from the end.
  const fromEnd = map(b, "mod", "i64", concat(b, tops, 1), b.scalar("i64", n));
  return map(b, "sub", "i64", b.scalar("i64", n - 1), fromEnd);
}

function topK(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const axis = normalAxis(attributes.int("axis") ?? -1, x.shape.length);
  const n = x.shape[axis] ?? 1;
  const given = opset < 10 ? [attributes.int("k") ?? -1] : b.integers(inputs.at(1), "k");
  const [k = -1] = given;
  if (given.length !== 1 || k < 0 || k > n)
    throw new ModelError("MALFORMED", `k is [${given.join(", ")}] of ${n} elements`);
  // The axis last, the others as rows.
  const perm = [...x.shape.map((_, d) => d).filter((d) => d !== axis), axis];
  const turned = view.transpose(x, perm);
  const shape = turned.shape.with(-1, k);
  const flat = reshape(b, x.dtype === "bool" ? cast(b, turned, "u8") : turned, [
    product(shape.slice(0, -1)),
    n,
  ]);
  const back = (value: Value) => view.transpose(reshape(b, value, shape), view.inverse(perm));
  const [rows = 1] = flat.shape;
  if (rows * k === 0) {
    const none = (value: Value) => back(view.expand(value, [rows, k]));
    return [none(b.scalar(x.dtype, 0)), none(b.scalar("i64", 0))];
  }
  const places = order(b, flat, (attributes.int("largest") ?? 1) !== 0);
  const ranked = rows * n * n <= MAX_COMPARISONS;
  if (!ranked && k > MAX_ROUNDS) throw new ModelError("TOO_LARGE", `the ${k} first of ${n} elements`);
  const positions = ranked ? byRank(b, places, k) : byRounds(b, places, k);
  const found = { gather: positions, at: [at(0), at(1)] };
  const values = b.emit({
    body: "copy",
    dtype: x.dtype,
    out: [rows, k],
    loads: [{ value: flat, at: [at(0), found] }],
  });
  return [back(values), back(positions)];
}

export const TOPK: RuleTable = {
  TopK: [
    rule(1, ["axis", "k"], topK, 9),
    rule(10, ["axis"], topK, 10),
    rule(11, ["axis", "largest", "sorted"], topK),
  ],
};
