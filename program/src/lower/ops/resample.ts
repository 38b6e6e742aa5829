/**
 * Where the elements of a resized axis come from (ONNX Operators: Resize, Upsample). Coordinates are computed in float32, step
 * by step as onnxruntime does, since a nearest element hangs on their last bit; weights in float64 from these coordinates.
 */
import { ModelError } from "../../onnx/error.ts";

/** One axis of a resizing. */
export interface Resampling {
  readonly axis: number;
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** Coordinates in the input, one per element of the output. */
  readonly coordinates: readonly number[];
  readonly isIdentity: boolean;
  /** Whether coordinates outside of the input have the extrapolation value. */
  readonly isCropping: boolean;
}

/** Positions in the input, and their weights, for each element of the output; all rows have one length. */
export interface Taps {
  readonly positions: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

const MAX_AXIS = 2 ** 19;
const MAX_TAPS = 2 ** 21;

const r = Math.fround;

/** What scales and sizes say of one axis: `scale` is a float32. */
export interface AxisSize {
  readonly axis: number;
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** The part of the input that is cropped, as fractions of its length. */
  readonly roi: readonly [start: number, end: number];
}

function coordinateOf(mode: string, size: AxisSize): (x: number) => number {
  const { input, output, scale, roi } = size;
  /** The length before it is made an integer. */
  const exact = r(scale * input);
  const centred = (x: number) => r(r(r(x + 0.5) / scale) - 0.5);
  switch (mode) {
    case "half_pixel":
      return centred;
    case "half_pixel_symmetric": {
      const adjustment = r(output / exact);
      const offset = r(r(input / 2) * r(1 - adjustment));
      // Here onnxruntime computes in float64.
      return (x) => r(offset + (x + 0.5) / scale - 0.5);
    }
    case "pytorch_half_pixel":
      return output > 1 ? centred : () => 0;
    case "tf_half_pixel_for_nn":
      return (x) => r(r(x + 0.5) / scale);
    case "align_corners":
      return exact === 1 ? () => 0 : (x) => r(r(x * (input - 1)) / r(exact - 1));
    case "asymmetric":
      return (x) => r(x / scale);
    case "tf_crop_and_resize": {
      const [start, end] = roi;
      if (output === 1) return () => r(0.5 * r(start + end) * (input - 1));
      const first = r(start * (input - 1));
      return (x) => r(first + r(r(r(x * r(end - start)) * (input - 1)) / (output - 1)));
    }
    default:
      throw new ModelError("MALFORMED", `coordinate_transformation_mode "${mode}"`);
  }
}

export function resamplingOf(mode: string, size: AxisSize): Resampling {
  const { axis, input, output, scale, roi } = size;
  const isCropping = mode === "tf_crop_and_resize";
  const whole = !isCropping || (roi[0] === 0 && roi[1] === 1);
  const isIdentity = input === output && scale === 1 && whole;
  const coordinate = coordinateOf(mode, size);
  if (output > MAX_AXIS) throw new ModelError("TOO_LARGE", `an axis of ${output} elements`);
  const coordinates = Array.from({ length: output }, (_, x) => (isIdentity ? x : coordinate(x)));
  if (coordinates.some((c) => !Number.isFinite(c)))
    throw new ModelError("MALFORMED", `axis ${axis} has no finite coordinates`);
  return { axis, input, output, scale, coordinates, isIdentity, isCropping };
}

export function isOutside({ isCropping, input }: Resampling, coordinate: number): boolean {
  return isCropping && (coordinate < 0 || coordinate > input - 1);
}

function clamp(position: number, size: number): number {
  return Math.min(Math.max(position, 0), size - 1);
}

/** As onnxruntime does, coordinates this close to the middle of two elements count as ties. */
const TIE = 1e-6;

function rounded(c: number, tie: "floor" | "ceil"): number {
  const rest = c - Math.floor(c);
  const up = Math.abs(rest - 0.5) < TIE ? tie === "ceil" : rest > 0.5;
  return Math.floor(c) + (up ? 1 : 0);
}

/** @param mode "simple" is that of opset 10 and of Upsample. */
export function nearestPositions({ coordinates, input, scale }: Resampling, mode: string): number[] {
  const nearest = (c: number): number => {
    switch (mode) {
      case "simple":
        return scale < 1 ? Math.ceil(c) : Math.floor(c);
      case "round_prefer_floor":
        return rounded(c, "floor");
      case "round_prefer_ceil":
        return rounded(c, "ceil");
      case "floor":
        return Math.floor(c);
      case "ceil":
        return Math.ceil(c);
      default:
        throw new ModelError("MALFORMED", `nearest_mode "${mode}"`);
    }
  };
  return coordinates.map((c) => clamp(nearest(c), input));
}

/**
 * The elements on both sides of the coordinate, which is first moved into the input. The last element stands on both sides of
 * itself, with half the weight, as in onnxruntime.
 */
export function linearTaps({ coordinates, input }: Resampling): Taps {
  const inside = coordinates.map((c) => clamp(c, input));
  const positions = inside.map((c) => [Math.floor(c), Math.min(Math.floor(c) + 1, input - 1)]);
  const weights = inside.map((c) => {
    const rest = c - Math.floor(c);
    return Math.floor(c) === input - 1 ? [0.5, 0.5] : [r(1 - rest), r(rest)];
  });
  return { positions, weights };
}

/** Keys' cubic kernel with parameter a. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** For each element, weights of the positions from `first` on. */
interface Row {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Weights that add up to 1; positions outside of the input are moved to its edge, or weigh nothing. */
function normalised(rows: readonly Row[], input: number, exclude: boolean): Taps {
  const weights = rows.map(({ first, weights: row }) => {
    const kept = row.map((w, k) => (exclude && (first + k < 0 || first + k >= input) ? 0 : w));
    const sum = kept.reduce((total, w) => total + w, 0);
    return kept.map((w) => r(sum === 0 ? w : w / sum));
  });
  return {
    positions: rows.map(({ first, weights: row }) => row.map((_, k) => clamp(first + k, input))),
    weights,
  };
}

export function cubicTaps({ coordinates, input }: Resampling, a: number, exclude: boolean): Taps {
  const rows = coordinates.map((c): Row => {
    const first = Math.floor(c) - 1;
    return { first, weights: [0, 1, 2, 3].map((k) => cubic(c - first - k, a)) };
  });
  return normalised(rows, input, exclude);
}

/** Linear or (with parameter a) cubic kernel, stretched by 1 / scale when downsampling. */
export function filterTaps(
  { coordinates, input, scale }: Resampling,
  a: number | undefined,
  exclude: boolean,
): Taps {
  const stretch = Math.min(scale, 1);
  const reach = Math.ceil((a === undefined ? 1 : 2) / stretch);
  const width = 2 * reach + 1;
  if (width * coordinates.length > MAX_TAPS) throw new ModelError("TOO_LARGE", `a filter of ${width} taps`);
  const kernel = (x: number) => (a === undefined ? Math.max(0, 1 - Math.abs(x)) : cubic(x, a));
  const rows = coordinates.map((c): Row => {
    const first = Math.floor(c) - reach + 1;
    return { first, weights: Array.from({ length: width }, (_, k) => kernel((first + k - c) * stretch)) };
  });
  return normalised(rows, input, exclude);
}
