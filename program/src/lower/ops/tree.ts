/**
 * Tree ensembles (ONNX Operators of ai.onnx.ml: TreeEnsembleRegressor, TreeEnsembleClassifier, TreeEnsemble). Votes are
 * added up exactly and rounded once; then each step rounds. Features of int dtypes are rounded to f32, as onnxruntime does.
 */
import { isFloat } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { cast, map, slice, squeeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { score, type Aggregate, type Forest } from "./forest.ts";
import { floatsOf, needLength, readEnsemble, readForest, readTargets } from "./tree_model.ts";
import { concat } from "./join.ts";
import {
  classify,
  readTransform,
  samples,
  transformed,
  TRANSFORMS,
  twoClasses,
  type Transform,
} from "./post_transform.ts";

/** A matrix [N, F], as the operators of trees want it. */
function matrix(b: Builder, value: Value): Value {
  if (value.shape.length !== 2)
    throw new ModelError("MALFORMED", `samples of rank ${value.shape.length}, not 2`);
  return samples(b, value);
}

const AGGREGATES = ["AVERAGE", "SUM", "MIN", "MAX"] as const;
type AggregateName = (typeof AGGREGATES)[number];

interface Regression {
  readonly forest: Forest;
  readonly aggregate: AggregateName;
  readonly base: readonly number[];
  readonly transform: Transform;
}

/** transform(fold of votes, / trees for an average, + base). */
function regress(b: Builder, x: Value, { forest, aggregate, base, transform }: Regression): Value {
  const { targets } = forest;
  if (base.length > 0) needLength(base, targets, "base_values");
  if (targets === 1 && transform !== "NONE")
    throw new ModelError("UNSUPPORTED_USE", `post_transform ${transform} of one target`);
  const fold: Aggregate = aggregate === "MIN" ? "min" : aggregate === "MAX" ? "max" : "sum";
  const { values, voted } = score(b, matrix(b, x), forest, fold);
  if (fold !== "sum" && voted.size < targets)
    throw new ModelError("UNSUPPORTED_USE", `${aggregate} where a target may have no votes`);
  const trees = b.scalar("f32", forest.roots.length);
  const total = aggregate === "AVERAGE" ? map(b, "div", "f32", values, trees) : values;
  const moved = base.every((value) => value === 0) ? total : map(b, "add", "f32", total, b.list("f32", base));
  return targets === 1 ? moved : transformed(b, moved, transform);
}

function regressor(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const name = attributes.string("aggregate_function") ?? "SUM";
  const aggregate = AGGREGATES.find((known) => known === name);
  if (aggregate === undefined) throw new ModelError("MALFORMED", `aggregate_function "${name}"`);
  const forest = readForest(attributes, "target", readTargets(attributes));
  const base = floatsOf(attributes, "base_values") ?? [];
  const transform = readTransform(attributes.string("post_transform"));
  return [regress(b, inputs.at(0), { forest, aggregate, base, transform })];
}

/** Version 5: nodes and leaves apart, sets of members. */
function ensemble(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  if (!isFloat(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `TreeEnsemble of ${x.dtype}`);
  const forest = readEnsemble(b, attributes, x.dtype);
  const aggregate = AGGREGATES[attributes.int("aggregate_function") ?? 1];
  if (aggregate === undefined) throw new ModelError("MALFORMED", "aggregate_function");
  const transform = readTransform(TRANSFORMS[attributes.int("post_transform") ?? 0] ?? "");
  return [cast(b, regress(b, x, { forest, aggregate, base: [], transform }), x.dtype)];
}

const NODES = [
  "nodes_falsenodeids",
  "nodes_featureids",
  "nodes_hitrates",
  "nodes_hitrates_as_tensor",
  "nodes_missing_value_tracks_true",
  "nodes_modes",
  "nodes_nodeids",
  "nodes_treeids",
  "nodes_truenodeids",
  "nodes_values",
  "nodes_values_as_tensor",
  "base_values",
  "base_values_as_tensor",
  "post_transform",
];
const votesNames = (prefix: string) =>
  ["ids", "nodeids", "treeids", "weights", "weights_as_tensor"].map((name) => `${prefix}_${name}`);

function classifier(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const labels = attributes.ints("classlabels_int64s") ?? [];
  if (attributes.strings("classlabels_strings") !== undefined)
    throw new ModelError("UNSUPPORTED_DTYPE", "string labels");
  if (labels.length < 2) throw new ModelError("UNSUPPORTED_USE", `${labels.length} classes`);
  const forest = readForest(attributes, "class", labels.length);
  const base = floatsOf(attributes, "base_values") ?? [];
  const transform = readTransform(attributes.string("post_transform"));
  const { values, voted } = score(b, matrix(b, inputs.at(0)), forest, "sum");
  if (labels.length === 2) {
    const weights = floatsOf(attributes, "class_weights") ?? [];
    const positive = weights.every((weight) => weight >= 0);
    return binary(b, values, {
      labels,
      voted,
      ids: attributes.ints("class_ids") ?? [],
      base,
      transform,
      positive,
    });
  }
  if (base.length > 0) needLength(base, labels.length, "base_values");
  else if (voted.size < labels.length)
    throw new ModelError("UNSUPPORTED_USE", "leaves that vote for some classes only");
  const scores = base.length === 0 ? values : map(b, "add", "f32", values, b.list("f32", base));
  return [classify(b, scores, labels), transformed(b, scores, transform)];
}

interface Binary {
  readonly labels: readonly number[];
  /** Classes that leaves vote for. */
  readonly ids: readonly number[];
  readonly voted: ReadonlySet<number>;
  readonly base: readonly number[];
  readonly transform: Transform;
  /** Whether no vote is negative. */
  readonly positive: boolean;
}

/**
 * Of two classes, all leaves vote for one. Its score s decides for the second class, if it is above 1/2 (no vote negative) or
 * 0. Scores are those of 0 and s if it is the second, else of s alone. Where both have votes, or two base values, onnxruntime departs from the specification.
 */
function binary(b: Builder, values: Value, options: Binary): readonly Value[] {
  const { labels, ids, voted, base, transform, positive } = options;
  const [id = 0] = ids;
  if (ids.some((other) => other !== id))
    throw new ModelError("UNSUPPORTED_USE", "leaves that vote for both of two classes");
  if (!voted.has(id)) throw new ModelError("UNSUPPORTED_USE", "leaves without a vote");
  if (base.length > 0 && id === 1)
    throw new ModelError("UNSUPPORTED_USE", "a base value where leaves vote for the second class");
  if (base.length > 1) throw new ModelError("UNSUPPORTED_USE", `${base.length} base values of 2 classes`);
  const plain = b.scalar("f32", base[0] ?? 0);
  const first = map(b, "add", "f32", slice(b, values, 1, 0, 1), plain);
  const second = slice(b, values, 1, 1, 1);
  const over = map(b, "lt", "bool", b.scalar("f32", positive ? 0.5 : 0), id === 1 ? second : first);
  const labelOf = (k: number) => b.scalar("i64", labels[k] ?? 0);
  const label = map(b, "where", "i64", over, labelOf(1), labelOf(0));
  const scores =
    id === 1
      ? transformed(b, concat(b, [first, second], 1), transform)
      : twoClasses(b, first, positive, transform);
  return [squeeze(label, [1]), scores];
}

export const TREE: RuleTable = {
  "ai.onnx.ml:TreeEnsembleRegressor": rule(
    1,
    [...NODES, ...votesNames("target"), "aggregate_function", "n_targets"],
    regressor,
  ),
  "ai.onnx.ml:TreeEnsembleClassifier": rule(
    1,
    [...NODES, ...votesNames("class"), "classlabels_int64s", "classlabels_strings"],
    classifier,
  ),
  "ai.onnx.ml:TreeEnsemble": rule(
    5,
    [
      "aggregate_function",
      "leaf_targetids",
      "leaf_weights",
      "membership_values",
      "n_targets",
      "nodes_falseleafs",
      "nodes_falsenodeids",
      "nodes_featureids",
      "nodes_hitrates",
      "nodes_missing_value_tracks_true",
      "nodes_modes",
      "nodes_splits",
      "nodes_trueleafs",
      "nodes_truenodeids",
      "post_transform",
      "tree_roots",
    ],
    ensemble,
  ),
};
