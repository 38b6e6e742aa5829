/**
 * Elementwise quantised operators (ONNX Runtime contrib operators QLinearAdd, QLinearMul, QLinearConcat, QLinearLeakyRelu,
 * QLinearSigmoid, QLinearWhere). Equal to onnxruntime's x86-64 results bit for bit.
 */
import { ModelError } from "../../onnx/error.ts";
import { dtype, integerRange } from "../../dtype.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { alikeBut, map, normalAxis } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { concat } from "./join.ts";
import { dequantise, quantise, ratio, scalarOf } from "./quantize.ts";
import { centre } from "./zero.ts";

interface Quantised {
  readonly x: Value;
  readonly scale: Value;
  readonly zero: Value;
}

/** The operand at three inputs: tensor, scale, zero point (absent: 0). */
function operand(b: Builder, inputs: Inputs, first: number): Quantised {
  const x = inputs.at(first);
  const zero = inputs.optional(first + 2);
  if (zero !== undefined) sameDtype(x, zero);
  return {
    x,
    scale: scalarOf(inputs.at(first + 1)),
    zero: zero === undefined ? b.scalar(x.dtype, 0) : scalarOf(zero),
  };
}

/** Scale and zero point of the output at two inputs. */
function target(b: Builder, inputs: Inputs, first: number, x: Value): { scale: Value; zero: Value } {
  const zero = inputs.optional(first + 1);
  return {
    scale: scalarOf(inputs.at(first)),
    zero: zero === undefined ? b.scalar(x.dtype, 0) : scalarOf(zero),
  };
}

/** Whether onnxruntime runs along the output with one element of this operand: its innermost dimension is broadcast. */
function isRepeated(value: Value, shape: readonly number[]): boolean {
  const innermost = shape.findLastIndex((size) => size > 1);
  return innermost >= 0 && (value.shape[innermost - shape.length + value.shape.length] ?? 1) === 1;
}

/**
 * A = r(sa / sc), B = r(sb / sc), F = r(z - fma(A, za, r(B·zb))): sat(rint(fma(a, A, fma(b, B, F)))). A repeated operand
 * goes into F first: F' = r(F + r(b·B)).
 */
function add(inputs: Inputs, { b }: Context): readonly Value[] {
  const [left, right] = [operand(b, inputs, 0), operand(b, inputs, 3)];
  sameDtype(left.x, right.x);
  const { scale, zero } = target(b, inputs, 6, left.x);
  const f32 = (body: "add" | "sub" | "mul" | "div" | "fma", ...values: readonly Value[]) =>
    map(b, body, "f32", ...values);
  const [A, B] = [f32("div", left.scale, scale), f32("div", right.scale, scale)];
  const F = f32("sub", zero, f32("fma", A, left.zero, f32("mul", B, right.zero)));
  const shape = view.broadcastShapes([left.x.shape, right.x.shape]);
  const folded = (x: Value, factor: Value) => f32("add", F, f32("mul", x, factor));
  let sum: Value;
  if (isRepeated(left.x, shape)) sum = f32("fma", right.x, B, folded(left.x, A));
  else if (isRepeated(right.x, shape)) sum = f32("fma", left.x, A, folded(right.x, B));
  else sum = f32("fma", left.x, A, f32("fma", right.x, B, F));
  return [map(b, "sat", left.x.dtype, sum)];
}

/** sat(rint(r(r(p·s) + z))) with p = (a - za)(b - zb), s = r(r(sa·sb) / sc). */
function mul(inputs: Inputs, { b }: Context): readonly Value[] {
  const [left, right] = [operand(b, inputs, 0), operand(b, inputs, 3)];
  sameDtype(left.x, right.x);
  const { scale, zero } = target(b, inputs, 6, left.x);
  const p = map(b, "mul", "i32", centre(b, left.x, left.zero), centre(b, right.x, right.zero));
  const scaled = map(b, "mul", "f32", p, ratio(b, left.scale, right.scale, scale));
  return [map(b, "sat", left.x.dtype, map(b, "add", "f32", scaled, zero))];
}

function same(b: Builder, x: Value, y: Value): boolean {
  const [p, q] = [b.known(x), b.known(y)];
  return p !== undefined && q !== undefined && Buffer.compare(p.data, q.data) === 0;
}

/** Requantised by way of float32, or unchanged if its parameters are those of the output. */
function requantised(b: Builder, { x, scale, zero }: Quantised, toScale: Value, toZero: Value): Value {
  if (same(b, scale, toScale) && same(b, zero, toZero)) return x;
  return quantise(b, toZero.dtype, dequantise(b, x, scale, zero), toScale, toZero);
}

