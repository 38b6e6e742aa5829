/**
 * Conversion to and from quantised tensors (ONNX Operators: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear).
 * r() rounds to float32; these equal onnxruntime's x86-64 results bit for bit.
 */
import { isFloat, type DTypeName } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import type { NarrowBits } from "../../onnx/host.ts";
import { elementType } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, normalAxis, reduce, reshape, type Centred } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { centre } from "./zero.ts";

/** A tensor of one element as a scalar, whatever its rank. */
export function scalarOf(value: Value): Value {
  if (value.shape.some((size) => size !== 1))
    throw new ModelError("UNSUPPORTED_USE", "a parameter is not a scalar");
  return { ...value, shape: [], dims: [] };
}

/** sat(rint(r(x / scale)) + zero). */
export function quantise(b: Builder, dtype: DTypeName, x: Value, scale: Value, zero: Value): Value {
  return map(b, "qdiv", dtype, x, scale, zero);
}

/** r((x - zero) · scale); 32-bit integers are rounded to float32 first. */
export function dequantise(b: Builder, x: Value, scale: Value, zero: Value | undefined): Value {
  const centred = centre(b, x, zero);
  const wide = x.dtype === "i32" || x.dtype === "u32";
  const operand: Value | Centred = wide ? map(b, "copy", "f32", centred) : centred;
  return map(b, "mul", "f32", operand, scale);
}

/** Scale or zero point in a shape that broadcasts against x: per tensor, per axis, or per block of an axis. */
function parameter(
  b: Builder,
  value: Value,
  x: Value,
  axis: number | undefined,
  block: number | undefined,
): Value {
  if (value.shape.length === 0 || (value.shape.length === 1 && value.shape[0] === 1)) return scalarOf(value);
  const along = normalAxis(axis ?? 1, x.shape.length);
  if (block !== undefined && block !== 0) return blocked(b, value, x, along, block);
  if (value.shape.length !== 1 || value.shape[0] !== x.shape[along])
    throw new ModelError("MALFORMED", `parameters [${value.shape.join(", ")}] do not fit axis ${along}`);
  return reshape(
    b,
    value,
    x.shape.map((size, d) => (d === along ? size : 1)),
  );
}

function blocked(b: Builder, value: Value, x: Value, along: number, block: number): Value {
  const fits = value.shape.every(
    (size, d) => size === (d === along ? Math.ceil((x.shape[d] ?? 1) / block) : x.shape[d]),
  );
  if (block < 1 || value.shape.length !== x.shape.length || !fits)
    throw new ModelError("MALFORMED", `blocks of ${block} do not fit parameters [${value.shape.join(", ")}]`);
  const coordinates = x.shape.map((_, d) => (d === along ? affine([[d, 1]], 0, block) : at(d)));
  return b.emit({ body: "copy", dtype: value.dtype, out: x.shape, loads: [{ value, at: coordinates }] });
}

/** To the range of a narrow type. */
function saturate(b: Builder, value: Value, bits: NarrowBits): Value {
  const least = value.dtype === "i8" ? -(2 ** (bits - 1)) : 0;
  const raised = map(b, "max", value.dtype, value, b.scalar(value.dtype, least));
  return { ...map(b, "min", value.dtype, raised, b.scalar(value.dtype, least + 2 ** bits - 1)), bits };
}

function needScale(scale: Value): void {
  if (scale.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", `a scale of dtype ${scale.dtype}`);
}

function quantizeLinear(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, scale, zero] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  needScale(scale);
  const asked = attributes.int("output_dtype") ?? 0;
  const type = zero ?? (asked === 0 ? ({ dtype: "u8" } as const) : elementType(asked, "the output"));
  const { dtype, bits } = type;
  if (isFloat(dtype) || x.dtype === "f16" || x.dtype === "bf16")
    throw new ModelError("UNSUPPORTED_DTYPE", `quantising ${x.dtype} to ${dtype}`);
  const place = (value: Value) =>
    parameter(b, value, x, attributes.int("axis"), attributes.int("block_size"));
  const wide = quantise(b, dtype, x, place(scale), zero === undefined ? b.scalar(dtype, 0) : place(zero));
  return [bits === undefined ? wide : saturate(b, wide, bits)];
}

function dequantizeLinear(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, scale, zero] = [inputs.at(0), inputs.at(1), inputs.optional(2)];
  needScale(scale);
  const place = (value: Value) =>
    parameter(b, value, x, attributes.int("axis"), attributes.int("block_size"));
  return [dequantise(b, x, place(scale), zero && place(zero))];
}

export interface DynamicallyQuantised {
  readonly x: Value;
  readonly scale: Value;
  readonly zero: Value;
}

/** u8 with the range of x and 0: scale = r(range / 255), 1 for an empty range; zero = rint(clamp(r(0 - r(min / scale)))). */
export function dynamicallyQuantised(b: Builder, x: Value): DynamicallyQuantised {
  if (x.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", `dynamic quantising of ${x.dtype}`);
  const nought = b.scalar("f32", 0);
  const extreme = (fold: "min" | "max") => {
    const found = reduce(
      b,
      fold,
      "f32",
      x,
      x.shape.map((_, d) => d),
    );
    return map(b, fold, "f32", { ...found, shape: [], dims: [] }, nought);
  };
  const [least, most] = [extreme("min"), extreme("max")];
  const width = map(b, "div", "f32", map(b, "sub", "f32", most, least), b.scalar("f32", 255));
  const scale = map(b, "where", "f32", map(b, "eq", "bool", most, least), b.scalar("f32", 1), width);
  const zero = map(b, "sat", "u8", map(b, "sub", "f32", nought, map(b, "div", "f32", least, scale)));
  return { x: quantise(b, "u8", x, scale, zero), scale, zero };
}

function dynamicQuantizeLinear(inputs: Inputs, { b }: Context): readonly Value[] {
  const { x, scale, zero } = dynamicallyQuantised(b, inputs.at(0));
  return [x, scale, zero];
}

/** A vector of one parameter per element of axis `axis` of a tensor of rank `rank`, or a scalar. */
export function along(b: Builder, value: Value, axis: number, rank: number): Value {
  if (value.shape.every((size) => size === 1)) return scalarOf(value);
  if (value.shape.length !== 1)
    throw new ModelError("UNSUPPORTED_USE", "parameters are neither a scalar nor a vector");
  return reshape(
    b,
    value,
    Array.from({ length: rank }, (_, d) => (d === axis ? (value.shape[0] ?? 1) : 1)),
  );
}

/** r(r(x·y) / z). */
export function ratio(b: Builder, x: Value, y: Value, z: Value): Value {
  for (const scale of [x, y, z]) needScale(scale);
  return map(b, "div", "f32", map(b, "mul", "f32", x, y), z);
}

export const QUANTIZE: RuleTable = {
  QuantizeLinear: rule(10, ["axis", "block_size", "output_dtype", "saturate"], quantizeLinear),
  DequantizeLinear: rule(10, ["axis", "block_size"], dequantizeLinear),
  DynamicQuantizeLinear: rule(11, [], dynamicQuantizeLinear),
  "com.microsoft:QuantizeLinear": rule(1, ["axis"], quantizeLinear),
  "com.microsoft:DequantizeLinear": rule(1, ["axis"], dequantizeLinear),
};
