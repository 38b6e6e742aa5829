/** Images into tensors. Plain arithmetic in float64: the same pixels and options give the same bytes everywhere. Pure. */
import { AssayError } from "./error.ts";
import { tensorOf } from "./encode.ts";
import { elementsOf, type TensorData, type TensorSpec } from "./tensor.ts";

/** As a canvas has them: four bytes a pixel, red, green, blue, alpha (not premultiplied), row after row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * An element is (c * scale - mean) / std, where c is the channel's value, 0 to 255: of the resized image, not rounded in between.
 * Float dtypes round it to themselves, integer ones to the nearest integer, ties to even; what does not fit is refused.
 */
export interface ImageOptions {
  /** Where the channels stand. Default: as the shape says; needed where both could be meant. */
  readonly layout?: "NCHW" | "NHWC";
  /**
   * "area" (default): the mean of the part of the image that a pixel of the tensor covers. "bilinear": between the four nearest
   * pixel centres, edges repeated, as ONNX Resize with half_pixel; it skips pixels when it shrinks by more than 2.
   * Either stretches the whole image: crop it first to keep its proportions.
   */
  readonly resize?: "area" | "bilinear";
  /** Default 1/255 for float dtypes, 1 for integers. */
  readonly scale?: number;
  /** One number, or one a channel. Default 0. */
  readonly mean?: number | readonly number[];
  /** One number, or one a channel. Default 1. */
  readonly std?: number | readonly number[];
  /** Seen through transparent pixels. Default white. */
  readonly background?: readonly [red: number, green: number, blue: number];
}

