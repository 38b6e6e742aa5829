/**
 * Matrix products (ONNX Operators: MatMul, Gemm, MatMulInteger). Sums of products are exact and rounded once.
 */
import { isFloat, type DTypeName } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { ZERO, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, reshape, squeeze, unsqueeze, type Centred } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { centre } from "./zero.ts";

/** NumPy matmul: batch dimensions broadcast, a vector is a row on the left and a column on the right. */
export function matmul(b: Builder, dtype: DTypeName, left: Centred, right: Centred): Value {
  if (left.value.shape.length === 0 || right.value.shape.length === 0)
    throw new ModelError("MALFORMED", "MatMul of a scalar");
  const x = left.value.shape.length === 1 ? unsqueeze(left.value, [0]) : left.value;
  const y = right.value.shape.length === 1 ? unsqueeze(right.value, [1]) : right.value;
  const batch = view.broadcastShapes([x.shape.slice(0, -2), y.shape.slice(0, -2)]);
  const [m = 1, k = 1] = x.shape.slice(-2);
  const [k2 = 1, n = 1] = y.shape.slice(-2);
  if (k !== k2)
    throw new ModelError("MALFORMED", `MatMul of [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`);
  const rank = batch.length;
  const batchAt = (shape: readonly number[]) =>
    shape.slice(0, -2).map((size, d) => (size === 1 ? ZERO : at(d + rank + 2 - shape.length)));
  const result = b.emit({
    body: "mul",
    fold: "sum",
    dtype,
    out: [...batch, m, n],
    red: [k],
    loads: [
      { value: x, zero: left.zero, at: [...batchAt(x.shape), at(rank), at(rank + 2)] },
      { value: y, zero: right.zero, at: [...batchAt(y.shape), at(rank + 2), at(rank + 1)] },
    ],
  });
  const dropped = [
    ...(left.value.shape.length === 1 ? [rank] : []),
    ...(right.value.shape.length === 1 ? [rank + 1] : []),
  ];
  return squeeze(result, dropped);
}

/** A matrix, transposed if the attribute says so. */
export function gemmOperand(value: Value, transposed: number | undefined): Value {
  if (value.shape.length !== 2)
    throw new ModelError("MALFORMED", `Gemm of a tensor of rank ${value.shape.length}`);
  return transposed === undefined || transposed === 0 ? value : view.transpose(value, [1, 0]);
}

/** @throws {ModelError} MALFORMED unless `addend` broadcasts to the shape of `value`. */
export function addBroadcast(b: Builder, value: Value, addend: Value): Value {
  sameDtype(value, addend);
  const sum = map(b, "add", value.dtype, value, addend);
  if (sum.shape.join() !== value.shape.join())
    throw new ModelError("MALFORMED", "the addend is larger than the product");
  return sum;
}

/** alpha·A·B + beta·C, rounded at each of the four steps. */
function gemm(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, y, c] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  sameDtype(x, y);
  const left = gemmOperand(x, attributes.int("transA"));
  const right = gemmOperand(y, attributes.int("transB"));
  const [alpha, beta] = [attributes.float("alpha") ?? 1, attributes.float("beta") ?? 1];
  const scaled = (value: Value, factor: number) => {
    if (factor === 1) return value;
    if (!isFloat(value.dtype)) throw new ModelError("UNSUPPORTED_USE", "an integer Gemm with alpha or beta");
    return map(b, "mul", value.dtype, value, b.scalar(value.dtype, factor));
  };
  const product = scaled(matmul(b, x.dtype, { value: left, zero: 0 }, { value: right, zero: 0 }), alpha);
  return [c === undefined || beta === 0 ? product : addBroadcast(b, product, scaled(c, beta))];
}

function floatMatmul(inputs: Inputs, { b }: Context): readonly Value[] {
  const [x, y] = [inputs.at(0), inputs.at(1)];
  sameDtype(x, y);
  return [matmul(b, x.dtype, { value: x, zero: 0 }, { value: y, zero: 0 })];
}

/** Zero points of the left operand go by row: a vector needs a trailing axis to broadcast. */
export function byRow(b: Builder, vector: Value | undefined): Value | undefined {
  return vector?.shape.length === 1 ? reshape(b, vector, [...vector.shape, 1]) : vector;
}

function matmulInteger(inputs: Inputs, { b }: Context): readonly Value[] {
  const left = centre(b, inputs.at(0), byRow(b, inputs.optional(2)));
  return [matmul(b, "i32", left, centre(b, inputs.at(1), inputs.optional(3)))];
}

export const MATMUL: RuleTable = {
  MatMul: rule(1, [], floatMatmul),
  Gemm: rule(7, ["alpha", "beta", "transA", "transB"], gemm),
  MatMulInteger: rule(10, [], matmulInteger),
};
