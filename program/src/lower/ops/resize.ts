/**
 * Resizing (ONNX Operators: Resize, Upsample). Every axis has a table of source positions and, unless the mode is nearest, of
 * their weights; both are constants.
 */
import { isFloat } from "../../dtype.ts";
import { float32At } from "../../onnx/host.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, normalAxes, slice } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { ValueLoad } from "../spec.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import {
  cubicTaps,
  filterTaps,
  isOutside,
  linearTaps,
  nearestPositions,
  resamplingOf,
  type AxisSize,
  type Resampling,
  type Taps,
} from "./resample.ts";

interface Settings {
  readonly mode: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
}

/** The elements of a known tensor of floats, as float32 values. */
function floats(b: Builder, value: Value, what: string): number[] {
  if (!isFloat(value.dtype)) throw new ModelError("MALFORMED", `${what} is ${value.dtype}, not floats`);
  const known = b.needKnown(cast(b, value, "f32"), what);
  return Array.from({ length: known.data.length / 4 }, (_, i) => float32At(known, i));
}

/** x at tabulated positions along some axes, weighted by what `taps` says and added up in order. */
function weighted(
  b: Builder,
  x: Value,
  axes: readonly { readonly axis: number; readonly taps: Taps }[],
): Value {
  const order = view.storageOrder(x);
  const position = view.inverse(order);
  const rank = x.shape.length;
  const shape = axes.reduce((sizes, { axis, taps }) => sizes.with(axis, taps.weights.length), [...x.shape]);
  /** The table of axis k, which is its dimensions 2k and 2k + 1. */
  const table = (dtype: "i32" | "f32", k: number, rows: readonly (readonly number[])[]) => {
    const width = rows[0]?.length ?? 1;
    const sizes = axes.flatMap((_, other) => (other === k ? [rows.length, width] : [1, 1]));
    return b.list(dtype, rows.flat(), sizes);
  };
  const weights = axes
    .map(({ taps }, k) => table("f32", k, taps.weights))
    .reduce((product, factor) => map(b, "mul", "f32", product, factor));
  const load: ValueLoad = {
    value: x,
    at: x.shape.map((_, d) => {
      const k = axes.findIndex(({ axis }) => axis === d);
      const taps = axes[k]?.taps;
      const out = at(position[d] ?? d);
      if (taps === undefined) return out;
      const width = taps.positions[0]?.length ?? 1;
      return {
        gather: b.list("i32", taps.positions.flat(), [taps.positions.length, width]),
        at: [out, at(rank + k)],
      };
    }),
  };
  const folded = b.emit({
    body: "mul",
    fold: "osum",
    dtype: "f32",
    out: order.map((d) => shape[d] ?? 1),
    red: axes.map(({ taps }) => taps.weights[0]?.length ?? 1),
    loads: [
      { value: weights, at: axes.flatMap(({ axis }, k) => [at(position[axis] ?? axis), at(rank + k)]) },
      load,
    ],
  });
  return view.transpose(folded, position);
}

/** x at tabulated positions of one axis: a view if each element repeats alike or the positions are evenly spaced. */
function picked(b: Builder, x: Value, axis: number, positions: readonly number[]): Value {
  const size = x.shape[axis] ?? 1;
  const count = positions.length;
  const repeats = count / size;
  if (positions.every((p, o) => p === Math.floor(o / repeats)) && Number.isInteger(repeats)) {
    const dims = x.dims.with(axis, [
      ...(x.dims[axis] ?? []),
      ...(repeats > 1 ? [{ size: repeats, stride: 0 }] : []),
    ]);
    return { ...x, shape: x.shape.with(axis, count), dims };
  }
  const [first = 0, second = first + 1] = positions;
  const step = second - first;
  if (step > 0 && positions.every((p, o) => p === first + o * step))
    return slice(b, x, axis, first, count, step);
  const order = view.storageOrder(x);
  const place = view.inverse(order);
  const shape = x.shape.with(axis, count);
  const coordinates = x.shape.map((_, d) => at(place[d] ?? d));
  const gathered = b.emit({
    body: "copy",
    dtype: x.dtype,
    out: order.map((d) => shape[d] ?? 1),
    loads: [
      {
        value: x,
        at: coordinates.map((a, d) => (d === axis ? { gather: b.list("i32", positions), at: [a] } : a)),
      },
    ],
  });
  return view.transpose(gathered, place);
}

