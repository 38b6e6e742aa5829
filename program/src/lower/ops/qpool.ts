/**
 * Quantised pooling (ONNX Runtime contrib operators QLinearGlobalAveragePool, QLinearAveragePool,
 * NhwcMaxPool). Equal to onnxruntime's x86-64
 * results bit for bit.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { map } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { maxPoolOf, pool, POOL_ATTRIBUTES, spatial, windowCounts } from "./pool.ts";
import { requantise } from "./qlinear.ts";
import { scalarOf } from "./quantize.ts";
import { readWindow } from "./window.ts";
import { centre } from "./zero.ts";

function parameters(inputs: Inputs, { b }: Context) {
  const x = inputs.at(0);
  const zero = (k: number) => {
    const value = inputs.optional(k);
    return value === undefined ? b.scalar(x.dtype, 0) : scalarOf(value);
  };
  return { x, xs: scalarOf(inputs.at(1)), xz: zero(2), ys: scalarOf(inputs.at(3)), yz: zero(4) };
}

/** Calls `apply` with the channels at axis 1, and puts them back where they were. */
function channelsFirst(x: Value, channelsLast: boolean, apply: (x: Value) => Value): Value {
  if (!channelsLast) return apply(x);
  const perm = [0, x.shape.length - 1, ...spatial(x).map((_, d) => d + 1)];
  return view.transpose(apply(view.transpose(x, perm)), view.inverse(perm));
}

/** The integer sum of (x - xz), requantised with s = r(xs / r(ys·n)). */
function globalAverage(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const { x, xs, xz, ys, yz } = parameters(inputs, context);
  const result = channelsFirst(x, attributes.int("channels_last") === 1, (value) => {
    const input = spatial(value);
    const ones = input.map(() => 1);
    const window = {
      input,
      kernel: input,
      strides: ones,
      dilations: ones,
      begin: input.map(() => 0),
      end: ones,
      out: ones,
    };
    const sum = pool(b, { body: "copy", fold: "sum", dtype: "i32" }, centre(b, value, xz), window);
    const scaled = map(b, "mul", "f32", ys, b.scalar("f32", product(input)));
    return requantise(b, sum, map(b, "div", "f32", xs, scaled), yz);
  });
  return [result];
}

/** v = (float32 sum, in order, of r(xs·(x - xz))) / count: sat(rint(r(r(v / ys) + z))). */
function average(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const { x, xs, xz, ys, yz } = parameters(inputs, context);
  const result = channelsFirst(x, attributes.int("channels_last") === 1, (value) => {
    const window = readWindow(attributes, spatial(value));
    const sum = pool(b, { body: "mul", fold: "osum", dtype: "f32" }, centre(b, value, xz), window, xs);
    const counts = windowCounts(b, window, attributes.int("count_include_pad") === 1);
    const mean = map(b, "div", "f32", sum, counts);
    return map(b, "sat", yz.dtype, map(b, "add", "f32", map(b, "div", "f32", mean, ys), yz));
  });
  return [result];
}

/** MaxPool of 8-bit integers, channels last. */
function nhwcMaxPool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  if (x.dtype !== "u8" && x.dtype !== "i8")
    throw new ModelError("UNSUPPORTED_DTYPE", `NhwcMaxPool of ${x.dtype}`);
  return [channelsFirst(x, true, (value) => maxPoolOf(b, value, readWindow(attributes, spatial(value))))];
}

export const QPOOL: RuleTable = {
  "com.microsoft:QLinearGlobalAveragePool": rule(1, ["channels_last"], globalAverage),
  "com.microsoft:NhwcMaxPool": rule(1, POOL_ATTRIBUTES, nhwcMaxPool),
  "com.microsoft:QLinearAveragePool": rule(
    1,
    [...POOL_ATTRIBUTES, "channels_last", "count_include_pad"],
    average,
  ),
};
