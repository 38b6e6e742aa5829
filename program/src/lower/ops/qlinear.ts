/**
 * Quantised products (ONNX Operators: QLinearConv, QLinearMatMul; ONNX Runtime contrib operator QGemm). The integer sum of
 * (x - xz)(w - wz), plus bias, wraps in int32; then sat(rint(r(r(sum)·s)) + z) with s = r(r(xs·ws) / ys). Equal to
 * onnxruntime's x86-64 results bit for bit.
 */
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { cast, map } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { needFloat } from "./arithmetic.ts";
import { convolve, CONV_ATTRIBUTES } from "./conv.ts";
import { addBroadcast, gemmOperand, matmul } from "./matmul.ts";
import { along, ratio, scalarOf } from "./quantize.ts";
import { centre } from "./zero.ts";

/** sat(rint(r(r(sum)·scale)) + zero) in the dtype of `zero`. */
export function requantise(b: Builder, sum: Value, scale: Value, zero: Value): Value {
  return map(b, "qmul", zero.dtype, sum, scale, zero);
}

function qlinearConv(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, xs, xz, w, ws, wz, ys, yz] = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => inputs.at(k));
  if (!x || !xs || !xz || !w || !ws || !wz || !ys || !yz) return [];
  const rank = x.shape.length;
  const sum = convolve(
    b,
    attributes,
    "i32",
    centre(b, x, scalarOf(xz)),
    centre(b, w, along(b, wz, 0, w.shape.length)),
  );
  const bias = inputs.optional(8);
  const total = bias === undefined ? sum : addBroadcast(b, sum, along(b, bias, 1, rank));
  const scale = ratio(b, scalarOf(xs), along(b, ws, 1, rank), scalarOf(ys));
  return [requantise(b, total, scale, scalarOf(yz))];
}

/** Scales of 16 bits as f32. */
function widened(b: Builder, scale: Value): Value {
  needFloat(scale);
  return cast(b, scale, "f32");
}

function qlinearMatmul(inputs: Inputs, { b }: Context): readonly Value[] {
  const [x, xz, y, yz, oz] = [0, 2, 3, 5, 7].map((k) => inputs.at(k));
  const [xs, ys, os] = [1, 4, 6].map((k) => widened(b, inputs.at(k)));
  if (!x || !xs || !xz || !y || !ys || !yz || !os || !oz) return [];
  const columns = (value: Value) => along(b, value, y.shape.length - 1, y.shape.length);
  const sum = matmul(b, "i32", centre(b, x, scalarOf(xz)), centre(b, y, columns(yz)));
  const outColumns = along(b, ys, sum.shape.length - 1, sum.shape.length);
  return [requantise(b, sum, ratio(b, scalarOf(xs), outColumns, scalarOf(os)), scalarOf(oz))];
}

/** s = r(r(r(alpha·as)·bs) / ys); without an output scale the result is the float r(r(sum)·r(r(alpha·as)·bs)). */
function qgemm(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, xs, xz, y, ys, yz] = [0, 1, 2, 3, 4, 5].map((k) => inputs.at(k));
  if (!x || !xs || !xz || !y || !ys || !yz) return [];
  const left = gemmOperand(x, attributes.int("transA"));
  const right = gemmOperand(y, attributes.int("transB"));
  const sum = matmul(b, "i32", centre(b, left, scalarOf(xz)), centre(b, right, along(b, yz, 1, 2)));
  const bias = inputs.optional(6);
  const total = bias === undefined ? sum : addBroadcast(b, sum, bias);
  const alpha = map(b, "mul", "f32", b.scalar("f32", attributes.float("alpha") ?? 1), scalarOf(xs));
  const [outScale, outZero] = [inputs.optional(7), inputs.optional(8)];
  if (outScale === undefined) {
    const scale = map(b, "mul", "f32", alpha, along(b, ys, 1, 2));
    return [map(b, "mul", "f32", map(b, "copy", "f32", total), scale)];
  }
  if (outZero === undefined) throw new ModelError("MALFORMED", "an output scale without a zero point");
  return [requantise(b, total, ratio(b, alpha, along(b, ys, 1, 2), scalarOf(outScale)), scalarOf(outZero))];
}

export const QLINEAR: RuleTable = {
  QLinearConv: rule(10, CONV_ATTRIBUTES, qlinearConv),
  QLinearMatMul: rule(10, [], qlinearMatmul),
  "com.microsoft:QGemm": rule(1, ["alpha", "transA", "transB"], qgemm),
};
