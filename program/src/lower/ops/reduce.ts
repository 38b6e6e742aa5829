/**
 * Reductions (ONNX Operators: ReduceSum, ReduceMean, ..., ArgMax, ArgMin, Softmax, LogSoftmax). A float sum is exact and
 * rounded once; a mean is that sum divided by the count.
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import {
  cast,
  inFloat32,
  map,
  normalAxes,
  normalAxis,
  reduce,
  slice,
  squeeze,
  unsqueeze,
} from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type Rule, type RuleTable } from "../registry.ts";
import { expand, type Value } from "../value.ts";

type Reduction = (x: Value, axes: readonly number[], b: Builder) => Value;

/** @param axesInput Whether the axes are an input; before, they are an attribute. */
function reduction(apply: Reduction, axesInput: boolean): Lowering {
  return (inputs, { b, attributes }) => {
    const x = inputs.at(0);
    const given = axesInput ? inputs.optional(1) : undefined;
    const listed =
      given === undefined ? (axesInput ? undefined : attributes.ints("axes")) : b.integers(given, "axes");
    const all = x.shape.map((_, d) => d);
    const none = axesInput && attributes.int("noop_with_empty_axes") === 1 ? [] : all;
    const axes = listed === undefined || listed.length === 0 ? none : normalAxes(listed, x.shape.length);
    const result = apply(x, axes, b);
    return [attributes.int("keepdims") === 0 ? squeeze(result, axes) : result];
  };
}

/** The rules before and after `changed`, the opset in which the axes became an input. */
function rules(apply: Reduction, changed = 18): readonly Rule[] {
  return [
    rule(1, ["axes", "keepdims"], reduction(apply, false), changed - 1),
    rule(changed, ["keepdims", "noop_with_empty_axes"], reduction(apply, true)),
  ];
}

const onFloats =
  (apply: Reduction): Reduction =>
  (x, axes, b) =>
    inFloat32(b, x, (wide) => apply(wide, axes, b));

export const sum: Reduction = (x, axes, b) => reduce(b, "sum", x.dtype, x, axes);
/** A fold to bool does not exist: bools take the way of u8. */
const extreme =
  (fold: "max" | "min"): Reduction =>
  (x, axes, b) =>
    x.dtype === "bool" ? cast(b, reduce(b, fold, "u8", x, axes), "bool") : reduce(b, fold, x.dtype, x, axes);
export const reduceMax = extreme("max");
const min = extreme("min");
const sumSquare: Reduction = (x, axes, b) => reduce(b, "sum", x.dtype, x, axes, true);
const l1: Reduction = (x, axes, b) => sum(map(b, "abs", x.dtype, x), axes, b);
const log = (b: Builder, x: Value) => map(b, "log", x.dtype, x);

/** r(exact sum) / count. */
export function mean(x: Value, axes: readonly number[], b: Builder): Value {
  const count = product(axes.map((d) => x.shape[d] ?? 1));
  const scalar = b.scalar(x.dtype, count);
  return map(b, "div", x.dtype, sum(x, axes, b), scalar);
}

const logSumExp: Reduction = (x, axes, b) => {
  const top = reduceMax(x, axes, b);
  const e = map(b, "exp", x.dtype, map(b, "sub", x.dtype, x, top));
  return map(b, "add", x.dtype, log(b, sum(e, axes, b)), top);
};

/** Floats by ordered products; integers, which have no such fold, by halving each axis. */
export const prod: Reduction = (x, axes, b) =>
  isFloat(x.dtype)
    ? reduce(b, "oprod", x.dtype, x, axes)
    : axes.reduce((value, axis) => integerProd(b, value, axis), x);

function integerProd(b: Builder, x: Value, axis: number): Value {
  const size = x.shape[axis] ?? 1;
  if (size === 1) return x;
  if (size === 0) return expand(b.scalar(x.dtype, 1), x.shape.with(axis, 1));
  const part = (start: number, count: number) => slice(b, x, axis, start, count);
  if (size % 2 === 1)
    return map(b, "mul", x.dtype, integerProd(b, part(0, size - 1), axis), part(size - 1, 1));
  return integerProd(b, map(b, "mul", x.dtype, part(0, size / 2), part(size / 2, size / 2)), axis);
}

