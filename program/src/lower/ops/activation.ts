/**
 * Activation functions (ONNX Operators: Relu, LeakyRelu, Clip, Sigmoid, HardSigmoid, Softplus, Gelu, ...). Composite ones
 * round at every step named in their comment.
 */
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { cast, inFloat32, map } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type Rule, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";

type Step = (x: Value, b: Builder, context: Context) => Value;

/** A function of one float tensor, computed in f32. */
function pointwise(step: Step): Lowering {
  return (inputs, context) => [inFloat32(context.b, inputs.at(0), (x) => step(x, context.b, context))];
}

const f32 = (b: Builder, value: number) => b.scalar("f32", value);

/** 1 / (1 + exp(-x)). */
export function sigmoid(b: Builder, x: Value): Value {
  const e = map(b, "exp", "f32", map(b, "neg", "f32", x));
  return map(b, "div", "f32", f32(b, 1), map(b, "add", "f32", f32(b, 1), e));
}

function below(b: Builder, x: Value, bound: number): Value {
  return map(b, "lt", "bool", x, b.scalar(x.dtype, bound));
}

function relu(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  return [map(b, "max", x.dtype, x, b.scalar(x.dtype, 0))];
}

/** x, below 0 alpha·x. */
export function leakyRelu(b: Builder, x: Value, alpha: number): Value {
  return map(b, "where", "f32", below(b, x, 0), map(b, "mul", "f32", x, f32(b, alpha)), x);
}

function prelu(inputs: Inputs, { b }: Context): readonly Value[] {
  const [x, slope] = [inputs.at(0), inputs.at(1)];
  sameDtype(x, slope);
  return [map(b, "where", x.dtype, below(b, x, 0), map(b, "mul", x.dtype, x, slope), x)];
}

/** x, below 0 alpha·expm1(x). */
export function elu(b: Builder, x: Value, alpha: number): Value {
  const low = map(b, "mul", "f32", f32(b, alpha), map(b, "expm1", "f32", x));
  return map(b, "where", "f32", below(b, x, 0), low, x);
}

const selu: Step = (x, b, { attributes }) => {
  const alpha = f32(b, attributes.float("alpha") ?? 1.67326319217681884765625);
  const gamma = f32(b, attributes.float("gamma") ?? 1.05070102214813232421875);
  const low = map(b, "mul", "f32", alpha, map(b, "expm1", "f32", x));
  return map(b, "mul", "f32", gamma, map(b, "where", "f32", below(b, x, 0), low, x));
};

/** max(0, x) + alpha * expm1(min(0, x) / alpha). */
const celu: Step = (x, b, { attributes }) => {
  const alpha = f32(b, attributes.float("alpha") ?? 1);
  const low = map(b, "expm1", "f32", map(b, "div", "f32", map(b, "min", "f32", x, f32(b, 0)), alpha));
  return map(b, "add", "f32", map(b, "max", "f32", x, f32(b, 0)), map(b, "mul", "f32", alpha, low));
};

/** x, up to alpha 0. */
export function thresholdedRelu(b: Builder, x: Value, alpha: number): Value {
  return map(b, "where", "f32", map(b, "le", "bool", x, f32(b, alpha)), f32(b, 0), x);
}

/** x + bias below -lambd, x - bias above lambd, else 0; integers too are computed in f32. */
function shrink(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  const x = cast(b, input, "f32");
  const [bias, lambda] = [attributes.float("bias") ?? 0, attributes.float("lambd") ?? 0.5];
  const [raised, lowered] = (["add", "sub"] as const).map((body) => map(b, body, "f32", x, f32(b, bias)));
  if (raised === undefined || lowered === undefined) return [];
  const upper = map(b, "where", "f32", map(b, "lt", "bool", f32(b, lambda), x), lowered, f32(b, 0));
  return [cast(b, map(b, "where", "f32", below(b, x, -lambda), raised, upper), input.dtype)];
}

/** max(0, min(1, fma(alpha, x, beta))). */
export function hardSigmoid(b: Builder, x: Value, alpha: number, beta: number): Value {
  const line = map(b, "fma", "f32", x, f32(b, alpha), f32(b, beta));
  return map(b, "max", "f32", map(b, "min", "f32", line, f32(b, 1)), f32(b, 0));
}

/** max(x, 0) + log1p(exp(-|x|)), which does not overflow. */
export function softplus(b: Builder, x: Value): Value {
  const e = map(b, "exp", "f32", map(b, "neg", "f32", map(b, "abs", "f32", x)));
  return map(b, "add", "f32", map(b, "max", "f32", x, f32(b, 0)), map(b, "log1p", "f32", e));
}

