/**
 * Pooling (ONNX Operators: MaxPool, AveragePool, GlobalAveragePool, GlobalMaxPool).
 */
import { isFloat, type DTypeName } from "../../dtype.ts";
import type { Body, Fold } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
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

/** Folds every window of x [N, C, spatial...]; padding takes no part. Scalars are further operands of the body. */
export function pool(
  b: Builder,
  { body, fold, dtype }: { body: Body; fold: Fold; dtype: DTypeName },
  x: Centred,
  window: Window,
  ...scalars: readonly Value[]
): Value {
  const [n = 1, c = 1] = x.value.shape;
  const shape = [n, c, ...window.out];
  const order = view.storageOrder(x.value);
  const position = view.inverse(order);
  const coordinates = shape.map((_, d) => {
    const out = position[d] ?? d;
    return d < 2 ? at(out) : windowAt(window, d - 2, out, shape.length + d - 2);
  });
  const folded = b.emit({
    body,
    fold,
    dtype,
    out: order.map((d) => shape[d] ?? 1),
    red: window.kernel,
    loads: [{ ...x, at: coordinates }, ...scalars.map((value) => ({ value, at: [] }))],
  });
  return view.transpose(folded, position);
}

/** How many positions of each window count, of shape [1, 1, spatial...]. */
export function windowCounts(b: Builder, window: Window, includePad: boolean): Value {
  const perAxis = window.out.map((steps, d) =>
    Array.from({ length: steps }, (_, i) => {
      const [begin, end] = includePad ? [window.begin[d] ?? 0, window.end[d] ?? 0] : [0, 0];
      const start = i * (window.strides[d] ?? 1) - (window.begin[d] ?? 0);
      const inside = Array.from(
        { length: window.kernel[d] ?? 1 },
        (_, k) => start + k * (window.dilations[d] ?? 1),
      );
      return inside.filter((p) => p >= -begin && p < (window.input[d] ?? 1) + end).length;
    }),
  );
  const counts = perAxis.reduce((all, axis) => all.flatMap((count) => axis.map((k) => count * k)), [1]);
  return b.list("f32", counts, [1, 1, ...window.out]);
}

function maxPool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  if ((attributes.int("storage_order") ?? 0) !== 0) throw new ModelError("UNSUPPORTED_USE", "storage_order");
  const fold = isFloat(x.dtype) ? "maxnum" : "max";
  return [
    pool(
      b,
      { body: "copy", fold, dtype: x.dtype },
      { value: x, zero: 0 },
      readWindow(attributes, spatial(x)),
    ),
  ];
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
  GlobalAveragePool: rule(1, [], globalAverage),
  GlobalMaxPool: rule(1, [], globalMax),
};
