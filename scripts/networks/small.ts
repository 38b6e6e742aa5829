/** Small networks of other kinds: a two-layer LSTM as PyTorch exports it, and gradient-boosted trees as onnxmltools does. */
import { random } from "../../program/src/testing/onnx.ts";
import { Writer } from "./writer.ts";

const [STEPS, FEATURES, UNITS, CLASSES] = [64, 32, 128, 10];

/** Input x, f32 [64, 1, 32] (time first); output logits, f32 [1, 10]. */
export function lstm(seed = 1): Uint8Array {
  const w = new Writer(seed);
  let x = "x";
  let size = FEATURES;
  for (let layer = 0; layer < 2; layer++) {
    const inputs = [
      ...[x, w.weights([1, 4 * UNITS, size], 1 / Math.sqrt(size))],
      ...[w.weights([1, 4 * UNITS, UNITS], 1 / Math.sqrt(UNITS)), w.weights([1, 8 * UNITS], 0.05), ""],
      ...[0, 1].map(() =>
        w.list(
          "f32",
          Array.from({ length: UNITS }, () => 0),
          [1, 1, UNITS],
        ),
      ),
    ];
    const [all = ""] = w.ops("LSTM", inputs, 3, { hidden_size: UNITS });
    x = w.op("Squeeze", [all, w.list("i64", [1])]);
    size = UNITS;
  }
  const last = w.op("Gather", [x, w.scalar("i64", -1)], { axis: 0 });
  const matrix = w.weights([CLASSES, UNITS], 1 / Math.sqrt(UNITS));
  w.show(w.op("Gemm", [last, matrix, w.weights([CLASSES], 0.05)], { transB: 1 }), "logits");
  return w.file(
    [{ name: "x", dtype: "f32", shape: [STEPS, 1, FEATURES] }],
    [{ name: "logits", dtype: "f32", shape: [1, CLASSES] }],
  );
}

const [TREES, DEPTH, COLUMNS] = [100, 6, 30];

/** Input x, f32 [1, 30]; output score, f32 [1, 1]: the sum of 100 full trees of depth 6. */
export function forest(seed = 1): Uint8Array {
  const w = new Writer(seed);
  const next = random(seed);
  const inner = 2 ** DEPTH - 1;
  const count = 2 * inner + 1;
  const ids = Array.from({ length: TREES * count }, (_, i) => ({
    tree: Math.floor(i / count),
    node: i % count,
  }));
  const leaves = ids.filter(({ node }) => node >= inner);
  const x = w.op("ai.onnx.ml:TreeEnsembleRegressor", ["x"], {
    aggregate_function: "SUM",
    n_targets: 1,
    nodes_treeids: ids.map(({ tree }) => tree),
    nodes_nodeids: ids.map(({ node }) => node),
    nodes_featureids: ids.map(({ node }) => (node < inner ? Math.floor(next() * COLUMNS) : 0)),
    nodes_values: { floats: ids.map(({ node }) => (node < inner ? Math.fround(2 * next() - 1) : 0)) },
    nodes_modes: { strings: ids.map(({ node }) => (node < inner ? "BRANCH_LEQ" : "LEAF")) },
    nodes_truenodeids: ids.map(({ node }) => (node < inner ? 2 * node + 1 : 0)),
    nodes_falsenodeids: ids.map(({ node }) => (node < inner ? 2 * node + 2 : 0)),
    target_treeids: leaves.map(({ tree }) => tree),
    target_nodeids: leaves.map(({ node }) => node),
    target_ids: leaves.map(() => 0),
    target_weights: { floats: leaves.map(() => Math.fround(next() - 0.5)) },
  });
  w.show(x, "score");
  return w.file(
    [{ name: "x", dtype: "f32", shape: [1, COLUMNS] }],
    [{ name: "score", dtype: "f32", shape: [1, 1] }],
  );
}
