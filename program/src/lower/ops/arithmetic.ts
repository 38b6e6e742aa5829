/**
 * Elementwise arithmetic (ONNX Operators: Add, Sub, Mul, Div, Pow, Mod, Min, Max, Sum, Mean and unary functions; opset 7 on,
 * when NumPy broadcasting began). Integers wrap; x / 0 is 0 for integers.
 */
import { isFloat, isInteger } from "../../dtype.ts";
import type { Body } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { cast, map } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";

/** @throws {ModelError} MALFORMED unless both have one dtype. */
export function sameDtype(a: Value, b: Value): void {
  if (a.dtype !== b.dtype) throw new ModelError("MALFORMED", `operands of dtypes ${a.dtype} and ${b.dtype}`);
}

export function needFloat(value: Value): void {
  if (!isFloat(value.dtype))
    throw new ModelError("UNSUPPORTED_DTYPE", `${value.dtype} where floats are expected`);
}

function binary(body: Body): Lowering {
  return (inputs, { b }) => {
    const [x, y] = [inputs.at(0), inputs.at(1)];
    sameDtype(x, y);
    return [map(b, body, x.dtype, x, y)];
  };
}

export function unary(body: Body, floatsOnly = false): Lowering {
  return (inputs, { b }) => {
    const x = inputs.at(0);
    if (floatsOnly) needFloat(x);
    return [map(b, body, x.dtype, x)];
  };
}

function variadic(body: Body): Lowering {
  return (inputs, { b }) => {
    const [first, ...rest] = inputs.all();
    if (first === undefined) throw new ModelError("MALFORMED", "no inputs");
    return [
      rest.reduce((acc, value) => {
        sameDtype(acc, value);
        return map(b, body, acc.dtype, acc, value);
      }, first),
    ];
  };
}

function mean(inputs: Inputs, context: Context): readonly (Value | undefined)[] {
  const [sum] = variadic("add")(inputs, context);
  if (sum === undefined) return [];
  return [map(context.b, "div", sum.dtype, sum, context.b.scalar(sum.dtype, inputs.length))];
}

function mod(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, y] = [inputs.at(0), inputs.at(1)];
  sameDtype(x, y);
  const fmod = attributes.int("fmod") === 1;
  if (!fmod && isFloat(x.dtype)) throw new ModelError("MALFORMED", "Mod of floats needs fmod = 1");
  return [map(b, fmod ? "rem" : "mod", x.dtype, x, y)];
}

function pow(inputs: Inputs, { b }: Context): readonly Value[] {
  const [x, y] = [inputs.at(0), inputs.at(1)];
  if (isFloat(x.dtype)) return [map(b, "pow", x.dtype, x, cast(b, y, x.dtype))];
  // Exact products for one small known exponent; else by way of float32, truncated.
  const known = b.known(y) !== undefined && isInteger(y.dtype) ? b.integers(y, "the exponent") : [];
  const [exponent] = known;
  if (exponent === undefined || exponent < 1 || exponent > 64 || known.some((other) => other !== exponent))
    return [cast(b, map(b, "pow", "f32", cast(b, x, "f32"), cast(b, y, "f32")), x.dtype)];
  let result = map(b, "copy", x.dtype, x);
  for (let k = 1; k < exponent; k++) result = map(b, "mul", x.dtype, result, x);
  return [view.expand(result, view.broadcastShapes([x.shape, y.shape]))];
}

function reciprocal(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  needFloat(x);
  return [map(b, "div", x.dtype, b.scalar(x.dtype, 1), x)];
}

function tan(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  needFloat(x);
  return [map(b, "div", x.dtype, map(b, "sin", x.dtype, x), map(b, "cos", x.dtype, x))];
}

export const ARITHMETIC: RuleTable = {
  Add: rule(7, [], binary("add")),
  Sub: rule(7, [], binary("sub")),
  Mul: rule(7, [], binary("mul")),
  Div: rule(7, [], binary("div")),
  Pow: rule(7, [], pow),
  Mod: rule(10, ["fmod"], mod),
  Min: rule(6, [], variadic("min")),
  Max: rule(6, [], variadic("max")),
  Sum: rule(6, [], variadic("add")),
  Mean: rule(6, [], mean),
  Neg: rule(6, [], unary("neg")),
  Abs: rule(6, [], unary("abs")),
  Sign: rule(9, [], unary("sign")),
  Floor: rule(6, [], unary("floor", true)),
  Ceil: rule(6, [], unary("ceil", true)),
  Round: rule(11, [], unary("rint", true)),
  Sqrt: rule(6, [], unary("sqrt", true)),
  Reciprocal: rule(6, [], reciprocal),
  Exp: rule(6, [], unary("exp", true)),
  Log: rule(6, [], unary("log", true)),
  Sin: rule(7, [], unary("sin", true)),
  Cos: rule(7, [], unary("cos", true)),
  Tan: rule(7, [], tan),
  Atan: rule(7, [], unary("atan", true)),
  Tanh: rule(6, [], unary("tanh", true)),
  Erf: rule(9, [], unary("erf", true)),
};
