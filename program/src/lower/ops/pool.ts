/**
 * Pooling (ONNX Operators: MaxPool, AveragePool, LpPool, GlobalAveragePool, GlobalMaxPool, GlobalLpPool).
 */
import { isFloat, type DTypeName } from "../../dtype.ts";
import { product, type Affine, type Body, type Fold } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { inFloat32, map, reduce, type Centred } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { mean } from "./reduce.ts";
import { readWindow, windowAt, type Window } from "./window.ts";

export const POOL_ATTRIBUTES = [
  "auto_pad",
  "ceil_mode",
  "dilations",
  "kernel_shape",
  "pads",
  "strides",
] as const;

export function spatial(value: Value): readonly number[] {
  if (value.shape.length < 3)
    throw new ModelError("MALFORMED", `pooling of a tensor of rank ${value.shape.length}`);
  return value.shape.slice(2);
}

/**
 * The windows over x [N, C, spatial...]: coordinates of x at an output position and a kernel position. `order` lists the
 * output dimensions as they are stored, which is the order of x; those of the kernel follow them.
 */
function windows(x: Value, window: Window): { order: number[]; coordinates: Affine[] } {
  const order = view.storageOrder(x);
  const position = view.inverse(order);
  const coordinates = x.shape.map((_, d) => {
    const out = position[d] ?? d;
    return d < 2 ? at(out) : windowAt(window, d - 2, out, x.shape.length + d - 2);
  });
  return { order, coordinates };
}

/**
 * Folds every window of x [N, C, spatial...]; padding takes no part. Scalars are further operands of the body; a product
 * without any is the square.
 */
export function pool(
  b: Builder,
  { body, fold, dtype }: { body: Body; fold: Fold; dtype: DTypeName },
  x: Centred,
  window: Window,
  ...scalars: readonly Value[]
): Value {
  const [n = 1, c = 1] = x.value.shape;
  const shape = [n, c, ...window.out];
  const { order, coordinates } = windows(x.value, window);
  const load = { ...x, at: coordinates };
  const square = body === "mul" && scalars.length === 0;
  const folded = b.emit({
    body,
    fold,
    dtype,
    out: order.map((d) => shape[d] ?? 1),
    red: window.kernel,
    loads: [load, ...(square ? [load] : scalars.map((value) => ({ value, at: [] })))],
  });
  return view.transpose(folded, view.inverse(order));
}

/** Window counts of padded pooling are tables; longer ones are refused. */
const MAX_COUNTS = 2 ** 22;

/** How many positions of each window count, of shape [1, 1, spatial...]. */
export function windowCounts(b: Builder, window: Window, includePad: boolean): Value {
  const rank = window.input.length;
  return window.out.reduce(
    (all, steps, d) => {
      const n = (values: readonly number[]) => values[d] ?? 1;
      const [begin, end] = includePad ? [n(window.begin), n(window.end)] : [0, 0];
      /** How many kernel positions of the window from `start` on lie before `bound`. */
      const before = (bound: number, start: number) =>
        Math.min(Math.max(Math.ceil((bound - start) / n(window.dilations)), 0), n(window.kernel));
      const count = (i: number) => {
        const start = i * n(window.strides) - n(window.begin);
        return before(n(window.input) + end, start) - before(-begin, start);
      };
      // Windows in the middle are whole.
      if (count(0) === n(window.kernel) && count(steps - 1) === n(window.kernel))
        return map(b, "mul", "f32", all, b.scalar("f32", n(window.kernel)));
      if (steps > MAX_COUNTS) throw new ModelError("TOO_LARGE", `${steps} padded windows`);
      const shape = [1, 1, ...window.out.map((_, other) => (other === d ? steps : 1))];
      const counts = b.list(
        "f32",
        Array.from({ length: steps }, (_, i) => count(i)),
        shape,
      );
      return map(b, "mul", "f32", all, counts);
    },
    b.list(
      "f32",
      [1],
      Array.from({ length: rank + 2 }, () => 1),
    ),
  );
}

/** Positions of the maxima in x as stored row-major: the first of equal ones. Where all is NaN, the largest i64. */
function maxIndices(b: Builder, x: Value, maxima: Value, window: Window): Value {
  const { order, coordinates } = windows(x, window);
  const rank = x.shape.length;
  const strides = view.rowMajor(x.shape);
  // The same coordinates, weighted by their strides.
  const terms = coordinates.flatMap((a, d) =>
    a.terms.map(({ dim, coef }): [number, number] => [dim, coef * (strides[d] ?? 1)]),
  );
  const start = coordinates.reduce((sum, a, d) => sum + a.c0 * (strides[d] ?? 1), 0);
  const stored = view.transpose(maxima, order);
  const folded = b.emit({
    body: "seleq",
    fold: "min",
    dtype: "i64",
    out: stored.shape,
    red: window.kernel,
    loads: [
      { value: x, at: coordinates },
      { value: stored, at: Array.from({ length: rank }, (_, d) => at(d)) },
      { index: affine(terms, start) },
    ],
  });
  return view.transpose(folded, view.inverse(order));
}

