/**
 * Elements by their bits (ONNX Operators: BitCast). Floats are canonical (docs/program.md §2): no bits of a negative zero, and
 * of one NaN only.
 */
import { dtype, floatFormat, isFloat, type DTypeName } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { elementType } from "../../onnx/tensor.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

/** Fraction bits, bits of the largest exponent (that of infinity) and of the sign. */
function layout(name: DTypeName): { fraction: number; infinity: number; sign: number } {
  const { precision, minExponent, maxExponent } = floatFormat(name);
  const fraction = precision - 1;
  return {
    fraction,
    infinity: (maxExponent - minExponent + 2) * 2 ** fraction,
    sign: 2 ** (8 * dtype(name).bytes - 1),
  };
}

/** The bits of floats as i64: the key, or of a negative one the sign and the bits of its size. */
function bitsOf(b: Builder, x: Value): Value {
  const { fraction, infinity, sign } = layout(x.dtype);
  // Only a NaN has a key beyond infinity.
  const nan = b.scalar("i32", infinity + 2 ** (fraction - 1));
  const key = map(b, "min", "i32", map(b, "key", "i32", x), nan);
  const negative = map(b, "lt", "bool", key, b.scalar("i32", 0));
  return map(b, "where", "i64", negative, map(b, "sub", "i64", b.scalar("i64", sign), key), key);
}

/** The floats that integers are the bits of: significand times a power of two from a table of signs and exponents. */
function floatOf(b: Builder, x: Value, name: DTypeName): Value {
  const { fraction, infinity, sign } = layout(name);
  const { minExponent } = floatFormat(name);
  const unit = 2 ** fraction;
  const bits = map(b, "and", "i64", x, b.scalar("i64", 2 * sign - 1));
  const exponents = infinity / unit;
  const scales = [1, -1].flatMap((s) =>
    Array.from({ length: exponents + 1 }, (_, e) =>
      e === exponents ? s * Infinity : s * 2 ** (minExponent - fraction + Math.max(e, 1) - 1),
    ),
  );
  const field = map(b, "shr", "i64", bits, b.scalar("i64", fraction));
  const low = map(b, "and", "i64", bits, b.scalar("i64", unit - 1));
  // A normal number has one more bit than it stores.
  const lead = b.list(
    "i64",
    scales.map((_, k) => (k % (exponents + 1) === 0 ? 0 : unit)),
  );
  const own = x.shape.map((_, d) => at(d));
  const pick = (table: Value) =>
    b.emit({
      body: "copy",
      dtype: table.dtype,
      out: x.shape,
      loads: [{ value: table, at: [{ gather: field, at: own }] }],
    });
  const value = map(b, "mul", name, map(b, "add", "i64", low, pick(lead)), pick(b.list(name, scales)));
  const isNaN = map(
    b,
    "lt",
    "bool",
    b.scalar("i64", infinity),
    map(b, "and", "i64", bits, b.scalar("i64", sign - 1)),
  );
  return map(b, "where", name, isNaN, b.scalar(name, NaN), value);
}

function bitCast(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const to = attributes.int("to");
  if (to === undefined) throw new ModelError("MALFORMED", "no target type");
  const { dtype: target, bits: narrow } = elementType(to, "the target");
  if (narrow !== undefined || x.bits !== undefined)
    throw new ModelError("UNSUPPORTED_DTYPE", "BitCast of elements that share a byte");
  if (dtype(target).bytes !== dtype(x.dtype).bytes)
    throw new ModelError("MALFORMED", `${x.dtype} and ${target} have different widths`);
  if (target === x.dtype) return [x];
  const bits = isFloat(x.dtype) ? bitsOf(b, x) : x;
  return [isFloat(target) ? floatOf(b, bits, target) : cast(b, bits, target)];
}

export const BITCAST: RuleTable = {
  BitCast: rule(26, ["to"], bitCast),
};