export function softsign(b: Builder, x: Value): Value {
  return map(b, "div", "f32", x, map(b, "add", "f32", f32(b, 1), map(b, "abs", "f32", x)));
}

/** A function of one tensor and the attribute alpha. */
function withAlpha(apply: (b: Builder, x: Value, alpha: number) => Value, initial: number): Rule {
  const step: Step = (x, b, { attributes }) => apply(b, x, attributes.float("alpha") ?? initial);
  return rule(6, ["alpha"], pointwise(step));
}

/** x/2 * (1 + erf(x / sqrt 2)), or x/2 * (1 + tanh(sqrt(2/pi) * fma(0.044715, x^3, x))). */
export function geluOf(b: Builder, x: Value, form: "erf" | "tanh"): Value {
  const half = map(b, "mul", "f32", x, f32(b, 0.5));
  let inner: Value;
  if (form === "erf") inner = map(b, "erf", "f32", map(b, "mul", "f32", x, f32(b, Math.SQRT1_2)));
  else {
    const cube = map(b, "mul", "f32", map(b, "mul", "f32", x, x), x);
    const sum = map(b, "fma", "f32", cube, f32(b, 0.044715), x);
    inner = map(b, "tanh", "f32", map(b, "mul", "f32", sum, f32(b, 0.7978845608028654)));
  }
  return map(b, "mul", "f32", half, map(b, "add", "f32", inner, f32(b, 1)));
}

const gelu: Step = (x, b, { attributes }) => {
  const approximate = attributes.string("approximate") ?? "none";
  if (approximate !== "none" && approximate !== "tanh")
    throw new ModelError("MALFORMED", `approximate "${approximate}"`);
  return geluOf(b, x, approximate === "none" ? "erf" : "tanh");
};

/** min(max(x, low), high): where low > high, high. */
function clip(x: Value, low: Value | undefined, high: Value | undefined, b: Builder): Value {
  const raised = low === undefined ? x : map(b, "max", x.dtype, x, low);
  return high === undefined ? raised : map(b, "min", x.dtype, raised, high);
}

function clipByInputs(inputs: Inputs, { b }: Context): readonly Value[] {
  const x = inputs.at(0);
  const [low, high] = [inputs.optional(1), inputs.optional(2)];
  for (const bound of [low, high]) {
    if (bound === undefined) continue;
    sameDtype(x, bound);
    if (bound.shape.length > 0 && bound.shape.join() !== "1")
      throw new ModelError("MALFORMED", "a bound is not a scalar");
  }
  const scalar = (bound: Value | undefined) => bound && { ...bound, shape: [], dims: [] };
  return [clip(x, scalar(low), scalar(high), b)];
}

function clipByAttributes(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  needFloat(x);
  const bound = (name: string) => {
    const value = attributes.float(name);
    return value === undefined ? undefined : b.scalar(x.dtype, value);
  };
  return [clip(x, bound("min"), bound("max"), b)];
}

export const ACTIVATION: RuleTable = {
  Relu: rule(6, [], relu),
  LeakyRelu: withAlpha(leakyRelu, 0.01),
  PRelu: rule(7, [], prelu),
  Elu: withAlpha(elu, 1),
  Selu: rule(6, ["alpha", "gamma"], pointwise(selu)),
  Celu: rule(12, ["alpha"], pointwise(celu)),
  ThresholdedRelu: { ...withAlpha(thresholdedRelu, 1), since: 10 },
  Sigmoid: rule(
    6,
    [],
    pointwise((x, b) => sigmoid(b, x)),
  ),
  HardSigmoid: rule(
    6,
    ["alpha", "beta"],
    pointwise((x, b, { attributes }) =>
      hardSigmoid(b, x, attributes.float("alpha") ?? 0.2, attributes.float("beta") ?? 0.5),
    ),
  ),
  HardSwish: rule(
    14,
    [],
    pointwise((x, b) => map(b, "mul", "f32", x, hardSigmoid(b, x, 1 / 6, 0.5))),
  ),
  Softplus: rule(
    1,
    [],
    pointwise((x, b) => softplus(b, x)),
  ),
  Shrink: rule(9, ["bias", "lambd"], shrink),
  Softsign: rule(
    1,
    [],
    pointwise((x, b) => softsign(b, x)),
  ),
  Mish: rule(
    18,
    [],
    pointwise((x, b) => map(b, "mul", "f32", x, map(b, "tanh", "f32", softplus(b, x)))),
  ),
  Gelu: rule(20, ["approximate"], pointwise(gelu)),
  "com.microsoft:Gelu": rule(1, [], pointwise(gelu)),
  Clip: [rule(6, ["min", "max"], clipByAttributes, 10), rule(11, [], clipByInputs)],
};
