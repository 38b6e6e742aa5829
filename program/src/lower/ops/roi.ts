/**
 * Pooling of regions of interest (ONNX Operators: RoiAlign, MaxRoiPool). Coordinates are computed in f32, step by step as
 * onnxruntime does.
 */
import { isFloat } from "../../dtype.ts";
import { float32At } from "../../onnx/host.ts";
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, inFloat32, map, reshape, slice, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { isEmpty, type Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { gatherAt, tapsAround, type ComputedTaps } from "./taps.ts";

const MAX_SAMPLES = 2 ** 16;
const MAX_SIZE = 2 ** 16;

/** 0, 1, ..., count - 1 (plus `offset`) along axis `axis` of `rank`. */
function steps(b: Builder, count: number, rank: number, axis: number, offset = 0): Value {
  const values = Array.from({ length: count }, (_, i) => i + offset);
  const shape = Array.from({ length: rank }, (_, d) => (d === axis ? count : 1));
  return b.list("f32", values, shape);
}

const f32 = (b: Builder, value: number) => b.scalar("f32", value);

function needRegions(x: Value, rois: Value, columns: number): void {
  if (!isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `regions of ${x.dtype}`);
  sameDtype(x, rois);
  if (x.shape.length !== 4 || rois.shape.length !== 2 || rois.shape[1] !== columns)
    throw new ModelError("MALFORMED", `X [${x.shape.join(", ")}], rois [${rois.shape.join(", ")}]`);
  if (isEmpty(x) || isEmpty(rois)) throw new ModelError("UNSUPPORTED_USE", "nothing to pool");
}

function needSize(size: number): number {
  if (size < 1 || size > MAX_SAMPLES)
    throw new ModelError("MALFORMED", `an output of ${size} elements per axis`);
  return size;
}

/** One value per region, with further dimensions; a scalar stays one. */
function spread(value: Value, axes: readonly number[]): Value {
  return value.shape.length === 0 ? value : unsqueeze(value, axes);
}

interface SampledAxis extends ComputedTaps {
  /** How many samples a bin has along the axis, of shape [regions]. */
  readonly counts: Value;
}

/**
 * Where the samples of an axis lie: [regions, bins, samples, 2]. Those further than 1 outside of the input weigh nothing; where a
 * region has fewer samples than another, the rest has no position.
 * @param start, end Of shape [regions].
 * @param ratio Samples per bin; 0 takes as many as a bin has elements, which must be known then.
 */
function samples(
  b: Builder,
  start: Value,
  end: Value,
  size: number,
  bins: number,
  ratio: number,
  aligned: boolean,
): SampledAxis {
  const length = map(b, "sub", "f32", end, start);
  const positive = aligned ? length : map(b, "max", "f32", length, f32(b, 1));
  const bin = map(b, "div", "f32", positive, f32(b, bins));
  let counts = f32(b, ratio);
  let most = ratio;
  if (ratio === 0) {
    counts = map(b, "ceil", "f32", bin);
    const known = b.needKnown(counts, "the number of samples (sampling_ratio 0)");
    most = 1;
    for (let i = 0; i < known.data.length / 4; i++) most = Math.max(most, float32At(known, i));
  }
  if (!(most <= MAX_SAMPLES)) throw new ModelError("TOO_LARGE", `${most} samples per bin`);
  const [wideBin, wideCounts] = [spread(bin, [1, 2]), spread(counts, [1, 2])];
  const corner = map(
    b,
    "add",
    "f32",
    spread(start, [1, 2]),
    map(b, "mul", "f32", wideBin, steps(b, bins, 3, 1)),
  );
  const inBin = map(b, "div", "f32", map(b, "mul", "f32", steps(b, most, 3, 2, 0.5), wideBin), wideCounts);
  const coordinate = map(b, "add", "f32", corner, inBin);
  const inside = map(
    b,
    "and",
    "bool",
    map(b, "le", "bool", f32(b, -1), coordinate),
    map(b, "le", "bool", coordinate, f32(b, size)),
  );
  const clamped = map(b, "min", "f32", map(b, "max", "f32", coordinate, f32(b, 0)), f32(b, size - 1));
  const taps = tapsAround(b, clamped);
  const weights = map(b, "where", "f32", unsqueeze(inside, [3]), taps.weights, f32(b, 0));
  const within = map(b, "min", "i32", taps.positions, b.scalar("i32", size - 1));
  const counted = map(b, "lt", "bool", steps(b, most, 4, 2), spread(counts, [1, 2, 3]));
  return { positions: map(b, "where", "i32", counted, within, b.scalar("i32", -1)), weights, counts };
}

/** Per bin the mean, or the maximum, of weighted elements. */
function roiAlign(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const [input, rois, batches] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  needRegions(input, rois, 4);
  const [regions = 1] = rois.shape;
  if (batches.dtype !== "i64" || batches.shape.join() !== `${regions}`)
    throw new ModelError("MALFORMED", "batch_indices are not one i64 per region");
  const mode = attributes.string("mode") ?? "avg";
  if (mode !== "avg" && mode !== "max") throw new ModelError("MALFORMED", `mode "${mode}"`);
  const transformation =
    attributes.string("coordinate_transformation_mode") ?? (opset < 16 ? "output_half_pixel" : "half_pixel");
  if (transformation !== "half_pixel" && transformation !== "output_half_pixel")
    throw new ModelError("MALFORMED", `coordinate_transformation_mode "${transformation}"`);
  const aligned = transformation === "half_pixel";
  const ratio = attributes.int("sampling_ratio") ?? 0;
  if (ratio < 0) throw new ModelError("MALFORMED", `sampling_ratio ${ratio}`);
  const bins = [
    needSize(attributes.int("output_height") ?? 1),
    needSize(attributes.int("output_width") ?? 1),
  ];
  const scaled = map(b, "mul", "f32", cast(b, rois, "f32"), f32(b, attributes.float("spatial_scale") ?? 1));
  const moved = map(b, "sub", "f32", scaled, f32(b, aligned ? 0.5 : 0));
  const column = (k: number) => reshape(b, slice(b, moved, 1, k, 1), [regions]);
  const axis = (d: number) =>
    samples(b, column(1 - d), column(3 - d), input.shape[2 + d] ?? 1, bins[d] ?? 1, ratio, aligned);
  const [rows, columns] = [axis(0), axis(1)];
  // [regions, bins, samples, taps] of both axes -> [regions, bins, bins, samples, taps, samples, taps].
  const weights = map(
    b,
    "mul",
    "f32",
    unsqueeze(rows.weights, [2, 5, 6]),
    unsqueeze(columns.weights, [1, 3, 4]),
  );
  const result = inFloat32(b, input, (x) => {
    // Iteration: region, channel, bins; samples and taps of rows, of columns.
    const pooled = b.emit({
      body: "mul",
      fold: mode === "avg" ? "sum" : "max",
      dtype: "f32",
      out: [regions, x.shape[1] ?? 1, ...bins],
      red: [...rows.positions.shape.slice(2), ...columns.positions.shape.slice(2)],
      loads: [
        { value: weights, at: [0, 2, 3, 4, 5, 6, 7].map((dim) => at(dim)) },
        {
          value: x,
          at: [
            gatherAt(batches, [0]),
            at(1),
            gatherAt(rows.positions, [0, 2, 4, 5]),
            gatherAt(columns.positions, [0, 3, 6, 7]),
          ],
        },
      ],
    });
    if (mode === "max") {
      // A region that is turned inside out has no samples.
      const least = map(b, "min", "f32", rows.counts, columns.counts);
      const empty = map(b, "le", "bool", spread(least, [1, 2, 3]), f32(b, 0));
      return ratio > 0 ? pooled : map(b, "where", "f32", empty, f32(b, 0), pooled);
    }
    const count = map(b, "max", "f32", map(b, "mul", "f32", rows.counts, columns.counts), f32(b, 1));
    return map(b, "div", "f32", pooled, spread(count, [1, 2, 3]));
  });
  return [result];
}

/** Half away from zero. The largest float32 below 1/2 does not carry a smaller fraction over. */
function round(b: Builder, x: Value): Value {
  const size = map(b, "add", "f32", map(b, "abs", "f32", x), f32(b, 0.49999997));
  return map(b, "mul", "f32", map(b, "sign", "f32", x), map(b, "floor", "f32", size));
}

interface PooledAxis {
  /** [regions, bins, elements]: positions, or -1 past the end of the bin. */
  readonly positions: Value;
  /** [regions, bins]. */
  readonly empty: Value;
}

function bins(b: Builder, start: Value, end: Value, size: number, count: number): PooledAxis {
  if (size > MAX_SIZE) throw new ModelError("TOO_LARGE", `an axis of ${size} elements`);
  const [first, last] = [round(b, start), round(b, end)];
  const extent = map(b, "add", "f32", map(b, "sub", "f32", last, first), f32(b, 1));
  const bin = unsqueeze(map(b, "div", "f32", map(b, "max", "f32", extent, f32(b, 1)), f32(b, count)), [1]);
  const edge = (body: "floor" | "ceil", offset: number) => {
    const relative = map(b, body, "f32", map(b, "mul", "f32", bin, steps(b, count, 2, 1, offset)));
    const absolute = map(b, "add", "f32", relative, unsqueeze(first, [1]));
    return map(b, "min", "f32", map(b, "max", "f32", absolute, f32(b, 0)), f32(b, size));
  };
  const [from, to] = [edge("floor", 0), edge("ceil", 1)];
  const position = map(b, "add", "f32", unsqueeze(from, [2]), steps(b, size, 3, 2));
  const within = map(b, "lt", "bool", position, unsqueeze(to, [2]));
  return {
    positions: cast(b, map(b, "where", "f32", within, position, f32(b, -1)), "i32"),
    empty: map(b, "le", "bool", to, from),
  };
}

/** Per bin the maximum of the elements in it, 0 if there is none. */
function maxRoiPool(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, rois] = [inputs.at(0), inputs.at(1)];
  needRegions(x, rois, 5);
  const shape = attributes.ints("pooled_shape");
  if (shape?.length !== 2) throw new ModelError("MALFORMED", "pooled_shape does not have 2 entries");
  const [regions = 1] = rois.shape;
  const wide = cast(b, rois, "f32");
  const scaled = map(b, "mul", "f32", wide, f32(b, attributes.float("spatial_scale") ?? 1));
  const column = (value: Value, k: number) => reshape(b, slice(b, value, 1, k, 1), [regions]);
  const axis = (d: number) =>
    bins(b, column(scaled, 2 - d), column(scaled, 4 - d), x.shape[2 + d] ?? 1, needSize(shape[d] ?? 1));
  const [rows, columns] = [axis(0), axis(1)];
  // Iteration: region, channel, bins; elements of a bin.
  const maxima = b.emit({
    body: "copy",
    fold: "max",
    dtype: x.dtype,
    out: [regions, x.shape[1] ?? 1, ...shape],
    red: x.shape.slice(2),
    loads: [
      {
        value: x,
        at: [
          gatherAt(cast(b, column(wide, 0), "i32"), [0]),
          at(1),
          gatherAt(rows.positions, [0, 2, 4]),
          gatherAt(columns.positions, [0, 3, 5]),
        ],
      },
    ],
  });
  const empty = map(b, "or", "bool", unsqueeze(rows.empty, [1, 3]), unsqueeze(columns.empty, [1, 2]));
  return [map(b, "where", x.dtype, empty, b.scalar(x.dtype, 0), maxima)];
}

const ALIGN = ["mode", "output_height", "output_width", "sampling_ratio", "spatial_scale"] as const;

export const ROI: RuleTable = {
  RoiAlign: [rule(10, ALIGN, roiAlign, 15), rule(16, [...ALIGN, "coordinate_transformation_mode"], roiAlign)],
  MaxRoiPool: rule(1, ["pooled_shape", "spatial_scale"], maxRoiPool),
};