/** Index of the first (or last) element along an axis, which goes, that equals the extreme. */
function extremeIndex(b: Builder, fold: "max" | "min", x: Value, axis: number, last: boolean): Value {
  const extreme = reduce(b, fold, x.dtype, x, [axis]);
  const kept = x.shape.map((_, d) => d).filter((d) => d !== axis);
  const position = (d: number) => (d === axis ? kept.length : kept.indexOf(d));
  return b.emit({
    body: "seleq",
    fold: last ? "max" : "min",
    dtype: "i64",
    out: kept.map((d) => x.shape[d] ?? 1),
    red: [x.shape[axis] ?? 1],
    loads: [
      { value: x, at: x.shape.map((_, d) => at(position(d))) },
      { value: squeeze(extreme, [axis]), at: kept.map((_, d) => at(d)) },
      { index: at(kept.length) },
    ],
  });
}

export const argMax = (b: Builder, x: Value, axis: number): Value => extremeIndex(b, "max", x, axis, false);

function arg(fold: "max" | "min"): Lowering {
  return (inputs, { b, attributes }) => {
    const x = inputs.at(0);
    const axis = normalAxis(attributes.int("axis") ?? 0, x.shape.length);
    const result = extremeIndex(b, fold, x, axis, attributes.int("select_last_index") === 1);
    return [attributes.int("keepdims") === 0 ? result : unsqueeze(result, [axis])];
  };
}

/** exp(x - max) / sum, or (x - max) - log(sum), over the given axes. */
export function softmaxOver(b: Builder, x: Value, axes: readonly number[], logarithmic: boolean): Value {
  const shifted = map(b, "sub", "f32", x, reduceMax(x, axes, b));
  const e = map(b, "exp", "f32", shifted);
  const total = sum(e, axes, b);
  return logarithmic ? map(b, "sub", "f32", shifted, log(b, total)) : map(b, "div", "f32", e, total);
}

/** Up to opset 12 the axes from `axis` on are one; from 13 on it is the axis itself. */
function softmax(logarithmic: boolean, flattened: boolean): Lowering {
  return (inputs: Inputs, { b, attributes }: Context) => {
    const x = inputs.at(0);
    const axis = normalAxis(attributes.int("axis") ?? (flattened ? 1 : -1), x.shape.length);
    const axes = flattened ? x.shape.map((_, d) => d).slice(axis) : [axis];
    return [inFloat32(b, x, (wide) => softmaxOver(b, wide, axes, logarithmic))];
  };
}

export const REDUCE: RuleTable = {
  ReduceSum: rules(sum, 13),
  ReduceMean: rules((x, axes, b) =>
    isFloat(x.dtype) ? cast(b, mean(cast(b, x, "f32"), axes, b), x.dtype) : mean(x, axes, b),
  ),
  ReduceMax: rules(reduceMax),
  ReduceMin: rules(min),
  ReduceProd: rules(prod),
  ReduceSumSquare: rules(sumSquare),
  ReduceL1: rules(l1),
  ReduceL2: rules(onFloats((x, axes, b) => map(b, "sqrt", x.dtype, sumSquare(x, axes, b)))),
  ReduceLogSum: rules(onFloats((x, axes, b) => log(b, sum(x, axes, b)))),
  ReduceLogSumExp: rules(onFloats(logSumExp)),
  ArgMax: rule(1, ["axis", "keepdims", "select_last_index"], arg("max")),
  ArgMin: rule(1, ["axis", "keepdims", "select_last_index"], arg("min")),
  Softmax: [rule(1, ["axis"], softmax(false, true), 12), rule(13, ["axis"], softmax(false, false))],
  LogSoftmax: [rule(1, ["axis"], softmax(true, true), 12), rule(13, ["axis"], softmax(true, false))],
};
