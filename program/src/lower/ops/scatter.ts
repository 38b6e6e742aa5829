/**
 * Operators that write to positions (ONNX Operators: Scatter, ScatterElements, ScatterND). Every output element
 * looks for the updates that aim at it: of several that replace it, the last wins.
 */
import { isFloat, isInteger, type DTypeName } from "../../dtype.ts";
import { product, type Affine, type Fold } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { integers, numberBits } from "../../onnx/host.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, normalAxis, reshape, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { GatherCoordinate, ValueLoad } from "../spec.ts";
import { rowMajor, type Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { prod } from "./reduce.ts";

/** Ordered folds cannot be split: longer ones go by parts of this many updates, rounded part by part. */
const ORDERED_PART = 256;
/** Elements of tables that are made while lowering. */
const MAX_TABLE = 2 ** 24;

/** Which updates aim at which element. Affine expressions number the dimensions of `out`. */
interface Aim {
  readonly data: Value;
  /** The first `keys` dimensions of the data decide which updates aim at an element. */
  readonly keys: number;
  /** How many updates may aim at an element. */
  readonly count: number;
  /** The place that update `u` aims at, equal to `place` if it is the element's. */
  readonly target: (u: Affine) => ValueLoad;
  readonly place: Affine;
  readonly update: (u: Affine | GatherCoordinate) => ValueLoad;
  /** The last update of each place, or -1, if the indices are known. */
  readonly last: Value | undefined;
}

/** Indices from 0 on; a negative one counts from the end. Others wrap, for the operator leaves them undefined. */
function fromStart(b: Builder, indices: Value, sizes: Value): Value {
  return map(b, "mod", "i64", indices, sizes);
}

/** @throws {ModelError} MALFORMED if a known index is out of range. */
function needInRange(b: Builder, indices: Value, size: (position: number) => number): void {
  if (!isInteger(indices.dtype)) throw new ModelError("MALFORMED", `indices of dtype ${indices.dtype}`);
  if (product(indices.shape) > MAX_TABLE) return;
  const known = b.known(indices);
  if (known === undefined) return;
  integers(known).forEach((index, k) => normalAxis(Number(index), size(k)));
}

/** Data with the updates in their places. */
function scatter(b: Builder, aim: Aim, reduction: string): Value {
  const { data } = aim;
  const { dtype } = data;
  const combined = (body: "add" | "mul" | "max" | "min", updates: Value) =>
    map(b, body, dtype, data, updates);
  const folded = (fold: Fold) => b.emit(matching(aim, fold, dtype));
  switch (reduction) {
    case "none":
      return replaced(b, aim);
    case "max":
    case "min":
      return combined(reduction, folded(reduction));
    case "add":
      return combined("add", isFloat(dtype) ? orderedFold(b, aim, "osum") : folded("sum"));
    case "mul":
      return combined("mul", isFloat(dtype) ? orderedFold(b, aim, "oprod") : integerProduct(b, aim));
    default:
      throw new ModelError("MALFORMED", `reduction "${reduction}"`);
  }
}

/** Folds the updates that aim at an element. */
function matching({ data, count, target, place, update }: Aim, fold: Fold, dtype: DTypeName) {
  const u = at(data.shape.length);
  const loads = [target(u), { index: place }, update(u)];
  return { body: "seleq" as const, fold, dtype, out: data.shape, red: [count], loads };
}

function replaced(b: Builder, aim: Aim): Value {
  const { data, keys, count, target, place, update } = aim;
  const last =
    aim.last ??
    b.emit({
      body: "seleq",
      fold: "max",
      dtype: "i32",
      out: data.shape.slice(0, keys),
      red: [count],
      loads: [target(at(keys)), { index: place }, { index: at(keys) }],
    });
  const own = data.shape.map((_, d) => at(d));
  const found = update({ gather: last, at: own.slice(0, keys) });
  return b.emit({
    body: "first",
    dtype: data.dtype,
    out: data.shape,
    loads: [found, { value: data, at: own }],
  });
}

/** Sum or product of the updates of an element in their order, rounded at each. */
function orderedFold(b: Builder, { data, count, target, place, update }: Aim, fold: "osum" | "oprod"): Value {
  const rank = data.shape.length;
  const size = Math.min(count, ORDERED_PART);
  const parts = Math.ceil(count / size);
  const u = affine([
    [rank, size],
    [rank + 1, 1],
  ]);
  const partial = b.emit({
    body: "seleq",
    fold,
    dtype: data.dtype,
    out: checkShape([...data.shape, parts], "the partial results"),
    red: [size],
    loads: [target(u), { index: place }, update(u)],
  });
  const loads = [{ value: partial, at: [...data.shape, parts].map((_, d) => at(d)) }];
  return b.emit({ body: "copy", fold, dtype: data.dtype, out: data.shape, red: [parts], loads });
}

/** There is no product of integers as a fold: a factor per update, 1 where it aims elsewhere. */
function integerProduct(b: Builder, { data, count, target, place, update }: Aim): Value {
  const u = at(data.shape.length);
  const out = checkShape([...data.shape, count], "the factors");
  // Beyond the updates there is no target: -1.
  const aims = { ...target(u), fill: numberBits("i64", -1) };
  const aimed = b.emit({ body: "eq", dtype: "bool", out, loads: [aims, { index: place }] });
  const own = { value: aimed, at: out.map((_, d) => at(d)) };
  const one = { value: b.scalar(data.dtype, 1), at: [] };
  const factors = b.emit({ body: "where", dtype: data.dtype, out, loads: [own, update(u), one] });
  return squeeze(prod(factors, [data.shape.length], b), [data.shape.length]);
}

/** Bools take part in reductions as numbers. */
function withoutBools(b: Builder, reduction: string, x: Value, run: (x: Value) => Value): Value {
  return x.dtype === "bool" && reduction !== "none" ? cast(b, run(cast(b, x, "i32")), "bool") : run(x);
}

function scatterElements(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [data, indices, updates] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  sameDtype(data, updates);
  const axis = normalAxis(attributes.int("axis") ?? 0, data.shape.length);
  const size = data.shape[axis] ?? 1;
  if (
    indices.shape.join() !== updates.shape.join() ||
    indices.shape.length !== data.shape.length ||
    indices.shape.some((length, d) => d !== axis && length > (data.shape[d] ?? 1))
  )
    throw new ModelError("MALFORMED", "indices or updates do not fit the data");
  needInRange(b, indices, () => size);
  const reduction = attributes.string("reduction") ?? "none";
  if (product(indices.shape) === 0) return [data];
  const targets = fromStart(b, indices, b.scalar("i64", size));
  // In the axes that the updates do not fill, an element is beyond them and finds none.
  const along = <C>(coordinate: C) => data.shape.map((_, d) => (d === axis ? coordinate : at(d)));
  const result = withoutBools(b, reduction, data, (x) =>
    scatter(
      b,
      {
        data: x,
        keys: x.shape.length,
        count: indices.shape[axis] ?? 1,
        target: (u) => ({ value: targets, at: along(u) }),
        place: at(axis),
        update: (u) => ({ value: cast(b, updates, x.dtype), at: along(u) }),
        last: lastElements(b, targets, data.shape, axis),
      },
      reduction,
    ),
  );
  return [result];
}

/** The last update along the axis that aims at each element. */
function lastElements(b: Builder, targets: Value, shape: readonly number[], axis: number): Value | undefined {
  if (product(shape) > MAX_TABLE || product(targets.shape) > MAX_TABLE) return undefined;
  const known = b.known(targets);
  if (known === undefined) return undefined;
  const strides = rowMajor(shape);
  const inner = rowMajor(targets.shape);
  const table = new Array<number>(product(shape)).fill(-1);
  integers(known).forEach((target, k) => {
    const update = Math.floor(k / (inner[axis] ?? 1)) % (targets.shape[axis] ?? 1);
    const place = strides.reduce((sum, stride, d) => {
      const step = Math.floor(k / (inner[d] ?? 1)) % (targets.shape[d] ?? 1);
      return sum + stride * (d === axis ? Number(target) : step);
    }, 0);
    table[place] = update;
  });
  return b.list("i32", table, shape);
}

function scatterND(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [data, indices, updates] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  sameDtype(data, updates);
  const depth = indices.shape.at(-1) ?? 0;
  const lead = indices.shape.slice(0, -1);
  const sizes = data.shape.slice(0, depth);
  if (indices.shape.length === 0 || depth < 1 || depth > data.shape.length)
    throw new ModelError("MALFORMED", "indices do not fit the data");
  if (updates.shape.join() !== [...lead, ...data.shape.slice(depth)].join())
    throw new ModelError("MALFORMED", "updates do not fit data and indices");
  needInRange(b, indices, (k) => sizes[k % depth] ?? 1);
  const [count, places, rest] = [lead, sizes, data.shape.slice(depth)].map(product);
  if (count === undefined || places === undefined || rest === undefined) return [];
  const reduction = attributes.string("reduction") ?? "none";
  if (count * places * rest === 0) return [data];
  // Tuples of indices as positions in the flattened leading dimensions.
  const tuples = fromStart(b, reshape(b, indices, [count, depth]), b.list("i64", sizes));
  const targets = b.emit({
    body: "mul",
    fold: "sum",
    dtype: "i64",
    out: [count],
    red: [depth],
    loads: [
      { value: tuples, at: [at(0), at(1)] },
      { value: b.list("i64", rowMajor(sizes)), at: [at(1)] },
    ],
  });
  const result = withoutBools(b, reduction, data, (x) => {
    const slices = reshape(b, cast(b, updates, x.dtype), [count, rest]);
    return scatter(
      b,
      {
        data: reshape(b, x, [places, rest]),
        keys: 1,
        count,
        target: (u) => ({ value: targets, at: [u] }),
        place: at(0),
        update: (u) => ({ value: slices, at: [u, at(1)] }),
        last: lastElements(b, targets, [places], 0),
      },
      reduction,
    );
  });
  return [reshape(b, result, data.shape)];
}

export const SCATTER: RuleTable = {
  Scatter: rule(9, ["axis"], scatterElements, 10),
  ScatterElements: [
    rule(11, ["axis"], scatterElements, 15),
    rule(16, ["axis", "reduction"], scatterElements),
  ],
  ScatterND: [rule(11, [], scatterND, 15), rule(16, ["reduction"], scatterND)],
};