/** Row-major indices -> those of the same positions with the spatial axes in column-major order. */
function columnMajor(b: Builder, indices: Value, sizes: readonly number[]): Value {
  const number = (value: number) => b.scalar("i64", value);
  const strides = view.rowMajor(sizes);
  const plane = product(sizes);
  let stride = 1;
  let result = map(b, "sub", "i64", indices, map(b, "mod", "i64", indices, number(plane)));
  sizes.forEach((size, d) => {
    const quotient = map(b, "div", "i64", indices, number(strides[d] ?? 1));
    const digit = map(b, "mod", "i64", quotient, number(size));
    result = map(b, "fma", "i64", digit, number(stride), result);
    stride *= size;
  });
  return result;
}

export function maxPoolOf(b: Builder, x: Value, window: Window): Value {
  const fold = isFloat(x.dtype) ? "maxnum" : "max";
  return pool(b, { body: "copy", fold, dtype: x.dtype }, { value: x, zero: 0 }, window);
}

function maxPool(inputs: Inputs, { b, attributes, wants }: Context): readonly Value[] {
  const x = inputs.at(0);
  const window = readWindow(attributes, spatial(x));
  const maxima = maxPoolOf(b, x, window);
  if (!wants(1)) return [maxima];
  const indices = maxIndices(b, x, maxima, window);
  return [maxima, attributes.int("storage_order") === 1 ? columnMajor(b, indices, window.input) : indices];
}

/** (Σ |x|^p)^(1/p): the exact sum of the rounded powers (for p = 2 of the exact squares), rounded once before the root. */
function lpNorm(b: Builder, p: number, x: Value, sum: (x: Value, square: boolean) => Value): Value {
  if (p < 1) throw new ModelError("MALFORMED", `p is ${p}`);
  if (p === 2) return map(b, "sqrt", "f32", sum(x, true));
  const size = map(b, "abs", "f32", x);
  if (p === 1) return sum(size, false);
  const powers = sum(map(b, "pow", "f32", size, b.scalar("f32", p)), false);
  return map(b, "pow", "f32", powers, b.scalar("f32", 1 / p));
}

function lpPool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const window = readWindow(attributes, spatial(inputs.at(0)));
  const result = inFloat32(b, inputs.at(0), (wide) =>
    lpNorm(b, attributes.int("p") ?? 2, wide, (x, square) =>
      pool(b, { body: square ? "mul" : "copy", fold: "sum", dtype: "f32" }, { value: x, zero: 0 }, window),
    ),
  );
  return [result];
}

function globalLp(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const result = inFloat32(b, inputs.at(0), (wide) =>
    lpNorm(b, attributes.int("p") ?? 2, wide, (x, square) =>
      reduce(b, "sum", "f32", x, spatialAxes(x), square),
    ),
  );
  return [result];
}

function averagePool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const window = readWindow(attributes, spatial(inputs.at(0)));
  const counts = windowCounts(b, window, attributes.int("count_include_pad") === 1);
  const result = inFloat32(b, inputs.at(0), (x) => {
    const sum = pool(b, { body: "copy", fold: "sum", dtype: "f32" }, { value: x, zero: 0 }, window);
    return map(b, "div", "f32", sum, counts);
  });
  return [result];
}

function spatialAxes(value: Value): number[] {
  return spatial(value).map((_, d) => d + 2);
}

function globalAverage(inputs: Inputs, { b }: Context): readonly Value[] {
  return [inFloat32(b, inputs.at(0), (x) => mean(x, spatialAxes(x), b))];
}

function globalMax(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  return [reduce(b, isFloat(x.dtype) ? "maxnum" : "max", x.dtype, x, spatialAxes(x))];
}

export const POOL: RuleTable = {
  MaxPool: rule(1, [...POOL_ATTRIBUTES, "storage_order"], maxPool),
  AveragePool: rule(1, [...POOL_ATTRIBUTES, "count_include_pad"], averagePool),
  LpPool: rule(2, [...POOL_ATTRIBUTES, "p"], lpPool),
  GlobalAveragePool: rule(1, [], globalAverage),
  GlobalMaxPool: rule(1, [], globalMax),
  GlobalLpPool: rule(2, ["p"], globalLp),
};
