/**
 * What the models of ai.onnx.ml share: samples, labels, post transforms.
 */
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, unsqueeze } from "../compose.ts";
import { isEmpty, type Value } from "../value.ts";
import { sigmoid } from "./activation.ts";
import { concat } from "./join.ts";
import { argMax, reduceMax, softmaxOver, sum } from "./reduce.ts";

/** Samples [N, F] in f32; a vector is one sample. */
export function samples(b: Builder, value: Value): Value {
  const matrix = value.shape.length === 1 ? unsqueeze(value, [0]) : value;
  if (matrix.shape.length !== 2)
    throw new ModelError("MALFORMED", `samples of rank ${value.shape.length}, neither 1 nor 2`);
  if (isEmpty(matrix)) throw new ModelError("UNSUPPORTED_USE", "no samples");
  return cast(b, matrix, "f32");
}

/** The label of the first of the highest scores [N, K]. */
export function classify(b: Builder, scores: Value, labels: readonly number[]): Value {
  const best = argMax(b, scores, 1);
  return b.emit({
    body: "copy",
    dtype: "i64",
    out: best.shape,
    loads: [{ value: b.list("i64", labels), at: [{ gather: best, at: [at(0)] }] }],
  });
}

/** In the order of their numbers in TreeEnsemble. */
export const TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"] as const;
export type Transform = (typeof TRANSFORMS)[number];

/** @throws {ModelError} UNSUPPORTED_USE for PROBIT, which onnxruntime only approximates. */
export function readTransform(name = "NONE"): Transform {
  const found = TRANSFORMS.find((transform) => transform === name);
  if (found === undefined) throw new ModelError("MALFORMED", `post_transform "${name}"`);
  if (found === "PROBIT") throw new ModelError("UNSUPPORTED_USE", "post_transform PROBIT");
  return found;
}

/** Of scores [N, K], K > 1. */
export function transformed(b: Builder, scores: Value, transform: Transform): Value {
  if (transform === "LOGISTIC") return sigmoid(b, scores);
  if (transform === "SOFTMAX") return softmaxOver(b, scores, [1], false);
  return transform === "SOFTMAX_ZERO" ? softmaxZero(b, scores) : scores;
}

/** Scores [N, 2] of two classes, given the second one's [N, 1]: [1 - s, s] of a probability, else [-s, s]; or logistic(∓s). */
export function twoClasses(b: Builder, score: Value, probability: boolean, transform: Transform): Value {
  const opposite = map(b, "neg", "f32", score);
  if (transform === "LOGISTIC") return sigmoid(b, concat(b, [opposite, score], 1));
  const other = probability ? map(b, "sub", "f32", b.scalar("f32", 1), score) : opposite;
  return concat(b, [other, score], 1);
}

/** Scores near 0 (up to 1e-7) do not count in the sum, and become x·exp(-max) / sum rather than exp(x - max) / sum. */
function softmaxZero(b: Builder, scores: Value): Value {
  const most = reduceMax(scores, [1], b);
  const e = map(b, "exp", "f32", map(b, "sub", "f32", scores, most));
  const counts = map(b, "lt", "bool", b.scalar("f32", 0.0000001), map(b, "abs", "f32", scores));
  const total = sum(map(b, "where", "f32", counts, e, b.scalar("f32", 0)), [1], b);
  const low = map(b, "mul", "f32", scores, map(b, "exp", "f32", map(b, "neg", "f32", most)));
  return map(b, "div", "f32", map(b, "where", "f32", counts, e, low), total);
}
