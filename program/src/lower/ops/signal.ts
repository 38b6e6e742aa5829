/**
 * Fourier transforms and what goes with them (ONNX Operators: DFT, STFT, HannWindow, HammingWindow, BlackmanWindow,
 * MelWeightMatrix). A transform is one product with a constant matrix: each element an exact sum, rounded once.
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { canonicalise, float32At } from "../../onnx/host.ts";
import { ModelError } from "../../onnx/error.ts";
import { elementType } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, castTo, inFloat32, map, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { cosine, sine } from "./circle.ts";

const MAX_TABLE = 2 ** 25;
const MAX_WINDOW = 2 ** 21;

/** One known integer. */
function integer(b: Builder, value: Value, what: string): number {
  const all = b.integers(value, what);
  const [first] = all;
  if (first === undefined || all.length > 1) throw new ModelError("MALFORMED", `${what} is not one number`);
  return first;
}

interface Transform {
  readonly length: number;
  /** Elements that are read and written. */
  readonly terms: number;
  readonly bins: number;
  /** 1: real, 2: real and imaginary parts. */
  readonly partsIn: number;
  readonly partsOut: number;
  readonly inverse: boolean;
}

/**
 * [bins, partsOut, terms, partsIn]: e^(∓2πi·bin·term/length), when inverse divided by the length. From a one-sided spectrum to
 * a real signal, terms that stand for their mirror image too count twice.
 */
function transformMatrix(b: Builder, transform: Transform): Value {
  const { length, terms, bins, partsIn, partsOut, inverse } = transform;
  const shape = [bins, partsOut, terms, partsIn];
  if (product(shape) > MAX_TABLE || length > MAX_TABLE)
    throw new ModelError("TOO_LARGE", `a transform of ${length} elements`);
  const cosines = Array.from({ length }, (_, k) => cosine(k, length));
  const sines = Array.from({ length }, (_, k) => (inverse ? 1 : -1) * sine(k, length));
  const mirrored = inverse && partsOut === 1;
  const values = new Float32Array(product(shape));
  let next = 0;
  for (let bin = 0; bin < bins; bin++)
    for (let out = 0; out < partsOut; out++)
      for (let term = 0; term < terms; term++)
        for (let part = 0; part < partsIn; part++) {
          const angle = (bin * term) % length;
          const [c, s] = [cosines[angle] ?? 0, sines[angle] ?? 0];
          const twice = mirrored && term !== 0 && 2 * term !== length;
          const factor = (twice ? 2 : 1) / (inverse ? length : 1);
          values[next++] = factor * (out === part ? c : out === 1 ? s : -s);
        }
  return b.constant("f32", shape, canonicalise("f32", new Uint8Array(values.buffer)));
}

/** How many parts the elements of a signal have: its last dimension. */
function partsOf(signal: Value): number {
  const parts = signal.shape.at(-1);
  if (signal.shape.length < 2 || (parts !== 1 && parts !== 2))
    throw new ModelError("MALFORMED", `a signal of shape [${signal.shape.join(", ")}]`);
  return parts;
}

function dft(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const signal = inputs.at(0);
  const partsIn = partsOf(signal);
  const rank = signal.shape.length;
  const axisInput = opset < 20 ? undefined : inputs.optional(2);
  const fallback = opset < 20 ? (attributes.int("axis") ?? 1) : -2;
  const given = axisInput === undefined ? fallback : integer(b, axisInput, "the axis");
  const axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis > rank - 2)
    throw new ModelError("MALFORMED", `axis ${given} of a signal of rank ${rank}`);
  const inverse = attributes.int("inverse") === 1;
  const onesided = attributes.int("onesided") === 1;
  if (onesided && partsIn !== (inverse ? 2 : 1))
    throw new ModelError("UNSUPPORTED_USE", `onesided of a ${inverse ? "real spectrum" : "complex signal"}`);
  const size = signal.shape[axis] ?? 1;
  const asked = inputs.optional(1);
  const length =
    asked === undefined ? (inverse && onesided ? 2 * (size - 1) : size) : integer(b, asked, "dft_length");
  if (length < 1) throw new ModelError("MALFORMED", `dft_length ${length}`);
  const half = Math.floor(length / 2) + 1;
  const terms = Math.min(size, onesided && inverse ? half : length);
  const bins = onesided && !inverse ? half : length;
  const partsOut = onesided && inverse ? 1 : 2;
  const matrix = transformMatrix(b, { length, terms, bins, partsIn, partsOut, inverse });
  const last = rank - 1;
  const result = inFloat32(b, signal, (x) =>
    b.emit({
      body: "mul",
      fold: "sum",
      dtype: "f32",
      out: x.shape.with(axis, bins).with(last, partsOut),
      red: [terms, partsIn],
      loads: [
        { value: x, at: x.shape.map((_, d) => at(d === axis ? rank : d === last ? rank + 1 : d)) },
        { value: matrix, at: [axis, last, rank, rank + 1].map((dim) => at(dim)) },
      ],
    }),
  );
  return [result];
}

