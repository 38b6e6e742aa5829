/**
 * Sampling at the points of a grid (ONNX Operators: GridSample, AffineGrid). Coordinates are computed in f32, step by step as
 * onnxruntime does; an interpolated element is the exact sum of weights times elements, rounded once.
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, reshape, slice, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { needFloat } from "./arithmetic.ts";
import { gatherAt, jointWeights, tapsAround } from "./taps.ts";

const MAX_GRID = 2 ** 22;

/** From -1..1 to 0..size-1 (corners aligned) or -1/2..size-1/2. */
function denormalised(b: Builder, grid: Value, size: number, align: boolean): Value {
  const shifted = map(b, "add", "f32", grid, b.scalar("f32", 1));
  const scaled = map(b, "mul", "f32", shifted, b.scalar("f32", (align ? size - 1 : size) / 2));
  return align ? scaled : map(b, "sub", "f32", scaled, b.scalar("f32", 0.5));
}

/** min(max(x, 0), size - 1) in the dtype of x. */
function clamped(b: Builder, x: Value, size: number): Value {
  const raised = map(b, "max", x.dtype, x, b.scalar(x.dtype, 0));
  return map(b, "min", x.dtype, raised, b.scalar(x.dtype, size - 1));
}

/** x reflected at `low` and `low + range` until it lies between: low + min(m, 2·range - m) with m = |x - low| mod 2·range. */
function reflected(b: Builder, x: Value, low: number, range: number): Value {
  const number = (value: number) => b.scalar("f32", value);
  const size = map(b, "abs", "f32", map(b, "sub", "f32", x, number(low)));
  const m = map(b, "rem", "f32", size, number(2 * range));
  const folded = map(b, "min", "f32", m, map(b, "sub", "f32", number(2 * range), m));
  return map(b, "add", "f32", folded, number(low));
}

interface Sampling {
  readonly mode: string;
  readonly padding: string;
  readonly align: boolean;
}

/** Moves coordinates into the input. With zeros around it, they stay. A single element is its own reflection. */
function padded(b: Builder, x: Value, size: number, { padding, align }: Sampling): Value {
  if (padding === "zeros") return x;
  if (padding === "border" || size === 1) return clamped(b, x, size);
  return align ? reflected(b, x, 0, size - 1) : reflected(b, x, -0.5, size);
}

/** Like padded, for positions. Elements that are not finite may lead anywhere. */
function paddedPositions(b: Builder, positions: Value, size: number, sampling: Sampling): Value {
  if (sampling.padding === "zeros") return positions;
  if (sampling.padding === "border" || size === 1) return clamped(b, positions, size);
  const number = (value: number) => b.scalar("i32", value);
  // Reflected at 0 and size - 1, or at -1/2 and size - 1/2.
  const period = sampling.align ? 2 * size - 2 : 2 * size;
  const m = map(b, "mod", "i32", positions, number(period));
  const other = map(b, "sub", "i32", number(sampling.align ? period : period - 1), m);
  return map(b, "min", "i32", m, other);
}

