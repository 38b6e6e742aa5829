/**
 * Normalisation of transformers (ONNX Operators: RMSNormalization; SimplifiedLayerNormalization of onnxruntime;
 * SkipLayerNormalization, SkipSimplifiedLayerNormalization, EmbedLayerNormalization of com.microsoft), in f32.
 */
import { isInteger } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { at, ZERO } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, normalAxis, reduce } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { inverseDeviation, moments, needVectors } from "./norm.ts";

interface Normalised {
  readonly result: Value;
  /** 1 / root mean square. */
  readonly inverse: Value;
}

/** x · (1 / sqrt(mean(x²) + epsilon)) · scale; the mean is an exact sum, divided. */
function byRootMeanSquare(
  b: Builder,
  x: Value,
  axes: readonly number[],
  epsilon: number,
  scale: Value,
): Normalised {
  const count = b.scalar("f32", product(axes.map((d) => x.shape[d] ?? 1)));
  const meanSquare = map(b, "div", "f32", reduce(b, "sum", "f32", x, axes, true), count);
  const inverse = inverseDeviation(b, meanSquare, epsilon, b.scalar("f32", 1));
  return { result: map(b, "mul", "f32", map(b, "mul", "f32", x, inverse), cast(b, scale, "f32")), inverse };
}

/** Over the axes from `axis` on; the result has the dtype of the scale. Outputs the inverse too. */
function rootMeanSquare(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  if ((attributes.int("stash_type") ?? 1) !== 1)
    throw new ModelError("UNSUPPORTED_USE", "stash_type other than float");
  const [x, scale] = [inputs.at(0), inputs.at(1)];
  [x, scale].forEach(needFloat);
  const axis = normalAxis(attributes.int("axis") ?? -1, x.shape.length);
  if (view.broadcastShapes([scale.shape, x.shape]).join() !== x.shape.join())
    throw new ModelError("MALFORMED", `a scale of shape [${scale.shape.join(", ")}]`);
  const axes = x.shape.map((_, d) => d).slice(axis);
  const epsilon = attributes.float("epsilon") ?? 1e-5;
  const { result, inverse } = byRootMeanSquare(b, cast(b, x, "f32"), axes, epsilon, scale);
  return [cast(b, result, scale.dtype), inverse];
}

/** (x - mean) / sqrt(variance + epsilon) · gamma + beta over the last axis. */
function byMean(b: Builder, x: Value, epsilon: number, gamma: Value, beta: Value | undefined): Value {
  const { centred, variance } = moments(b, x, [x.shape.length - 1]);
  const inverse = inverseDeviation(b, variance, epsilon, b.scalar("f32", 1));
  const scaled = map(b, "mul", "f32", map(b, "mul", "f32", centred, inverse), cast(b, gamma, "f32"));
  return beta === undefined ? scaled : map(b, "add", "f32", scaled, cast(b, beta, "f32"));
}

/** Norm of input + skip + bias, which is output 3; the skip may lack the batch. */
function skip(simplified: boolean): Lowering {
  return (inputs, { b, attributes }) => {
    const [input, skipped, gamma] = [inputs.at(0), inputs.at(1), inputs.at(2)];
    const beta = simplified ? undefined : inputs.optional(3);
    const bias = inputs.optional(simplified ? 3 : 4);
    needFloat(input);
    const vectors = [gamma, beta, bias].filter((value) => value !== undefined);
    for (const value of [skipped, ...vectors]) sameDtype(input, value);
    const { shape } = input;
    if (shape.length !== 2 && shape.length !== 3)
      throw new ModelError("MALFORMED", `a tensor of rank ${shape.length}`);
    needVectors(vectors, shape.at(-1));
    const batchless = skipped.shape.slice(-2).join() === shape.slice(-2).join();
    if (!batchless || view.broadcastShapes([shape, skipped.shape]).join() !== shape.join())
      throw new ModelError("MALFORMED", `a skip of shape [${skipped.shape.join(", ")}]`);
    const wide = (value: Value) => cast(b, value, "f32");
    const sum = map(b, "add", "f32", wide(input), wide(skipped));
    const total = bias === undefined ? sum : map(b, "add", "f32", sum, wide(bias));
    const epsilon = attributes.float("epsilon") ?? 1e-12;
    const result = simplified
      ? byRootMeanSquare(b, total, [shape.length - 1], epsilon, gamma).result
      : byMean(b, total, epsilon, gamma, beta);
    return [cast(b, result, input.dtype), undefined, undefined, cast(b, total, input.dtype)];
  };
}