/** Shares of red, green and blue in grey, by ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114] as const;

interface Target {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly channelsLast: boolean;
}

function isChannels(count: number | undefined): count is 1 | 3 {
  return count === 1 || count === 3;
}

/** [H, W], or with channels and a batch of one: [C, H, W], [H, W, C], [1, C, H, W], [1, H, W, C]. */
function targetOf({ name, shape }: TensorSpec, layout: ImageOptions["layout"]): Target {
  const image = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  const [a = 0, b = 0, c] = image;
  if (image.length === 2) return { width: b, height: a, channels: 1, channelsLast: false };
  if (image.length === 3 && c !== undefined) {
    const first = layout !== "NHWC" && isChannels(a);
    const last = layout !== "NCHW" && isChannels(c);
    if (first && last && !(a === 1 && c === 1 && b === 1))
      throw new AssayError("BAD_TENSOR", `${name} [${shape.join(", ")}] may be NCHW or NHWC: say which`);
    if (first && isChannels(a)) return { width: c, height: b, channels: a, channelsLast: false };
    if (last && isChannels(c)) return { width: b, height: a, channels: c, channelsLast: true };
  }
  throw new AssayError(
    "BAD_TENSOR",
    `${name} [${shape.join(", ")}] is no image${layout === undefined ? "" : ` in ${layout}`}: expected [1, C, H, W], [1, H, W, C] or either without the 1, with 1 or 3 channels, or [H, W]`,
    { details: { tensor: name, shape } },
  );
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

function areaTaps(from: number, to: number, i: number): Tap[] {
  // In units of 1/to of a source pixel, all edges are integers.
  const [begin, end] = [i * from, (i + 1) * from];
  const taps: Tap[] = [];
  for (let at = Math.floor(begin / to); at * to < end; at++) {
    const covered = Math.min(end, (at + 1) * to) - Math.max(begin, at * to);
    taps.push({ at, weight: covered / from });
  }
  return taps;
}

function bilinearTaps(from: number, to: number, i: number): Tap[] {
  const x = ((i + 0.5) * from) / to - 0.5;
  const low = Math.floor(x);
  const inside = (at: number): number => Math.min(from - 1, Math.max(0, at));
  return [
    { at: inside(low), weight: 1 - (x - low) },
    { at: inside(low + 1), weight: x - low },
  ];
}

function channel(values: number | readonly number[] | undefined, i: number, otherwise: number): number {
  if (values === undefined) return otherwise;
  return typeof values === "number" ? values : (values[i] ?? NaN);
}

function checkOptions({ mean, std, scale }: ImageOptions, channels: number): void {
  for (const [what, values] of Object.entries({ mean, std })) {
    if (typeof values === "object" && values.length !== channels)
      throw new AssayError("BAD_TENSOR", `${what} has ${values.length} numbers for ${channels} channels`);
    for (let i = 0; i < channels; i++) {
      const value = channel(values, i, 1);
      if (!Number.isFinite(value) || (what === "std" && value === 0))
        throw new AssayError("BAD_TENSOR", `${what} of channel ${i} is ${value}: pass a finite number`);
    }
  }
  if (scale !== undefined && !Number.isFinite(scale))
    throw new AssayError("BAD_TENSOR", `scale is ${scale}: pass a finite number`);
}

/** One row of pixels over the background, `channels` values each. */
function rowOf({ data, width }: Pixels, row: number, channels: 1 | 3, over: readonly number[]): Float64Array {
  const out = new Float64Array(width * channels);
  for (let column = 0; column < width; column++) {
    const at = 4 * (row * width + column);
    const alpha = (data[at + 3] ?? 0) / 255;
    const value = (c: number): number => (data[at + c] ?? 0) * alpha + (over[c] ?? 255) * (1 - alpha);
    if (channels === 1) out[column] = LUMA[0] * value(0) + LUMA[1] * value(1) + LUMA[2] * value(2);
    else for (let c = 0; c < 3; c++) out[3 * column + c] = value(c);
  }
  return out;
}

/** Steps of `inner` values each, as many as there are lists of taps. */
function resample(values: Float64Array, inner: number, taps: readonly (readonly Tap[])[]): Float64Array {
  const out = new Float64Array(taps.length * inner);
  taps.forEach((sources, i) => {
    for (const { at, weight } of sources)
      for (let k = 0; k < inner; k++)
        out[i * inner + k] = (out[i * inner + k] ?? 0) + weight * (values[at * inner + k] ?? 0);
  });
  return out;
}

/** The image in the tensor's size, row after row. */
function resized(image: Pixels, target: Target, options: ImageOptions): Float64Array {
  const { channels, width, height } = target;
  const tapsOf = options.resize === "bilinear" ? bilinearTaps : areaTaps;
  const over = options.background ?? [255, 255, 255];
  const across = Array.from({ length: width }, (_, i) => tapsOf(image.width, width, i));
  const down = Array.from({ length: height }, (_, i) => tapsOf(image.height, height, i));
  const narrow = new Float64Array(image.height * width * channels);
  for (let row = 0; row < image.height; row++)
    narrow.set(resample(rowOf(image, row, channels, over), channels, across), row * width * channels);
  return resample(narrow, width * channels, down);
}

/** To the nearest integer, ties to even. */
function rint(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/**
 * The elements of an image tensor, for `encodeInput`.
 * @param spec One of the signature's inputs: [1, C, H, W], [1, H, W, C], either without the 1, or [H, W]; C is 1 (grey) or 3 (RGB).
 * @throws {AssayError} BAD_TENSOR.
 */
export function imageTensor(spec: TensorSpec, image: Pixels, options: ImageOptions = {}): TensorData {
  const { width, height, data } = image;
  if (!(width > 0 && height > 0) || data.length !== width * height * 4)
    throw new AssayError(
      "BAD_TENSOR",
      `an image of ${width} by ${height} has ${width * height * 4} bytes of RGBA, not ${data.length}`,
    );
  const target = targetOf(spec, options.layout);
  const { channels, channelsLast } = target;
  checkOptions(options, channels);
  const small = resized(image, target, options);
  const float = spec.dtype === "f32" || spec.dtype === "f16" || spec.dtype === "bf16";
  const scale = options.scale ?? (float ? 1 / 255 : 1);
  const area = target.width * target.height;
  const values = Array.from({ length: elementsOf(spec) }, (_, i) => {
    const [c, pixel] = channelsLast
      ? [i % channels, Math.floor(i / channels)]
      : [Math.floor(i / area), i % area];
    const raw = small[pixel * channels + c] ?? NaN;
    const value = (raw * scale - channel(options.mean, c, 0)) / channel(options.std, c, 1);
    return float ? value : rint(value);
  });
  return tensorOf(spec, values);
}
