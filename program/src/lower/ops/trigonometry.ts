/**
 * Inverse and hyperbolic functions (ONNX Operators: Acos, Asin, Acosh, Asinh, Atanh, Sinh, Cosh). In f32, rounded at every
 * step, by formulas in which nothing cancels and nothing overflows before the result does.
 */
import type { Body } from "../../instruction.ts";
import type { Builder } from "../builder.ts";
import { inFloat32, map } from "../compose.ts";
import { rule, type Rule, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

type Operand = Value | number;
/** body(operands) in f32. */
type Apply = (body: Body, ...operands: readonly Operand[]) => Value;

function pointwise(since: number, f: (x: Value, apply: Apply, b: Builder) => Value): Rule {
  return rule(since, [], (inputs, { b }) => {
    const apply: Apply = (body, ...operands) =>
      map(b, body, "f32", ...operands.map((v) => (typeof v === "number" ? b.scalar("f32", v) : v)));
    return [inFloat32(b, inputs.at(0), (x) => f(x, apply, b))];
  });
}

/** An odd function from its values at |x|. */
function odd(x: Value, apply: Apply, f: (size: Value) => Value): Value {
  return apply("mul", apply("sign", x), f(apply("abs", x)));
}

/** `value` unless x > 2^28; there log(2x), to which inverse hyperbolic sine and cosine come equal. */
function orLogarithm(x: Value, value: Value, apply: Apply, b: Builder): Value {
  const large = map(b, "lt", "bool", b.scalar("f32", 2 ** 28), x);
  return apply("where", large, apply("add", apply("log", x), Math.LN2), value);
}

/** 2 atan(sqrt((1 - x) / (1 + x))). */
const acos = (x: Value, apply: Apply) => {
  const ratio = apply("div", apply("sub", 1, x), apply("add", 1, x));
  return apply("mul", 2, apply("atan", apply("sqrt", ratio)));
};

/** atan(x / sqrt(1 - x^2)), with 1 - x^2 rounded once. */
const asin = (x: Value, apply: Apply) =>
  apply("atan", apply("div", x, apply("sqrt", apply("fma", x, apply("neg", x), 1))));

/** log1p(t + sqrt(t) sqrt(x + 1)) with t = x - 1. */
const acosh = (x: Value, apply: Apply, b: Builder) => {
  const above = apply("sub", x, 1);
  const root = apply("mul", apply("sqrt", above), apply("sqrt", apply("add", x, 1)));
  return orLogarithm(x, apply("log1p", apply("add", above, root)), apply, b);
};

/** log1p(x + x / (1/x + sqrt(1 + 1/x^2))) of |x|. */
const asinh = (x: Value, apply: Apply, b: Builder) =>
  odd(x, apply, (size) => {
    const inverse = apply("div", 1, size);
    const sum = apply("add", inverse, apply("sqrt", apply("fma", inverse, inverse, 1)));
    const small = apply("log1p", apply("add", size, apply("div", size, sum)));
    return orLogarithm(size, small, apply, b);
  });

/** log1p(2x / (1 - x)) / 2 of |x|. */
const atanh = (x: Value, apply: Apply) =>
  odd(x, apply, (size) => {
    const ratio = apply("div", apply("mul", 2, size), apply("sub", 1, size));
    return apply("mul", 0.5, apply("log1p", ratio));
  });

/** (e + e / (e + 1)) / 2 with e = expm1(|x|); from 20 on exp(x/2)^2 / 2. */
const sinh = (x: Value, apply: Apply, b: Builder) =>
  odd(x, apply, (size) => {
    const e = apply("expm1", size);
    const small = apply("mul", 0.5, apply("add", e, apply("div", e, apply("add", e, 1))));
    const half = apply("exp", apply("mul", 0.5, size));
    const large = apply("mul", apply("mul", 0.5, half), half);
    return apply("where", map(b, "lt", "bool", b.scalar("f32", 20), size), large, small);
  });

/** h^2 / 2 + 1 / (2 h^2) with h = exp(x/2). */
const cosh = (x: Value, apply: Apply) => {
  const half = apply("exp", apply("mul", 0.5, x));
  return apply("fma", apply("mul", 0.5, half), half, apply("div", apply("div", 0.5, half), half));
};

export const TRIGONOMETRY: RuleTable = {
  Acos: pointwise(7, acos),
  Asin: pointwise(7, asin),
  Acosh: pointwise(9, acosh),
  Asinh: pointwise(9, asinh),
  Atanh: pointwise(9, atanh),
  Sinh: pointwise(9, sinh),
  Cosh: pointwise(9, cosh),
};
