/**
 * Losses (ONNX Operators: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss). In f32; sums are exact and rounded once.
 */
import { isInteger } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, normalAxes, reduce, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { expand, type Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { softmaxOver } from "./reduce.ts";

const ATTRIBUTES = ["ignore_index", "reduction"] as const;

/** Where the target is `ignored`, a class that there is not. */
function withoutIgnored(b: Builder, target: Value, ignored: number | undefined): Value {
  const wide = cast(b, target, "i64");
  if (ignored === undefined) return wide;
  const skip = map(b, "eq", "bool", wide, b.scalar("i64", ignored));
  return map(b, "where", "i64", skip, b.scalar("i64", -1), wide);
}

/** The losses of log-probabilities [N, C, ...] (f32) at targets [N, ...], reduced as the attribute says. */
function loss(logarithms: Value, inputs: Inputs, { b, attributes }: Context): Value {
  const [given, weight] = [inputs.at(1), inputs.optional(2)];
  const [n, classes, ...rest] = logarithms.shape;
  if (n === undefined || classes === undefined || given.shape.join() !== [n, ...rest].join())
    throw new ModelError("MALFORMED", "the target does not fit the scores");
  if (!isInteger(given.dtype)) throw new ModelError("MALFORMED", `a target of ${given.dtype}`);
  if (weight !== undefined && weight.shape.join() !== `${classes}`)
    throw new ModelError("MALFORMED", "weights do not fit the classes");
  const reduction = attributes.string("reduction") ?? "mean";
  if (!["none", "sum", "mean"].includes(reduction))
    throw new ModelError("MALFORMED", `reduction "${reduction}"`);
  const ignored = attributes.int("ignore_index");
  const target = withoutIgnored(b, given, ignored);
  const own = target.shape.map((_, d) => at(d));
  const found = { gather: target, at: own };
  // What a target picks: of an ignored one nothing, which reads as 0.
  const picked = { value: logarithms, at: [at(0), found, ...own.slice(1)] };
  const weights = weight && map(b, "neg", "f32", cast(b, weight, "f32"));
  const each = b.emit({
    dtype: "f32",
    out: target.shape,
    ...(weights === undefined
      ? { body: "neg", loads: [picked] }
      : { body: "mul", loads: [picked, { value: weights, at: [found] }] }),
  });
  if (reduction === "none") return each;
  const all = own.map((_, d) => d);
  const total = (value: Value) => squeeze(reduce(b, "sum", "f32", value, all), all);
  if (reduction === "sum") return total(each);
  const count = b.scalar("f32", product(target.shape));
  if (weight === undefined && ignored === undefined) return map(b, "div", "f32", total(each), count);
  const ones = expand(b.scalar("f32", 1), [classes]);
  const share = { value: weight === undefined ? ones : cast(b, weight, "f32"), at: [found] };
  const shares = b.emit({ body: "copy", dtype: "f32", out: target.shape, loads: [share] });
  return map(b, "div", "f32", total(each), total(shares));
}

function needScores(inputs: Inputs): Value {
  const x = inputs.at(0);
  const weight = inputs.optional(2);
  needFloat(x);
  if (weight !== undefined) sameDtype(x, weight);
  return x;
}

function negativeLogLikelihood(inputs: Inputs, context: Context): readonly Value[] {
  const x = needScores(inputs);
  return [cast(context.b, loss(cast(context.b, x, "f32"), inputs, context), x.dtype)];
}

/** The loss of log-softmax over axis 1, and that itself. */
function softmaxCrossEntropy(inputs: Inputs, context: Context): readonly Value[] {
  const { b } = context;
  const x = needScores(inputs);
  const logarithms = softmaxOver(b, cast(b, x, "f32"), normalAxes([1], x.shape.length), true);
  return [cast(b, loss(logarithms, inputs, context), x.dtype), cast(b, logarithms, x.dtype)];
}

export const LOSS: RuleTable = {
  NegativeLogLikelihoodLoss: rule(12, ATTRIBUTES, negativeLogLikelihood),
  SoftmaxCrossEntropyLoss: rule(12, ATTRIBUTES, softmaxCrossEntropy),
};
