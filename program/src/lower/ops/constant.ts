/**
 * Values that the graph itself states (ONNX Operators: Constant, ConstantOfShape, Shape, Size, Range,
 * OptionalHasElement) and conversions (Cast).
 */
import { isFloat } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { float32At } from "../../onnx/host.ts";
import { checkShape, elementType } from "../../onnx/tensor.ts";
import { at } from "../affine.ts";
import { cast, castTo, constantOf } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";

function constant(_: Inputs, { b, attributes }: Context): readonly Value[] {
  const tensor = attributes.tensor("value");
  if (tensor !== undefined) return [constantOf(b, tensor)];
  const float = attributes.float("value_float");
  if (float !== undefined) return [b.scalar("f32", float)];
  const floats = attributes.floats("value_floats");
  if (floats !== undefined) return [b.list("f32", floats)];
  const int = attributes.int("value_int");
  if (int !== undefined) return [b.scalar("i64", int)];
  const ints = attributes.ints("value_ints");
  if (ints !== undefined) return [b.list("i64", ints)];
  throw new ModelError("MALFORMED", "no value");
}

function constantOfShape(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const shape = checkShape(b.integers(inputs.at(0), "the shape"), "the result");
  const tensor = attributes.tensor("value");
  if (tensor !== undefined && product(tensor.shape) !== 1)
    throw new ModelError("MALFORMED", "value is not one element");
  const element = tensor === undefined ? b.scalar("f32", 0) : constantOf(b, { ...tensor, shape: [] });
  return [view.expand(element, shape)];
}

function shape(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  return [
    b.list("i64", x.shape.slice(attributes.int("start") ?? 0, attributes.int("end") ?? x.shape.length)),
  ];
}

function size(inputs: Inputs, { b }: Context): readonly Value[] {
  return [b.scalar("i64", product(inputs.at(0).shape))];
}

/** start + i * delta, rounded once to f32, or to the integer dtype, and then to the dtype of the operands. */
function range(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  if ((attributes.int("stash_type") ?? 1) !== 1)
    throw new ModelError("UNSUPPORTED_USE", "stash_type other than float");
  const scalar = (value: Value): Value => {
    if (product(value.shape) !== 1) throw new ModelError("MALFORMED", "a bound of the range is not a scalar");
    return { ...value, shape: [], dims: [] };
  };
  const start = scalar(inputs.at(0));
  const limit = scalar(inputs.at(1));
  const last = inputs.optional(2);
  const delta = last === undefined ? b.scalar(start.dtype, 1) : scalar(last);
  sameDtype(start, limit);
  sameDtype(start, delta);
  const number = (value: Value): number => {
    if (!isFloat(value.dtype)) return b.integers(value, "the range")[0] ?? 0;
    return float32At(b.needKnown(cast(b, value, "f32"), "the range"), 0);
  };
  const step = number(delta);
  if (step === 0) throw new ModelError("MALFORMED", "delta is 0");
  const count = Math.max(0, Math.ceil((number(limit) - number(start)) / step));
  checkShape([Number.isNaN(count) ? -1 : count], "the range");
  const wide = isFloat(start.dtype) ? "f32" : start.dtype;
  const loads = [
    { index: at(0) },
    { value: cast(b, delta, wide), at: [] },
    { value: cast(b, start, wide), at: [] },
  ];
  return [cast(b, b.emit({ body: "fma", dtype: wide, out: [count], loads }), start.dtype)];
}

function castNode(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const to = attributes.int("to");
  if (to === undefined) throw new ModelError("MALFORMED", "no target type");
  return [castTo(b, inputs.at(0), elementType(to, "the target"))];
}

function castLike(inputs: Inputs, { b }: Context): readonly Value[] {
  const { dtype, bits } = inputs.at(1);
  return [castTo(b, inputs.at(0), { dtype, bits })];
}

/** Of tensors: whether the input is there. */
function optionalHasElement(inputs: Inputs, { b }: Context): readonly Value[] {
  return [b.scalar("bool", inputs.optional(0) === undefined ? 0 : 1)];
}

export const CONSTANT: RuleTable = {
  Constant: rule(1, ["value", "value_float", "value_floats", "value_int", "value_ints"], constant),
  ConstantOfShape: rule(9, ["value"], constantOfShape),
  OptionalHasElement: rule(18, [], optionalHasElement),
  Shape: rule(1, ["end", "start"], shape),
  Size: rule(1, [], size),
  Range: [rule(11, [], range, 26), rule(27, ["stash_type"], range)],
  "com.microsoft:Range": rule(1, [], range),
  Cast: rule(6, ["saturate", "round_mode", "to"], castNode),
  CastLike: rule(15, ["saturate", "round_mode"], castLike),
};
