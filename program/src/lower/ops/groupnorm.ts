/**
 * Normalisation over groups and regions (ONNX Operators: GroupNormalization, MeanVarianceNormalization, LpNormalization,
 * LRN), in f32.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, inFloat32, map, normalAxes, normalAxis, reduce, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { inverseDeviation, moments, needVectors } from "./norm.ts";

/** fma(x - mean, scale / sqrt(variance + epsilon), bias), with parameters by channel or by group of channels. */
function group(byChannel: boolean): Lowering {
  return (inputs, { b, attributes }) => {
    const input = inputs.at(0);
    const [batch = 0, channels = 0, ...rest] = input.shape;
    const groups = attributes.int("num_groups") ?? 0;
    if (input.shape.length < 2 || groups < 1 || channels % groups !== 0)
      throw new ModelError("MALFORMED", `${groups} groups of a tensor [${input.shape.join(", ")}]`);
    if ((attributes.int("stash_type") ?? 1) !== 1)
      throw new ModelError("UNSUPPORTED_USE", "stash_type other than float");
    const parameters = [inputs.at(1), inputs.at(2)];
    needVectors(parameters, byChannel ? channels : groups);
    const each = channels / groups;
    const [scale, bias] = parameters.map((vector) => {
      sameDtype(input, vector);
      return cast(b, reshape(b, vector, [1, groups, byChannel ? each : 1, 1]), "f32");
    });
    if (scale === undefined || bias === undefined) return [];
    const result = inFloat32(b, input, (x) => {
      const grouped = reshape(b, x, [batch, groups, each, product(rest)]);
      const { centred, variance } = moments(b, grouped, [2, 3]);
      const factor = inverseDeviation(b, variance, attributes.float("epsilon") ?? 1e-5, scale);
      return reshape(b, map(b, "fma", "f32", centred, factor, bias), input.shape);
    });
    return [result];
  };
}

/** (x - mean) / (sqrt(variance) + 1e-9). */
function meanVariance(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  const all = input.shape.map((_, d) => d);
  const listed = attributes.ints("axes") ?? [0, 2, 3];
  const axes = listed.length === 0 ? all : normalAxes(listed, input.shape.length);
  const result = inFloat32(b, input, (x) => {
    const { centred, variance } = moments(b, x, axes);
    const deviation = map(b, "add", "f32", map(b, "sqrt", "f32", variance), b.scalar("f32", 1e-9));
    return map(b, "div", "f32", centred, deviation);
  });
  return [result];
}

/** x / norm; 0 where the norm is 0, by division by infinity. */
function lp(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  const axes = [normalAxis(attributes.int("axis") ?? -1, input.shape.length)];
  const p = attributes.int("p") ?? 2;
  if (p !== 1 && p !== 2) throw new ModelError("MALFORMED", `p = ${p}`);
  const result = inFloat32(b, input, (x) => {
    const norm =
      p === 1
        ? reduce(b, "sum", "f32", map(b, "abs", "f32", x), axes)
        : map(b, "sqrt", "f32", reduce(b, "sum", "f32", x, axes, true));
    const none = map(b, "eq", "bool", norm, b.scalar("f32", 0));
    return map(b, "div", "f32", x, map(b, "where", "f32", none, b.scalar("f32", Infinity), norm));
  });
  return [result];
}

/** Exact sums of the squares of `size` neighbouring channels; those beyond the edge do not count. */
function regionSquares(b: Builder, x: Value, size: number): Value {
  const last = Math.max(0, (x.shape[1] ?? 1) - 1);
  const before = Math.min(Math.floor((size - 1) / 2), last);
  const after = Math.min(Math.ceil((size - 1) / 2), last);
  const rank = x.shape.length;
  const coordinates = x.shape.map((_, d) =>
    d === 1
      ? affine(
          [
            [1, 1],
            [rank, 1],
          ],
          -before,
        )
      : at(d),
  );
  const load = { value: x, at: coordinates };
  const red = [before + after + 1];
  return b.emit({ body: "mul", fold: "sum", dtype: "f32", out: x.shape, red, loads: [load, load] });
}

/** x / fma(squares, alpha / size, bias)^beta. */
function localResponse(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const input = inputs.at(0);
  const size = attributes.int("size") ?? 0;
  if (size < 1 || input.shape.length < 2)
    throw new ModelError("MALFORMED", `size ${size} or the input's rank`);
  const f32 = (name: string, absent: number) => b.scalar("f32", attributes.float(name) ?? absent);
  const alpha = b.scalar("f32", (attributes.float("alpha") ?? 1e-4) / size);
  const result = inFloat32(b, input, (x) => {
    const base = map(b, "fma", "f32", regionSquares(b, x, size), alpha, f32("bias", 1));
    return map(b, "div", "f32", x, map(b, "pow", "f32", base, f32("beta", 0.75)));
  });
  return [result];
}

export const GROUPNORM: RuleTable = {
  GroupNormalization: [
    rule(18, ["epsilon", "num_groups"], group(false), 20),
    rule(21, ["epsilon", "num_groups", "stash_type"], group(true)),
  ],
  MeanVarianceNormalization: rule(9, ["axes"], meanVariance),
  LpNormalization: rule(1, ["axis", "p"], lp),
  LRN: rule(1, ["alpha", "beta", "bias", "size"], localResponse),
};