function stft(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [signal, window] = [inputs.at(0), inputs.optional(2)];
  const partsIn = partsOf(signal);
  const [batch = 1, size = 1] = signal.shape;
  if (signal.shape.length !== 3) throw new ModelError("MALFORMED", "the signal is not of rank 3");
  const step = integer(b, inputs.at(1), "frame_step");
  const asked = inputs.optional(3);
  const length = asked === undefined ? (window?.shape[0] ?? size) : integer(b, asked, "frame_length");
  if (step < 1 || length < 1 || length > size)
    throw new ModelError("MALFORMED", `frames of ${length} every ${step} of ${size} elements`);
  const onesided = (attributes.int("onesided") ?? 1) === 1;
  if (onesided && partsIn === 2) throw new ModelError("UNSUPPORTED_USE", "onesided of a complex signal");
  const bins = onesided ? Math.floor(length / 2) + 1 : length;
  let matrix = transformMatrix(b, { length, terms: length, bins, partsIn, partsOut: 2, inverse: false });
  if (window !== undefined) {
    sameDtype(signal, window);
    if (window.shape.join() !== `${length}`) throw new ModelError("MALFORMED", "the window does not fit");
    matrix = map(b, "mul", "f32", matrix, cast(b, reshape(b, window, [length, 1]), "f32"));
  }
  const frames = Math.floor((size - length) / step) + 1;
  const result = inFloat32(b, signal, (x) =>
    b.emit({
      body: "mul",
      fold: "sum",
      dtype: "f32",
      out: [batch, frames, bins, 2],
      red: [length, partsIn],
      loads: [
        {
          value: x,
          at: [
            at(0),
            affine([
              [1, step],
              [4, 1],
            ]),
            at(5),
          ],
        },
        { value: matrix, at: [at(2), at(3), at(4), at(5)] },
      ],
    }),
  );
  return [result];
}

/** A known tensor in the dtype that `output_datatype` names; fractions are cut off for integers. */
function listOf(b: Builder, attributes: Context["attributes"], values: number[], shape: number[]): Value {
  const type = elementType(attributes.int("output_datatype") ?? 1, "output_datatype");
  if (isFloat(type.dtype)) return b.list(type.dtype, values, shape);
  return castTo(b, b.list("f32", values, shape), type);
}

/** A window as a function of the position n in the period N. */
function windowRule(element: (n: number, period: number) => number) {
  return (inputs: Inputs, { b, attributes }: Context): readonly Value[] => {
    const size = integer(b, inputs.at(0), "size");
    const period = (attributes.int("periodic") ?? 1) === 1 ? size : size - 1;
    if (size < 1) throw new ModelError("MALFORMED", `a window of ${size} elements`);
    if (size > MAX_WINDOW) throw new ModelError("TOO_LARGE", `a window of ${size} elements`);
    if (period === 0) throw new ModelError("UNSUPPORTED_USE", "a symmetric window of one element");
    const values = Array.from({ length: size }, (_, n) => element(n, period));
    return [listOf(b, attributes, values, [size])];
  };
}

/** [dft_length / 2 + 1, mel bins]: triangles between places that are evenly spaced on the mel scale. */
function melWeightMatrix(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [count = 0, length = 0, rate = 0] = ["num_mel_bins", "dft_length", "sample_rate"].map((what, k) =>
    integer(b, inputs.at(k), what),
  );
  const hertz = (k: number, what: string) => {
    const known = b.needKnown(cast(b, inputs.at(k), "f32"), what);
    if (product(known.shape) !== 1) throw new ModelError("MALFORMED", `${what} is not one number`);
    return float32At(known, 0);
  };
  const [low, high] = [hertz(3, "lower_edge_hertz"), hertz(4, "upper_edge_hertz")];
  const rows = Math.floor(length / 2) + 1;
  if (count < 1 || length < 1 || rate < 1 || !(low >= 0) || !(high >= low) || high === Infinity)
    throw new ModelError("MALFORMED", "the numbers do not describe a filter bank");
  if (rows * count > MAX_WINDOW) throw new ModelError("TOO_LARGE", `a matrix of [${rows}, ${count}]`);
  const mel = (f: number) => (2595 * Math.log1p(f / 700)) / Math.LN10;
  const step = (mel(high) - mel(low)) / (count + 2);
  const place = (k: number) => {
    const f = 700 * Math.expm1(((k * step + mel(low)) / 2595) * Math.LN10);
    return Math.floor(((length + 1) * f) / rate);
  };
  const places = Array.from({ length: count + 2 }, (_, k) => place(k));
  if ((places.at(-1) ?? 0) > rows) throw new ModelError("MALFORMED", "the filters reach beyond the spectrum");
  const values = Array.from({ length: rows * count }, () => 0);
  for (let k = 0; k < count; k++) {
    const [left = 0, centre = 0, right = 0] = places.slice(k, k + 3);
    if (centre >= rows) throw new ModelError("MALFORMED", "the filters reach beyond the spectrum");
    for (let row = left; row < centre; row++) values[row * count + k] = (row - left) / (centre - left);
    values[centre * count + k] = 1;
    for (let row = centre; row < right; row++) values[row * count + k] = (right - row) / (right - centre);
  }
  return [listOf(b, attributes, values, [rows, count])];
}

const WINDOW = ["output_datatype", "periodic"] as const;

export const SIGNAL: RuleTable = {
  DFT: [rule(17, ["axis", "inverse", "onesided"], dft, 19), rule(20, ["inverse", "onesided"], dft)],
  STFT: rule(17, ["onesided"], stft),
  HannWindow: rule(
    17,
    WINDOW,
    windowRule((n, period) => sine(n, 2 * period) ** 2),
  ),
  HammingWindow: rule(
    17,
    WINDOW,
    windowRule((n, period) => (25 - 21 * cosine(n, period)) / 46),
  ),
  BlackmanWindow: rule(
    17,
    WINDOW,
    windowRule((n, period) => 0.42 - 0.5 * cosine(n, period) + 0.08 * cosine(2 * n, period)),
  ),
  MelWeightMatrix: rule(17, ["output_datatype"], melWeightMatrix),
};
