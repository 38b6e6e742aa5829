/**
 * Comparisons, logic, bits and selection (ONNX Operators: Equal, Less, And, Not, BitwiseAnd, Where, IsNaN, IsInf, ...).
 */
import { isFloat } from "../../dtype.ts";
import { BODIES, type Body } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { map } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import { expand, type Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";

/** a `body` b, or with `swap` b `body` a. */
function comparison(body: Body, swap = false): Lowering {
  return (inputs, { b }) => {
    const [x, y] = [inputs.at(0), inputs.at(1)];
    sameDtype(x, y);
    return [swap ? map(b, body, "bool", y, x) : map(b, body, "bool", x, y)];
  };
}

function needBool(value: Value): void {
  if (value.dtype !== "bool") throw new ModelError("MALFORMED", `${value.dtype} where bool is expected`);
}

/** As many operands as the body takes. */
function operandsOf(inputs: Inputs, body: Exclude<Body, "first">): Value[] {
  return Array.from({ length: BODIES[body].arity }, (_, k) => inputs.at(k));
}

function logical(body: Exclude<Body, "first">): Lowering {
  return (inputs, { b }) => {
    const values = operandsOf(inputs, body);
    values.forEach(needBool);
    return [map(b, body, "bool", ...values)];
  };
}

function bitwise(body: Exclude<Body, "first">): Lowering {
  return (inputs, { b }) => {
    const x = inputs.at(0);
    if (isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `bits of ${x.dtype}`);
    const values = operandsOf(inputs, body);
    for (const value of values) sameDtype(x, value);
    return [map(b, body, x.dtype, ...values)];
  };
}

function bitShift(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, y] = [inputs.at(0), inputs.at(1)];
  sameDtype(x, y);
  const direction = attributes.string("direction");
  if (direction !== "LEFT" && direction !== "RIGHT")
    throw new ModelError("MALFORMED", "direction is neither LEFT nor RIGHT");
  return [map(b, direction === "LEFT" ? "shl" : "shr", x.dtype, x, y)];
}

function where(inputs: Inputs, { b }: Context): readonly Value[] {
  const [condition, x, y] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  needBool(condition);
  sameDtype(x, y);
  return [map(b, "where", x.dtype, condition, x, y)];
}

function isNaN(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  return [map(b, "ne", "bool", x, x)];
}

function isInf(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  needFloat(x);
  const [positive, negative] = ["detect_positive", "detect_negative"].map(
    (name) => attributes.int(name) !== 0,
  );
  const is = (value: Value, bound: number) => map(b, "eq", "bool", value, b.scalar(x.dtype, bound));
  if (positive && negative) return [is(map(b, "abs", x.dtype, x), Infinity)];
  if (!positive && !negative) return [expand(b.scalar("bool", 0), x.shape)];
  return [is(x, positive ? Infinity : -Infinity)];
}

export const LOGIC: RuleTable = {
  Equal: rule(7, [], comparison("eq")),
  Less: rule(7, [], comparison("lt")),
  LessOrEqual: rule(12, [], comparison("le")),
  Greater: rule(7, [], comparison("lt", true)),
  GreaterOrEqual: rule(12, [], comparison("le", true)),
  And: rule(7, [], logical("and")),
  Or: rule(7, [], logical("or")),
  Xor: rule(7, [], logical("xor")),
  Not: rule(1, [], logical("not")),
  BitwiseAnd: rule(18, [], bitwise("and")),
  BitwiseOr: rule(18, [], bitwise("or")),
  BitwiseXor: rule(18, [], bitwise("xor")),
  BitwiseNot: rule(18, [], bitwise("not")),
  BitShift: rule(11, ["direction"], bitShift),
  Where: rule(9, [], where),
  IsNaN: rule(9, [], isNaN),
  IsInf: rule(10, ["detect_negative", "detect_positive"], isInf),
};
