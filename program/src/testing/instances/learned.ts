/** ai.onnx.ml: features, linear models, trees; and n-grams. */
import type { DTypeName } from "../../dtype.ts";
import { tensor, type AttributeValue } from "../onnx.ts";
import { type Draw, type Instance, type Maker, type Makers } from "./draw.ts";

const TYPES = ["f32", "f32", "i32", "i64"] as const;
const TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"] as const;

function samples(d: Draw, features: number, name: DTypeName = d.pick(TYPES)) {
  return d.any(name, [d.int(1, 4), features]);
}

const scaler: Maker = (d) => {
  const features = d.int(1, 4);
  const own = () => d.floats(d.chance(0.3) ? 1 : features);
  return { inputs: [samples(d, features)], outputs: ["f32"], attributes: { offset: own(), scale: own() } };
};

const imputer: Maker = (d) => {
  const [features, whole] = [d.int(1, 4), d.chance(0.3)];
  const count = d.chance(0.3) ? 1 : features;
  if (whole)
    return {
      inputs: [d.mild("i64", [2, features], 0, 3)],
      outputs: ["i64"],
      attributes: { imputed_value_int64s: d.dims(count), replaced_value_int64: d.int(0, 3) },
    };
  return {
    inputs: [d.any("f32", [2, features])],
    outputs: ["f32"],
    attributes: {
      imputed_value_floats: d.floats(count),
      replaced_value_float: { float: d.pick([NaN, 0, 1]) },
    },
  };
};

const featureExtractor: Maker = (d) => {
  const [name, features] = [d.pick(TYPES), d.int(1, 4)];
  return {
    inputs: [samples(d, features, name), d.mild("i64", [d.int(1, 4)], 0, features - 1)],
    outputs: [name],
  };
};

const vectorizer: Maker = (d) => {
  const rows = d.int(1, 3);
  const widths = d.dims(d.int(1, 3));
  return {
    inputs: widths.map((width) => d.any(d.pick(TYPES), [rows, width])),
    outputs: ["f32"],
    attributes: { inputdimensions: widths.map((width) => d.pick([width, width, d.int(1, 5)])) },
  };
};

const labelEncoder: Maker = (d) => {
  const [from, to] = [d.pick(["f32", "i64"] as const), d.pick(["f32", "i64"] as const)];
  const count = d.int(1, 4);
  const keys = Array.from({ length: count }, (_, k) => k);
  const list = (name: string, type: string, values: readonly number[]): Record<string, AttributeValue> =>
    type === "f32" ? { [`${name}_floats`]: { floats: values } } : { [`${name}_int64s`]: values };
  return {
    inputs: [d.chance(0.7) ? d.mild(from, d.shape(1), 0, 4) : d.any(from, d.shape(1))],
    outputs: [to],
    attributes: { ...list("keys", from, keys), ...list("values", to, d.dims(count)) },
  };
};

const oneHot: Maker = (d) => ({
  inputs: [d.mild(d.pick(TYPES), d.shape(1, 2), 0, 4)],
  outputs: ["f32"],
  attributes: { cats_int64s: d.shuffled([0, 1, 2, 3]).slice(0, d.int(1, 4)) },
});

const linearRegressor: Maker = (d) => {
  const [features, targets] = [d.int(1, 4), d.int(1, 3)];
  return {
    inputs: [samples(d, features)],
    outputs: ["f32"],
    attributes: {
      coefficients: d.floats(features * targets),
      intercepts: d.optional(d.floats(targets)),
      targets,
      post_transform: targets === 1 ? "NONE" : d.pick(TRANSFORMS),
    },
  };
};

const linearClassifier: Maker = (d) => {
  const [features, rows] = [d.int(1, 4), d.pick([1, 2, 3])];
  return {
    inputs: [samples(d, features)],
    outputs: ["i64", "f32"],
    attributes: {
      coefficients: d.floats(features * rows),
      intercepts: d.optional(d.floats(rows)),
      classlabels_ints: Array.from({ length: Math.max(2, rows) }, (_, k) => 5 * k),
      post_transform: d.pick(TRANSFORMS),
    },
  };
};

const supportVectors: Maker = (d) => {
  const [features, count] = [d.int(1, 4), d.int(0, 3)];
  return {
    inputs: [samples(d, features)],
    outputs: ["f32"],
    attributes: {
      n_supports: count,
      coefficients: d.floats(count === 0 ? features : count),
      support_vectors: d.floats(count * features),
      rho: d.floats(1),
      kernel_type: d.pick(["LINEAR", "RBF", "POLY", "SIGMOID"]),
      kernel_params: { floats: [0.5, 1, 2] },
      one_class: d.flag(),
    },
  };
};

const MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"].map((mode) => `BRANCH_${mode}`);
/** Of each tree: a root with a leaf and a node with two leaves. */
const SHAPE = { ids: [0, 1, 2, 3, 4], yes: [1, 0, 3, 0, 0], no: [2, 0, 4, 0, 0], leaves: [1, 3, 4] };