/** Condition, operand, operand, scale and zero point of the output. */
function where(inputs: Inputs, { b }: Context): readonly Value[] {
  const condition = inputs.at(0);
  const [left, right] = [operand(b, inputs, 1), operand(b, inputs, 4)];
  sameDtype(left.x, right.x);
  if (condition.dtype !== "bool") throw new ModelError("MALFORMED", `a condition of ${condition.dtype}`);
  const { scale, zero } = target(b, inputs, 7, left.x);
  sameDtype(left.x, zero);
  const [x, y] = [left, right].map((part) => requantised(b, part, scale, zero));
  return x === undefined || y === undefined ? [] : [map(b, "where", zero.dtype, condition, x, y)];
}

function concatenate(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [scale, zero] = [scalarOf(inputs.at(0)), scalarOf(inputs.at(1))];
  const parts = Array.from({ length: Math.floor((inputs.length - 2) / 3) }, (_, k) =>
    operand(b, inputs, 2 + 3 * k),
  );
  const converted = parts.map((part) => requantised(b, part, scale, zero));
  const [first] = converted;
  if (first === undefined) throw new ModelError("MALFORMED", "nothing to concatenate");
  const axis = normalAxis(attributes.int("axis") ?? NaN, first.shape.length);
  for (const part of converted)
    if (!alikeBut(axis, part, first))
      throw new ModelError("MALFORMED", "the operands differ in another axis");
  return [concat(b, converted, axis)];
}

type Step = (b: Builder, x: Value, context: Context) => Value;

/** A function between dequantising and quantising: a table of its 256 values if the parameters are known. */
function through(step: Step) {
  return (inputs: Inputs, context: Context): readonly Value[] => {
    const { b } = context;
    const { x, scale, zero } = operand(b, inputs, 0);
    const out = target(b, inputs, 3, x);
    const apply = (value: Value) =>
      quantise(b, x.dtype, step(b, dequantise(b, value, scale, zero), context), out.scale, out.zero);
    const known = [scale, zero, out.scale, out.zero].every((value) => b.known(value) !== undefined);
    if (!known || dtype(x.dtype).bytes !== 1) return [apply(x)];
    const least = Number(integerRange(x.dtype)[0]);
    const table = apply(
      b.list(
        x.dtype,
        Array.from({ length: 256 }, (_, k) => least + k),
      ),
    );
    return [lookUp(b, table, x, least)];
  };
}

/** table[x - least], elementwise. */
function lookUp(b: Builder, table: Value, x: Value, least: number): Value {
  const order = view.storageOrder(x);
  const position = view.inverse(order);
  const index = { gather: x, at: x.shape.map((_, d) => at(position[d] ?? d)), zero: least };
  const out = order.map((d) => x.shape[d] ?? 1);
  return view.transpose(
    b.emit({ body: "copy", dtype: table.dtype, out, loads: [{ value: table, at: [index] }] }),
    position,
  );
}

const leakyRelu: Step = (b, x, { attributes }) => {
  const low = map(b, "mul", "f32", x, b.scalar("f32", attributes.float("alpha") ?? 0.01));
  return map(b, "where", "f32", map(b, "lt", "bool", x, b.scalar("f32", 0)), low, x);
};

/** Numerator (odd powers, highest first) and denominator (even powers) of onnxruntime's logistic function less 1/2. */
const LOGISTIC = {
  reach: 18,
  odd: [
    4.37031012579801e-11, 1.15627324459942e-7, 6.08574864600143e-5, 8.51377133304701e-3, 2.48287947061529e-1,
  ],
  even: [
    6.10247389755681e-13, 5.76102136993427e-9, 6.2910678501704e-6, 1.70198817374094e-3, 1.16817656904453e-1,
    9.9315192102318e-1,
  ],
} as const;

/** onnxruntime's own rational approximation (MLAS, MlasComputeLogistic), step by step. */
const logistic: Step = (b, x) => {
  const f32 = (value: number) => b.scalar("f32", value);
  const limited = map(b, "min", "f32", map(b, "max", "f32", x, f32(-LOGISTIC.reach)), f32(LOGISTIC.reach));
  const square = map(b, "mul", "f32", limited, limited);
  const horner = ([first = 0, ...rest]: readonly number[]) =>
    rest.reduce((sum, coefficient) => map(b, "fma", "f32", sum, square, f32(coefficient)), f32(first));
  const quotient = map(
    b,
    "div",
    "f32",
    map(b, "mul", "f32", horner(LOGISTIC.odd), limited),
    horner(LOGISTIC.even),
  );
  const result = map(b, "add", "f32", quotient, f32(0.5));
  return map(b, "min", "f32", map(b, "max", "f32", result, f32(0)), f32(1));
};

export const QELEMENTWISE: RuleTable = {
  "com.microsoft:QLinearAdd": rule(1, [], add),
  "com.microsoft:QLinearMul": rule(1, [], mul),
  "com.microsoft:QLinearConcat": rule(1, ["axis"], concatenate),
  "com.microsoft:QLinearLeakyRelu": rule(1, ["alpha"], through(leakyRelu)),
  "com.microsoft:QLinearSigmoid": rule(1, [], through(logistic)),
  "com.microsoft:QLinearWhere": rule(1, [], where),
};
