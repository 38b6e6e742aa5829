/**
 * Quantised softmax (ONNX Runtime contrib operator QLinearSoftmax). Equal to onnxruntime's x86-64 results bit for bit: its
 * table of exponentials, a float32 sum in order, and its conversion of the quotients.
 */
import { exactly } from "../../naive/interval.ts";
import { expOf, logOf, reciprocal } from "../../naive/series.ts";
import { ModelError } from "../../onnx/error.ts";
import { float32At } from "../../onnx/host.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, normalAxis, reduce, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { inverse, transpose, type Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { quantise, scalarOf } from "./quantize.ts";

/** Bits behind the point for exponentials and logarithms, which are the same on every machine, rounded to float64. */
const W = 400;
/** Below e^-110 a float32 is 0. */
const FAR = -110;

function exp(x: number): number {
  if (x < FAR) return 0;
  // Exact but for what no float64 result can show.
  const size = exactly(BigInt(Math.trunc(Math.abs(x) * 2 ** 100)) << BigInt(W - 100));
  const power = expOf(size, W);
  return Number((x < 0 ? reciprocal(power, W) : power).lo) / 2 ** W;
}

/** log of the largest float32 divided by `count`, as a float32. */
function logRoom(count: number): number {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  return Number(logOf(BigInt(Math.fround(largest / count)), 0, W).lo) / 2 ** W;
}

/** exp(scale·(i - 255)) for i = 0..255, scaled up so far that a sum of `count` of them stays e^5 below the largest float32. */
function exponentials(scale: number, count: number): number[] {
  const room = Math.max(0, logRoom(count) - 5) / scale;
  return Array.from({ length: 256 }, (_, i) => exp((i - 255 + room) * scale));
}

/** Of rows [N, D]: sat(rint(r(r(e·floor(r(1 / scale))) / sum)) + zero). */
function rows(b: Builder, x: Value, scale: number, toScale: Value, zero: Value): Value {
  const [, count = 1] = x.shape;
  const below = map(b, "sub", "i16", x, reduce(b, "max", x.dtype, x, [1]));
  const e = b.emit({
    body: "copy",
    dtype: "f32",
    out: x.shape,
    loads: [
      {
        value: b.list("f32", exponentials(scale, count)),
        at: [{ gather: below, at: [at(0), at(1)], zero: -255 }],
      },
    ],
  });
  const sum = reduce(b, "osum", "f32", e, [1]);
  const steps = map(b, "floor", "f32", map(b, "div", "f32", b.scalar("f32", 1), toScale));
  const scaled = map(b, "mul", "f32", e, steps);
  return quantise(b, x.dtype, scaled, sum, zero);
}

/** Before opset 13 the axes from `axis` on are one. */
function softmax(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  if (x.dtype !== "u8" && x.dtype !== "i8")
    throw new ModelError("UNSUPPORTED_DTYPE", `QLinearSoftmax of ${x.dtype}`);
  const opset = attributes.int("opset");
  if (opset === undefined) throw new ModelError("MALFORMED", "no opset");
  const axis = normalAxis(attributes.int("axis") ?? (opset < 13 ? 1 : -1), x.shape.length);
  const given = b.needKnown(scalarOf(inputs.at(1)), "the scale");
  const toScale = scalarOf(inputs.at(3));
  if (given.dtype !== "f32" || toScale.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", "a scale");
  const scale = float32At(given, 0);
  if (!(scale > 0 && scale < Infinity)) throw new ModelError("MALFORMED", `a scale of ${scale}`);
  const zeroPoint = inputs.optional(4);
  if (zeroPoint !== undefined) sameDtype(x, zeroPoint);
  const zero = zeroPoint === undefined ? b.scalar(x.dtype, 0) : scalarOf(zeroPoint);
  const last = x.shape.length - 1;
  const perm = x.shape.map((_, d) => (opset < 13 ? d : d === axis ? last : d === last ? axis : d));
  const moved = transpose(x, perm);
  const width = moved.shape.slice(opset < 13 ? axis : last).reduce((p, q) => p * q, 1);
  const height = moved.shape.reduce((p, q) => p * q, 1) / Math.max(1, width);
  if (width === 0 || height === 0) return [x];
  const result = rows(b, reshape(b, moved, [height, width]), scale, toScale, zero);
  return [transpose(reshape(b, result, moved.shape), inverse(perm))];
}

export const QSOFTMAX: RuleTable = {
  "com.microsoft:QLinearSoftmax": rule(1, ["axis", "opset"], softmax),
};
