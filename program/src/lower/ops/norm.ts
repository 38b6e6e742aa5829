/**
 * Normalisation (ONNX Operators: BatchNormalization in inference, InstanceNormalization, LayerNormalization).
 */
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { cast, inFloat32, map, normalAxis } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { perChannel } from "./conv.ts";
import { mean } from "./reduce.ts";

export function needVectors(vectors: readonly Value[], channels: number | undefined): void {
  if (vectors.some(({ shape }) => shape.length !== 1 || shape[0] !== channels))
    throw new ModelError("MALFORMED", "parameters do not have one element per channel");
}

/** fma(x, a, b) with a = scale / sqrt(var + epsilon) and b = bias - mean·a, as onnxruntime does. */
function batch(inputs: Inputs, { b, attributes, wants }: Context): readonly (Value | undefined)[] {
  if (attributes.int("training_mode") === 1 || wants(1))
    throw new ModelError("UNSUPPORTED_USE", "training mode");
  if (attributes.int("spatial") === 0) throw new ModelError("UNSUPPORTED_USE", "spatial = 0");
  const input = inputs.at(0);
  const vectors = [1, 2, 3, 4].map((k) => inputs.at(k));
  needVectors(vectors, input.shape[1]);
  const result = inFloat32(b, input, (x) => {
    const spread = (k: number) => cast(b, perChannel(b, inputs.at(k), x.shape.length), "f32");
    const deviation = inverseDeviation(b, spread(4), attributes.float("epsilon") ?? 1e-5, spread(1));
    const shift = map(b, "sub", "f32", spread(2), map(b, "mul", "f32", spread(3), deviation));
    return map(b, "fma", "f32", x, deviation, shift);
  });
  return [result];
}

/** scale / sqrt(variance + epsilon). */
export function inverseDeviation(b: Builder, variance: Value, epsilon: number, scale: Value): Value {
  const root = map(b, "sqrt", "f32", map(b, "add", "f32", variance, b.scalar("f32", epsilon)));
  return map(b, "div", "f32", scale, root);
}

export interface Moments {
  readonly mean: Value;
  readonly centred: Value;
  readonly variance: Value;
}

/** Mean, x - mean, and the mean of its square. */
export function moments(b: Builder, x: Value, axes: readonly number[]): Moments {
  const average = mean(x, axes, b);
  const centred = map(b, "sub", "f32", x, average);
  return { mean: average, centred, variance: mean(map(b, "mul", "f32", centred, centred), axes, b) };
}

/** (x - mean) · (1 / sqrt(variance + epsilon)) · scale + bias; outputs the mean and the inverse deviation too. */
function layer(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  if ((attributes.int("stash_type") ?? 1) !== 1)
    throw new ModelError("UNSUPPORTED_USE", "stash_type other than float");
  const input = inputs.at(0);
  const axis = normalAxis(attributes.int("axis") ?? -1, input.shape.length);
  const axes = input.shape.map((_, d) => d).slice(axis);
  const { mean, centred, variance } = moments(b, cast(b, input, "f32"), axes);
  const inverse = inverseDeviation(b, variance, attributes.float("epsilon") ?? 1e-5, b.scalar("f32", 1));
  const scaled = map(b, "mul", "f32", map(b, "mul", "f32", centred, inverse), cast(b, inputs.at(1), "f32"));
  const bias = inputs.optional(2);
  const result = bias === undefined ? scaled : map(b, "add", "f32", scaled, cast(b, bias, "f32"));
  return [cast(b, result, input.dtype), mean, inverse];
}

function instance(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  needVectors([inputs.at(1), inputs.at(2)], input.shape[1]);
  const result = inFloat32(b, input, (x) => {
    const axes = x.shape.map((_, d) => d).slice(2);
    const [scale, bias] = [1, 2].map((k) => cast(b, perChannel(b, inputs.at(k), x.shape.length), "f32"));
    if (scale === undefined || bias === undefined) return x;
    const { centred, variance } = moments(b, x, axes);
    return map(
      b,
      "fma",
      "f32",
      centred,
      inverseDeviation(b, variance, attributes.float("epsilon") ?? 1e-5, scale),
      bias,
    );
  });
  return [result];
}

export const NORM: RuleTable = {
  BatchNormalization: rule(7, ["epsilon", "momentum", "spatial", "training_mode"], batch),
  InstanceNormalization: rule(6, ["epsilon"], instance),
  LayerNormalization: rule(17, ["axis", "epsilon", "stash_type"], layer),
};