function gridSample(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const [x, grid] = [inputs.at(0), inputs.at(1)];
  needFloat(grid);
  const names = opset < 20 ? ["bilinear", "nearest", "bicubic"] : ["linear", "nearest", "cubic"];
  const mode = ["linear", "nearest", "cubic"][names.indexOf(attributes.string("mode") ?? names[0] ?? "")];
  const padding = attributes.string("padding_mode") ?? "zeros";
  if (mode === undefined) throw new ModelError("MALFORMED", "unknown mode");
  if (!["zeros", "border", "reflection"].includes(padding))
    throw new ModelError("MALFORMED", `padding_mode "${padding}"`);
  const sampling = { mode, padding, align: attributes.int("align_corners") === 1 };
  const sizes = x.shape.slice(2);
  const rank = sizes.length;
  const out = grid.shape.slice(1, -1);
  if (rank < 1 || out.length !== rank || grid.shape.at(-1) !== rank || grid.shape[0] !== x.shape[0])
    throw new ModelError("MALFORMED", `grid [${grid.shape.join(", ")}] for X [${x.shape.join(", ")}]`);
  if (sizes.includes(0)) throw new ModelError("MALFORMED", "X is empty");
  if (mode !== "nearest" && !isFloat(x.dtype))
    throw new ModelError("UNSUPPORTED_DTYPE", `interpolation of ${x.dtype}`);
  const wide = cast(b, grid, "f32");
  // The grid lists the last axis first.
  const coordinates = sizes.map((size, d) => {
    const along = squeeze(slice(b, wide, rank + 1, rank - 1 - d, 1), [rank + 1]);
    const coordinate = denormalised(b, along, size, sampling.align);
    // Cubic weights are those of the coordinate as it is; only the positions are moved.
    if (mode === "cubic") return coordinate;
    return padded(b, mode === "nearest" ? map(b, "rint", "f32", coordinate) : coordinate, size, sampling);
  });
  const shape = [x.shape[0] ?? 1, x.shape[1] ?? 1, ...out];
  // Iteration: batch, channel, grid; positions around each coordinate.
  const point = [0, ...out.map((_, d) => 2 + d)];
  const load = (positions: readonly Value[], taps: (d: number) => readonly number[]) => ({
    value: x,
    at: [at(0), at(1), ...positions.map((value, d) => gatherAt(value, [...point, ...taps(d)]))],
  });
  if (mode === "nearest") {
    const positions = coordinates.map((coordinate) => cast(b, coordinate, "i32"));
    const loads = [load(positions, () => [])];
    return [b.emit({ body: "copy", dtype: x.dtype, out: shape, loads })];
  }
  const around = coordinates.map((coordinate) => tapsAround(b, coordinate, mode === "cubic"));
  const positions = around.map((taps, d) => paddedPositions(b, taps.positions, sizes[d] ?? 1, sampling));
  const tap = (d: number) => rank + 2 + d;
  const weights = jointWeights(
    b,
    around.map((taps) => taps.weights),
  );
  const sum = b.emit({
    body: "mul",
    fold: "sum",
    dtype: x.dtype,
    out: shape,
    red: positions.map((value) => value.shape.at(-1) ?? 1),
    loads: [
      { value: weights, at: [...point, ...positions.map((_, d) => tap(d))].map((dim) => at(dim)) },
      load(positions, (d) => [tap(d)]),
    ],
  });
  return [sum];
}

/** grid = theta · (x, y[, z], 1), an exact sum of products, with evenly spaced x, y, z in -1..1. */
function affineGrid(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const theta = inputs.at(0);
  needFloat(theta);
  const size = checkShape(b.integers(inputs.at(1), "size"), "the grid");
  const [n = 1, , ...spatial] = size;
  const rank = spatial.length;
  if ((rank !== 2 && rank !== 3) || theta.shape.join() !== [n, rank, rank + 1].join() || spatial.includes(0))
    throw new ModelError("MALFORMED", `theta [${theta.shape.join(", ")}] for size [${size.join(", ")}]`);
  if (product(spatial) * (rank + 1) > MAX_GRID)
    throw new ModelError("TOO_LARGE", `a grid of [${spatial.join(", ")}]`);
  const align = attributes.int("align_corners") === 1;
  const place = (i: number, count: number) => {
    if (!align) return (2 * i + 1) / count - 1;
    return count === 1 ? -1 : (2 * i) / (count - 1) - 1;
  };
  // The homogeneous coordinates of every point, the last axis first.
  let points: number[][] = [[1]];
  for (const count of spatial)
    points = points.flatMap((point) => Array.from({ length: count }, (_, i) => [place(i, count), ...point]));
  const base = b.list("f32", points.flat(), [points.length, rank + 1]);
  const grid = b.emit({
    body: "mul",
    fold: "sum",
    dtype: theta.dtype,
    out: [n, points.length, rank],
    red: [rank + 1],
    loads: [
      { value: theta, at: [at(0), at(2), at(3)] },
      { value: base, at: [at(1), at(3)] },
    ],
  });
  return [reshape(b, grid, [n, ...spatial, rank])];
}

export const GRIDSAMPLE: RuleTable = {
  GridSample: rule(16, ["align_corners", "mode", "padding_mode"], gridSample),
  AffineGrid: rule(20, ["align_corners"], affineGrid),
};
