/**
 * Matrix products of quantised weights with a float result (ONNX Runtime contrib operators MatMulIntegerToFloat,
 * DynamicQuantizeMatMul, MatMulNBits). The first two equal onnxruntime's x86-64 results bit for bit.
 */
import { ModelError } from "../../onnx/error.ts";
import { at, affine } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, reshape, slice, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { transpose, type Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { addBroadcast, matmul } from "./matmul.ts";
import { along, dynamicallyQuantised, scalarOf } from "./quantize.ts";
import { centre } from "./zero.ts";

interface Weights {
  readonly w: Value;
  readonly scale: Value;
  readonly zero: Value | undefined;
  readonly bias: Value | undefined;
}

/** r(r(sum)·r(xs·ws)), and then + bias; scale and zero point of the weights may go by column. */
function product(b: Builder, x: Value, xs: Value, xz: Value | undefined, weights: Weights): Value {
  const { w, scale, zero, bias } = weights;
  const columns = (value: Value) => along(b, value, w.shape.length - 1, w.shape.length);
  for (const value of [xs, scale])
    if (value.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", "a scale");
  const left = centre(b, x, xz === undefined ? undefined : scalarOf(xz));
  const sum = matmul(b, "i32", left, centre(b, w, zero === undefined ? undefined : columns(zero)));
  const perColumn = along(b, scale, sum.shape.length - 1, sum.shape.length);
  const factor = map(b, "mul", "f32", scalarOf(xs), perColumn);
  const scaled = map(b, "mul", "f32", map(b, "copy", "f32", sum), factor);
  return bias === undefined ? scaled : addBroadcast(b, scaled, bias);
}

function matmulIntegerToFloat(inputs: Inputs, { b }: Context): readonly Value[] {
  const weights = {
    w: inputs.at(1),
    scale: inputs.at(3),
    zero: inputs.optional(5),
    bias: inputs.optional(6),
  };
  return [product(b, inputs.at(0), inputs.at(2), inputs.optional(4), weights)];
}

function dynamicQuantizeMatmul(inputs: Inputs, { b }: Context): readonly Value[] {
  const { x, scale, zero } = dynamicallyQuantised(b, inputs.at(0));
  const weights = {
    w: inputs.at(1),
    scale: inputs.at(2),
    zero: inputs.optional(3),
    bias: inputs.optional(4),
  };
  return [product(b, x, scale, zero, weights)];
}

/** Fields of `bits` bits, lowest first, of bytes [rows, n]: [rows, count]. */
function unpacked(b: Builder, bytes: Value, bits: number, count: number): Value {
  const [rows = 1] = bytes.shape;
  if (bits === 8) return slice(b, bytes, 1, 0, count);
  const perByte = 8 / bits;
  const fields = [rows, Math.ceil(count / perByte), perByte];
  const shifted = b.emit({
    body: "shr",
    dtype: "u8",
    out: fields,
    loads: [{ value: bytes, at: [at(0), at(1)] }, { index: affine([[2, bits]]) }],
  });
  const masked = map(b, "and", "u8", shifted, b.scalar("u8", 2 ** bits - 1));
  const [, groups = 1] = fields;
  return slice(b, reshape(b, masked, [rows, groups * perByte]), 1, 0, count);
}

/**
 * A·dequantised(B)^T + bias, with r((q - zero)·scale) for the weights [N, K], by blocks of K. Default zero points are the
 * middle of the range.
 */
function matmulNBits(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, packed, scales] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  const need = (name: string): number => {
    const value = attributes.int(name) ?? (name === "bits" ? 4 : 0);
    if (value < 1 || value > 2 ** 24) throw new ModelError("MALFORMED", `${name} ${value}`);
    return value;
  };
  const [K, N, bits, block] = [need("K"), need("N"), need("bits"), need("block_size")];
  if (bits !== 2 && bits !== 4 && bits !== 8) throw new ModelError("UNSUPPORTED_USE", `bits ${bits}`);
  if (block < 16 || !Number.isInteger(Math.log2(block)))
    throw new ModelError("MALFORMED", `block_size ${block}`);
  if (inputs.optional(4) !== undefined) throw new ModelError("UNSUPPORTED_USE", "g_idx");
  if ((attributes.int("accuracy_level") ?? 0) === 4)
    throw new ModelError("UNSUPPORTED_USE", "accuracy_level 4, which quantises A by block");
  sameDtype(x, scales);
  const blocks = Math.ceil(K / block);
  const blob = (block * bits) / 8;
  const sized = (value: Value, shape: readonly number[], what: string): Value => {
    if (value.shape.reduce((p, q) => p * q, 1) !== shape.reduce((p, q) => p * q, 1))
      throw new ModelError(
        "MALFORMED",
        `${what} of shape [${value.shape.join(", ")}], not [${shape.join(", ")}]`,
      );
    return reshape(b, value, shape);
  };
  if (packed.dtype !== "u8") throw new ModelError("MALFORMED", `packed weights of ${packed.dtype}`);
  const bytes = sized(packed, [N, blocks * blob], "B");
  const weights = reshape(b, unpacked(b, bytes, bits, blocks * block), [N, blocks, block]);
  const scale = sized(cast(b, scales, "f32"), [N, blocks, 1], "scales");
  const given = inputs.optional(3);
  let zero: Value = b.scalar("u8", 2 ** (bits - 1));
  if (given?.dtype === "u8") {
    const row = Math.ceil((blocks * bits) / 8);
    zero = unsqueeze(unpacked(b, sized(given, [N, row], "zero_points"), bits, blocks), [2]);
  } else if (given !== undefined) zero = sized(cast(b, given, "f32"), [N, blocks, 1], "zero_points");
  const difference =
    zero.dtype === "u8" ? map(b, "sub", "i16", weights, zero) : map(b, "sub", "f32", weights, zero);
  const dequantised = reshape(b, map(b, "mul", "f32", difference, scale), [N, blocks * block]);
  const matrix = transpose(slice(b, dequantised, 1, 0, K), [1, 0]);
  const result = matmul(b, "f32", { value: cast(b, x, "f32"), zero: 0 }, { value: matrix, zero: 0 });
  const bias = inputs.optional(5);
  const total = bias === undefined ? result : addBroadcast(b, result, cast(b, bias, "f32"));
  return [cast(b, total, x.dtype)];
}

export const QMATMUL: RuleTable = {
  "com.microsoft:DynamicQuantizeMatMul": rule(1, [], dynamicQuantizeMatmul),
  "com.microsoft:MatMulIntegerToFloat": rule(1, [], matmulIntegerToFloat),
  "com.microsoft:MatMulNBits": rule(1, ["K", "N", "accuracy_level", "bits", "block_size"], matmulNBits),
};