function forest(d: Draw, prefix: string, features: number, trees: number, votes: readonly number[]) {
  const all = Array.from({ length: trees }, (_, tree) => tree);
  const nodes = all.flatMap((tree) => SHAPE.ids.map((id) => ({ tree, id })));
  const leaves = all.flatMap((tree) =>
    SHAPE.leaves.flatMap((id) => votes.map((target) => ({ tree, id, target }))),
  );
  const isLeaf = (id: number) => SHAPE.leaves.includes(id);
  return {
    nodes_treeids: nodes.map(({ tree }) => tree),
    nodes_nodeids: nodes.map(({ id }) => id),
    nodes_truenodeids: nodes.map(({ id }) => SHAPE.yes[id] ?? 0),
    nodes_falsenodeids: nodes.map(({ id }) => SHAPE.no[id] ?? 0),
    nodes_featureids: nodes.map(({ id }) => (isLeaf(id) ? 0 : d.int(0, features - 1))),
    nodes_values: { floats: nodes.map(({ id }) => (isLeaf(id) ? 0 : d.int(-4, 4) / 2)) },
    nodes_modes: { strings: nodes.map(({ id }) => (isLeaf(id) ? "LEAF" : d.pick(MODES))) },
    nodes_missing_value_tracks_true: nodes.map(() => d.flag()),
    [`${prefix}_treeids`]: leaves.map(({ tree }) => tree),
    [`${prefix}_nodeids`]: leaves.map(({ id }) => id),
    [`${prefix}_ids`]: leaves.map(({ target }) => target),
    [`${prefix}_weights`]: d.floats(leaves.length),
  };
}

const treeRegressor: Maker = (d) => {
  const [features, targets] = [d.int(1, 3), d.int(1, 3)];
  const votes = Array.from({ length: targets }, (_, k) => k);
  return {
    inputs: [samples(d, features)],
    outputs: ["f32"],
    attributes: {
      ...forest(d, "target", features, d.int(1, 3), votes),
      n_targets: targets,
      aggregate_function: d.pick(["SUM", "AVERAGE", "MIN", "MAX"]),
      base_values: d.optional(d.floats(targets)),
      post_transform: targets === 1 ? "NONE" : d.pick(TRANSFORMS),
    },
  };
};

const treeClassifier: Maker = (d) => {
  const [features, classes] = [d.int(1, 3), d.int(2, 4)];
  const votes = classes === 2 ? [d.flag()] : Array.from({ length: classes }, (_, k) => k);
  return {
    inputs: [samples(d, features)],
    outputs: ["i64", "f32"],
    attributes: {
      ...forest(d, "class", features, d.int(1, 3), votes),
      classlabels_int64s: Array.from({ length: classes }, (_, k) => 3 * k),
      post_transform: d.pick(TRANSFORMS),
    },
  };
};

const treeEnsemble: Maker = (d) => {
  const name = d.pick(["f32", "f32", "f16"] as const);
  const features = d.int(1, 3);
  const member = d.chance(0.3);
  const modes = [member ? 6 : d.int(0, 5), d.int(0, 5)];
  return {
    inputs: [d.any(name, [d.int(1, 4), features])],
    outputs: [name],
    attributes: {
      n_targets: 2,
      aggregate_function: 1,
      tree_roots: [0],
      nodes_featureids: modes.map(() => d.int(0, features - 1)),
      nodes_modes: tensor("u8", [2], modes),
      nodes_splits: tensor(name, [2], [d.int(-2, 2), d.int(-2, 2)]),
      nodes_truenodeids: [1, 1],
      nodes_trueleafs: [0, 1],
      nodes_falsenodeids: [0, 2],
      nodes_falseleafs: [1, 1],
      nodes_missing_value_tracks_true: [d.flag(), d.flag()],
      leaf_targetids: [0, 1, 0],
      leaf_weights: tensor(name, [3], [1, 2, -3]),
      ...(member ? { membership_values: tensor(name, [3], [0, 1, NaN]) } : {}),
    },
  };
};

const tfIdf: Maker = (d) => {
  const pool = [1, 2, 3, 1, 2, 2, 3];
  const shape = d.pick([[d.int(1, 6)], [d.int(1, 2), d.int(1, 6)]]);
  return {
    inputs: [d.mild(d.pick(["i32", "i64"]), shape, 0, 4)],
    outputs: ["f32"],
    attributes: {
      ...{ pool_int64s: pool, ngram_counts: [0, 3], ngram_indexes: d.shuffled([0, 1, 2, 3, 4]) },
      ...{ min_gram_length: d.int(1, 2), max_gram_length: 2, max_skip_count: d.int(0, 2) },
      mode: d.pick(["TF", "IDF", "TFIDF"]),
      weights: d.optional(d.floats(5)),
    },
  };
};

const single =
  (attributes: (d: Draw) => Instance["attributes"]): Maker =>
  (d) => {
    const given = attributes(d);
    return {
      inputs: [samples(d, d.int(1, 4), "f32")],
      outputs: ["f32"],
      ...(given ? { attributes: given } : {}),
    };
  };

const DOMAIN = "ai.onnx.ml";

export const LEARNED: Makers = {
  [`${DOMAIN}:ArrayFeatureExtractor`]: featureExtractor,
  [`${DOMAIN}:Binarizer`]: single((d) => ({ threshold: d.optional(d.number()) })),
  [`${DOMAIN}:FeatureVectorizer`]: vectorizer,
  [`${DOMAIN}:Imputer`]: imputer,
  [`${DOMAIN}:LabelEncoder`]: labelEncoder,
  [`${DOMAIN}:Normalizer`]: single((d) => ({ norm: d.pick(["MAX", "L1", "L2"]) })),
  [`${DOMAIN}:OneHotEncoder`]: oneHot,
  [`${DOMAIN}:Scaler`]: scaler,
  [`${DOMAIN}:LinearRegressor`]: linearRegressor,
  [`${DOMAIN}:LinearClassifier`]: linearClassifier,
  [`${DOMAIN}:SVMRegressor`]: supportVectors,
  [`${DOMAIN}:TreeEnsembleRegressor`]: treeRegressor,
  [`${DOMAIN}:TreeEnsembleClassifier`]: treeClassifier,
  [`${DOMAIN}:TreeEnsemble`]: treeEnsemble,
  TfIdfVectorizer: tfIdf,
};
