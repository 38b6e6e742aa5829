/**
 * Steps of optimisers (ai.onnx.preview.training: Adagrad, Adam, Momentum). In f32, rounded at every step.
 */
import { isInteger } from "../../dtype.ts";
import { product, type Body } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { cast, map } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

/** body(operands) in f32. */
type Apply = (body: Body, ...operands: readonly (Value | number)[]) => Value;

interface Step {
  readonly rate: Value;
  /** How many updates came before. */
  readonly count: Value;
  readonly apply: Apply;
  /** By the condition `count > 0`. */
  readonly later: (then: Value | number, otherwise: Value | number) => Value;
  readonly float: (name: string, initial?: number) => number;
  readonly context: Context;
}

/** The new value and states of one tensor, from its value, gradient and states. */
type Update = (tensors: readonly Value[], step: Step) => readonly Value[];

/** Inputs: rate, count, then `states` + 2 groups of tensors: values, gradients, states. Outputs: all but the gradients. */
function optimiser(states: number, update: Update): Lowering {
  return (inputs: Inputs, context) => {
    const { b, attributes } = context;
    const [rate, count, ...tensors] = [...Array(inputs.length).keys()].map((k) => inputs.at(k));
    if (rate === undefined || count === undefined || !isInteger(count.dtype))
      throw new ModelError("MALFORMED", "no rate or no update count");
    if (product(rate.shape) !== 1 || product(count.shape) !== 1)
      throw new ModelError("MALFORMED", "rate or update count is not a scalar");
    const each = tensors.length / (states + 2);
    if (!Number.isInteger(each) || each === 0)
      throw new ModelError("MALFORMED", `${tensors.length} tensors to update`);
    const number = (v: Value | number) => (typeof v === "number" ? b.scalar("f32", v) : v);
    const apply: Apply = (body, ...operands) => map(b, body, "f32", ...operands.map(number));
    const positive = { ...map(b, "lt", "bool", b.scalar("i64", 0), count), shape: [], dims: [] };
    const step: Step = {
      rate: { ...rate, shape: [], dims: [] },
      count: { ...cast(b, count, "f32"), shape: [], dims: [] },
      apply,
      later: (then, otherwise) => apply("where", positive, then, otherwise),
      float: (name, initial = 0) => attributes.float(name) ?? initial,
      context,
    };
    const results = Array.from({ length: each }, (_, k) => {
      const own = tensors.filter((_tensor, index) => index % each === k);
      if ([rate, ...own].some(({ dtype }) => dtype !== "f32"))
        throw new ModelError("UNSUPPORTED_DTYPE", "an optimiser of other than f32");
      if (own.some(({ shape }) => shape.join() !== own[0]?.shape.join()))
        throw new ModelError("MALFORMED", "a gradient or state does not fit its tensor");
      return update(own, step);
    });
    return Array.from({ length: states + 1 }, (_, state) => results.map((result) => result[state])).flat();
  };
}

/** norm_coefficient x + g. */
function regularised(x: Value, gradient: Value, { apply, float }: Step): Value {
  return apply("fma", x, float("norm_coefficient"), gradient);
}

/** h + g^2; x - R / (1 + T decay) g / (sqrt(h) + epsilon). */
const adagrad: Update = ([x, gradient, squares], step) => {
  if (!x || !gradient || !squares) return [];
  const { apply, float } = step;
  const slope = regularised(x, gradient, step);
  const rate = apply("div", step.rate, apply("fma", step.count, float("decay_factor"), 1));
  const total = apply("fma", slope, slope, squares);
  const scale = apply("add", apply("sqrt", total), float("epsilon", 1e-6));
  const move = apply("div", apply("mul", rate, slope), scale);
  return [apply("sub", x, move), total];
};

/** Running means v of g and h of g^2; x - R' v / (sqrt(h) + epsilon), with R' unbiased from the second step on. */
const adam: Update = ([x, gradient, means, squares], step) => {
  if (!x || !gradient || !means || !squares) return [];
  const { apply, float, later } = step;
  const [alpha, beta] = [float("alpha", 0.9), float("beta", 0.999)];
  const slope = regularised(x, gradient, step);
  const mean = apply("fma", slope, 1 - alpha, apply("mul", means, alpha));
  const square = apply("fma", apply("mul", slope, slope), 1 - beta, apply("mul", squares, beta));
  // 1 - c^T without cancellation.
  const rest = (c: number) => apply("neg", apply("expm1", apply("mul", step.count, apply("log", c))));
  const unbiased = apply("div", apply("mul", step.rate, apply("sqrt", rest(beta))), rest(alpha));
  const scale = apply("add", apply("sqrt", square), float("epsilon", 1e-6));
  const move = apply("mul", later(unbiased, step.rate), apply("div", mean, scale));
  return [apply("mul", apply("sub", x, move), 1 - float("norm_coefficient_post")), mean, square];
};

/** v' = alpha v + beta g, with beta 1 at first; x - R v', or by Nesterov x - R (g + alpha v'). */
const momentum: Update = ([x, gradient, velocity], step) => {
  if (!x || !gradient || !velocity) return [];
  const { apply, float, later, context } = step;
  const mode = context.attributes.string("mode") ?? "";
  if (mode !== "standard" && mode !== "nesterov") throw new ModelError("MALFORMED", `mode "${mode}"`);
  const slope = regularised(x, gradient, step);
  const faster = apply("fma", velocity, float("alpha"), apply("mul", slope, later(float("beta"), 1)));
  const direction = mode === "standard" ? faster : apply("fma", faster, float("alpha"), slope);
  return [apply("sub", x, apply("mul", step.rate, direction)), faster];
};

const DOMAIN = "ai.onnx.preview.training";

export const OPTIMIZER: RuleTable = {
  [`${DOMAIN}:Adagrad`]: rule(1, ["decay_factor", "epsilon", "norm_coefficient"], optimiser(1, adagrad)),
  [`${DOMAIN}:Adam`]: rule(
    1,
    ["alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post"],
    optimiser(2, adam),
  ),
  [`${DOMAIN}:Momentum`]: rule(1, ["alpha", "beta", "mode", "norm_coefficient"], optimiser(1, momentum)),
};