/**
 * The axes that are interpolated. Of integers, whose result onnxruntime truncates, only two at the end, both even if one
 * stays as it is: rounding must be the same step by step.
 * @throws {ModelError} UNSUPPORTED_DTYPE for other interpolations of integers.
 */
function interpolatedAxes(x: Value, resamplings: readonly Resampling[], settings: Settings): Resampling[] {
  const changed = resamplings.filter((r) => !r.isIdentity);
  if (isFloat(x.dtype)) return changed;
  const rank = x.shape.length;
  const last = resamplings.filter(({ axis }) => axis >= rank - 2);
  if (settings.mode === "cubic" || settings.antialias || changed.some((r) => !last.includes(r)))
    throw new ModelError("UNSUPPORTED_DTYPE", `interpolation of ${x.dtype} other than bilinear`);
  return last;
}

/** Interpolation in f32; integers are truncated in the end. */
function interpolated(b: Builder, x: Value, resamplings: readonly Resampling[], settings: Settings): Value {
  const { mode, antialias, cubicA, excludeOutside } = settings;
  const taps = (r: Resampling): Taps => {
    if (antialias) return filterTaps(r, mode === "cubic" ? cubicA : undefined, excludeOutside);
    return mode === "cubic" ? cubicTaps(r, cubicA, excludeOutside) : linearTaps(r);
  };
  const axes = resamplings.map((r) => ({ axis: r.axis, taps: taps(r) }));
  const wide = isFloat(x.dtype) ? cast(b, x, "f32") : x;
  // Linear: all axes at once. Else one after the other, the last first, each rounded to f32.
  const result =
    mode === "linear" && !antialias
      ? weighted(b, wide, axes)
      : axes.reduceRight((value, axis) => weighted(b, value, [axis]), wide);
  return cast(b, result, x.dtype);
}

function resample(b: Builder, x: Value, resamplings: readonly Resampling[], settings: Settings): Value {
  const changed = resamplings.filter((r) => !r.isIdentity);
  if (changed.length === 0 || view.isEmpty(x)) {
    const shape = resamplings.reduce((sizes, r) => sizes.with(r.axis, r.output), [...x.shape]);
    return view.isEmpty(x) ? { ...x, shape, dims: shape.map((size) => [{ size, stride: 0 }]) } : x;
  }
  const result =
    settings.mode === "nearest"
      ? changed.reduce((value, r) => picked(b, value, r.axis, nearestPositions(r, settings.nearest)), x)
      : interpolated(b, x, interpolatedAxes(x, resamplings, settings), settings);
  // Only cropping leads outside.
  return changed.reduce((value, r) => {
    const outside = r.coordinates.map((c) => (isOutside(r, c) ? 1 : 0));
    if (!outside.includes(1)) return value;
    const shape = x.shape.map((_, d) => (d === r.axis ? r.output : 1));
    const fill = cast(b, b.scalar("f32", settings.extrapolation), x.dtype);
    return map(b, "where", x.dtype, b.list("bool", outside, shape), fill, value);
  }, result);
}

/** The size of every axis that is resized. */
function axisSizes(
  x: Value,
  axes: readonly number[],
  scales: readonly number[] | undefined,
  sizes: readonly number[] | undefined,
  policy: string,
  roi: readonly number[],
): AxisSize[] {
  const given = scales ?? sizes ?? [];
  if (given.length !== axes.length)
    throw new ModelError("MALFORMED", `${given.length} scales or sizes for ${axes.length} axes`);
  if (given.some((value) => !(value > 0) || value === Infinity))
    throw new ModelError("MALFORMED", `scales or sizes [${given.join(", ")}]`);
  if (!["stretch", "not_larger", "not_smaller"].includes(policy))
    throw new ModelError("MALFORMED", `keep_aspect_ratio_policy "${policy}"`);
  const input = (k: number) => x.shape[axes[k] ?? 0] ?? 1;
  const ratios = given.map((value, k) =>
    scales === undefined ? Math.fround(value / Math.max(1, input(k))) : value,
  );
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const keep = scales === undefined && policy !== "stretch";
  const output = (k: number): number => {
    if (scales !== undefined) return Math.floor(Math.fround((ratios[k] ?? 1) * input(k)));
    return keep ? Math.floor(Math.fround(common * input(k)) + 0.5) : (given[k] ?? 1);
  };
  return axes.map((axis, k) => ({
    axis,
    input: input(k),
    output: output(k),
    scale: keep ? common : (ratios[k] ?? 1),
    roi: [roi[k] ?? 0, roi[axes.length + k] ?? 1] as const,
  }));
}