/** Norm of word + position + segment embeddings; outputs the count of ones of each mask and the embeddings too. */
function embed(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const ids = inputs.at(0);
  const [segments, words, places, kinds] = [
    inputs.optional(1),
    inputs.at(2),
    inputs.at(3),
    inputs.optional(4),
  ];
  const [gamma, beta] = [inputs.at(5), inputs.at(6)];
  const [mask, positions] = [inputs.optional(7), inputs.optional(8)];
  const [batch = 0, length = 0] = ids.shape;
  const width = words.shape[1] ?? 0;
  if (ids.shape.length !== 2) throw new ModelError("MALFORMED", "input_ids are not a matrix");
  for (const [index, rows] of [
    [ids, batch],
    [segments, batch],
    [mask, batch],
    [positions, undefined],
  ] as const) {
    const shape = index?.shape ?? [];
    const fits =
      shape.length === 2 &&
      shape[1] === length &&
      (shape[0] === batch || (rows === undefined && shape[0] === 1));
    if (index !== undefined && (!isInteger(index.dtype) || !fits))
      throw new ModelError("MALFORMED", `ids or a mask of shape [${shape.join(", ")}]`);
  }
  if ((segments === undefined) !== (kinds === undefined))
    throw new ModelError("MALFORMED", "only one of segment_ids and segment_embedding");
  for (const table of [words, places, kinds]) {
    if (table === undefined) continue;
    needFloat(table);
    sameDtype(words, table);
    if (table.shape.length !== 2 || table.shape[1] !== width)
      throw new ModelError("MALFORMED", `an embedding of shape [${table.shape.join(", ")}]`);
  }
  if (positions === undefined && length > (places.shape[0] ?? 0))
    throw new ModelError("MALFORMED", `${length} positions of ${places.shape[0] ?? 0}`);
  needVectors([gamma, beta], width);
  const row = (table: Value, index: Value | undefined) => {
    const rowAt = index && { gather: index, at: [index.shape[0] === 1 ? ZERO : at(0), at(1)] };
    return { value: table, at: [rowAt ?? at(1), at(2)] };
  };
  const out = [batch, length, width];
  const two = b.emit({ body: "add", dtype: "f32", out, loads: [row(words, ids), row(places, positions)] });
  const all = { value: two, at: [at(0), at(1), at(2)] };
  const sum =
    kinds === undefined
      ? two
      : b.emit({ body: "add", dtype: "f32", out, loads: [all, row(kinds, segments)] });
  const result = byMean(b, sum, attributes.float("epsilon") ?? 1e-12, gamma, beta);
  const one = mask && map(b, "eq", "bool", mask, b.scalar(mask.dtype, 1));
  const counts = one === undefined ? view.expand(b.scalar("i32", 0), [batch]) : countOnes(b, one);
  return [cast(b, result, words.dtype), counts, cast(b, sum, words.dtype)];
}

/** Of each row of a matrix of bools. */
function countOnes(b: Builder, mask: Value): Value {
  const [rows = 0, columns = 0] = mask.shape;
  const loads = [{ value: mask, at: [at(0), at(1)] }];
  return b.emit({ body: "copy", fold: "sum", dtype: "i32", out: [rows], red: [columns], loads });
}

export const ROWNORM: RuleTable = {
  RMSNormalization: rule(23, ["axis", "epsilon", "stash_type"], rootMeanSquare),
  SimplifiedLayerNormalization: rule(1, ["axis", "epsilon", "stash_type"], rootMeanSquare),
  "com.microsoft:SkipLayerNormalization": rule(1, ["epsilon"], skip(false)),
  "com.microsoft:SkipSimplifiedLayerNormalization": rule(1, ["epsilon"], skip(true)),
  "com.microsoft:EmbedLayerNormalization": rule(1, ["epsilon", "mask_index_type"], embed),
};
