/**
 * Linear models and support vector regression (ONNX Operators of ai.onnx.ml: LinearRegressor, LinearClassifier,
 * SVMRegressor). Products are exact sums, rounded once; then each step rounds.
 */
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { map, reduce, squeeze, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { transpose, type Value } from "../value.ts";
import { matmul } from "./matmul.ts";
import { classify, readTransform, samples, transformed, twoClasses } from "./post_transform.ts";

/** x [N, F] times the transpose of a matrix of `rows` rows. */
function times(b: Builder, x: Value, matrix: readonly number[], rows: number): Value {
  const features = x.shape[1] ?? 1;
  if (matrix.length !== product([rows, features]))
    throw new ModelError(
      "MALFORMED",
      `${matrix.length} coefficients for ${rows} rows of ${features} features`,
    );
  const weights = transpose(b.list("f32", matrix, [rows, features]), [1, 0]);
  return matmul(b, "f32", { value: x, zero: 0 }, { value: weights, zero: 0 });
}

/** XW + intercepts, two roundings. */
function linear(b: Builder, x: Value, { attributes }: Context, rows: number): Value {
  const intercepts = attributes.floats("intercepts") ?? [];
  if (intercepts.length !== 0 && intercepts.length !== rows)
    throw new ModelError("MALFORMED", `${intercepts.length} intercepts, not ${rows}`);
  const scores = times(b, x, attributes.floats("coefficients") ?? [], rows);
  return intercepts.length === 0 ? scores : map(b, "add", "f32", scores, b.list("f32", intercepts));
}

function regressor(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const targets = attributes.int("targets") ?? 1;
  if (targets < 1) throw new ModelError("MALFORMED", `targets ${targets}`);
  const transform = readTransform(attributes.string("post_transform"));
  if (targets === 1 && transform !== "NONE")
    throw new ModelError("UNSUPPORTED_USE", `post_transform ${transform} of one target`);
  return [transformed(b, linear(b, samples(b, inputs.at(0)), context, targets), transform)];
}

/** One row of coefficients decides between two classes by the sign of its score. */
function classifier(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  if (attributes.strings("classlabels_strings") !== undefined)
    throw new ModelError("UNSUPPORTED_DTYPE", "string labels");
  const labels = attributes.ints("classlabels_ints") ?? [];
  const x = samples(b, inputs.at(0));
  const rows = Math.floor((attributes.floats("coefficients")?.length ?? 0) / (x.shape[1] ?? 1));
  const transform = readTransform(attributes.string("post_transform"));
  if (labels.length < 2 || (rows !== 1 && rows !== labels.length) || (rows === 1 && labels.length !== 2))
    throw new ModelError("MALFORMED", `${labels.length} labels for ${rows} rows of coefficients`);
  const scores = linear(b, x, context, rows);
  if (rows > 1) return [classify(b, scores, labels), transformed(b, scores, transform)];
  const labelOf = (k: number) => b.scalar("i64", labels[k] ?? 0);
  const over = map(b, "lt", "bool", b.scalar("f32", 0), scores);
  const label = map(b, "where", "i64", over, labelOf(1), labelOf(0));
  return [squeeze(label, [1]), twoClasses(b, scores, true, transform)];
}

/** Kernel values [N, V] of samples and support vectors. */
function kernel(
  b: Builder,
  x: Value,
  vectors: readonly number[],
  count: number,
  { attributes }: Context,
): Value {
  const type = attributes.string("kernel_type") ?? "LINEAR";
  const [gamma, coef0, degree] = attributes.floats("kernel_params") ?? [];
  if (type === "LINEAR") return times(b, x, vectors, count);
  if (gamma === undefined || coef0 === undefined || degree === undefined)
    throw new ModelError("MALFORMED", `kernel ${type} without its three parameters`);
  const f32 = (value: number) => b.scalar("f32", value);
  if (type === "RBF") {
    const features = x.shape[1] ?? 1;
    if (vectors.length !== count * features)
      throw new ModelError("MALFORMED", "support vectors do not fit the samples");
    const difference = map(b, "sub", "f32", unsqueeze(x, [1]), b.list("f32", vectors, [count, features]));
    const square = squeeze(reduce(b, "sum", "f32", difference, [2], true), [2]);
    return map(b, "exp", "f32", map(b, "mul", "f32", square, f32(-gamma)));
  }
  const line = map(b, "fma", "f32", times(b, x, vectors, count), f32(gamma), f32(coef0));
  if (type === "POLY") return map(b, "pow", "f32", line, f32(degree));
  if (type === "SIGMOID") return map(b, "tanh", "f32", line);
  throw new ModelError("MALFORMED", `kernel_type "${type}"`);
}

/** kernel(X, vectors)·coefficients + rho, or X·coefficients + rho; of one class the sign. */
function supportVectors(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  if (readTransform(attributes.string("post_transform")) !== "NONE")
    throw new ModelError("UNSUPPORTED_USE", "a post_transform of one target");
  const coefficients = attributes.floats("coefficients") ?? [];
  const count = attributes.int("n_supports") ?? 0;
  const [rho, ...more] = attributes.floats("rho") ?? [];
  if (count < 0 || rho === undefined || more.length > 0)
    throw new ModelError(
      "MALFORMED",
      `n_supports ${count} with ${rho === undefined ? 0 : 1 + more.length} rho`,
    );
  const x = samples(b, inputs.at(0));
  const features = count === 0 ? x : kernel(b, x, attributes.floats("support_vectors") ?? [], count, context);
  const score = map(b, "add", "f32", times(b, features, coefficients, 1), b.scalar("f32", rho));
  if ((attributes.int("one_class") ?? 0) === 0) return [score];
  const inside = map(b, "lt", "bool", b.scalar("f32", 0), score);
  return [map(b, "where", "f32", inside, b.scalar("f32", 1), b.scalar("f32", -1))];
}

export const LINEAR: RuleTable = {
  "ai.onnx.ml:LinearRegressor": rule(
    1,
    ["coefficients", "intercepts", "post_transform", "targets"],
    regressor,
  ),
  "ai.onnx.ml:LinearClassifier": rule(
    1,
    [
      "classlabels_ints",
      "classlabels_strings",
      "coefficients",
      "intercepts",
      "multi_class",
      "post_transform",
    ],
    classifier,
  ),
  "ai.onnx.ml:SVMRegressor": rule(
    1,
    [
      "coefficients",
      "kernel_params",
      "kernel_type",
      "n_supports",
      "one_class",
      "post_transform",
      "rho",
      "support_vectors",
    ],
    supportVectors,
  ),
};