function resizeTo(
  b: Builder,
  x: Value,
  sizes: readonly AxisSize[],
  transformation: string,
  settings: Settings,
): Value {
  if (!["nearest", "linear", "cubic"].includes(settings.mode))
    throw new ModelError("MALFORMED", `mode "${settings.mode}"`);
  checkShape(
    sizes.reduce((shape, { axis, output }) => shape.with(axis, output), [...x.shape]),
    "the result",
  );
  if (sizes.some(({ input, output }) => (input === 0) !== (output === 0)))
    throw new ModelError("UNSUPPORTED_USE", "an empty axis, or one that becomes empty");
  return resample(
    b,
    x,
    sizes.map((size) => resamplingOf(transformation, size)),
    settings,
  );
}

function resize(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const listed = attributes.ints("axes");
  const axes = listed === undefined ? x.shape.map((_, d) => d) : normalAxes(listed, x.shape.length);
  const given = (index: number) => {
    const value = inputs.optional(index);
    // Older exporters state an absent input as an empty one.
    return value === undefined || view.isEmpty(value) ? undefined : value;
  };
  const [roiInput, scales, sizes] = [given(1), given(2), given(3)];
  if ((scales === undefined) === (sizes === undefined))
    throw new ModelError("MALFORMED", "scales and sizes: one of them is needed");
  const transformation = attributes.string("coordinate_transformation_mode") ?? "half_pixel";
  const cropping = transformation === "tf_crop_and_resize";
  if (cropping && roiInput === undefined) throw new ModelError("MALFORMED", "no roi");
  const roi = cropping && roiInput !== undefined ? floats(b, roiInput, "roi") : [];
  if (cropping && roi.length !== 2 * axes.length)
    throw new ModelError("MALFORMED", `roi has ${roi.length} entries, not ${2 * axes.length}`);
  const plan = axisSizes(
    x,
    axes,
    scales && floats(b, scales, "scales"),
    sizes && b.integers(sizes, "sizes"),
    attributes.string("keep_aspect_ratio_policy") ?? "stretch",
    roi,
  );
  const settings = {
    mode: attributes.string("mode") ?? "nearest",
    nearest: attributes.string("nearest_mode") ?? "round_prefer_floor",
    cubicA: attributes.float("cubic_coeff_a") ?? -0.75,
    excludeOutside: attributes.int("exclude_outside") === 1,
    antialias: attributes.int("antialias") === 1,
    extrapolation: attributes.float("extrapolation_value") ?? 0,
  };
  if (settings.antialias && settings.mode === "nearest")
    throw new ModelError("MALFORMED", "antialias of mode nearest");
  return [resizeTo(b, x, plan, transformation, settings)];
}

/** Before opset 11: coordinates are divided by the scale. */
function upsample(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const scales = opset < 9 ? attributes.floats("scales") : floats(b, inputs.at(1), "scales");
  if (scales === undefined) throw new ModelError("MALFORMED", "no scales");
  const axes = x.shape.map((_, d) => d);
  const settings = {
    mode: attributes.string("mode") ?? "nearest",
    nearest: "simple",
    cubicA: 0,
    excludeOutside: false,
    antialias: false,
    extrapolation: 0,
  };
  if (settings.mode === "cubic") throw new ModelError("MALFORMED", 'mode "cubic"');
  return [resizeTo(b, x, axisSizes(x, axes, scales, undefined, "stretch", []), "asymmetric", settings)];
}

const BY_MODE = [
  "coordinate_transformation_mode",
  "cubic_coeff_a",
  "exclude_outside",
  "extrapolation_value",
  "mode",
  "nearest_mode",
] as const;

export const RESIZE: RuleTable = {
  Resize: [
    rule(10, ["mode"], upsample, 10),
    rule(11, BY_MODE, resize, 17),
    rule(18, [...BY_MODE, "antialias", "axes", "keep_aspect_ratio_policy"], resize),
  ],
  Upsample: [rule(7, ["mode", "scales"], upsample, 8), rule(9, ["mode"], upsample, 9)],
};
