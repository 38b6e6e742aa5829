import { expect } from "chai";
import type { ModelErrorCode } from "../onnx/error.ts";
import { lowerModel } from "./lower.ts";
import {
  caseFile,
  expectAgreement,
  expectRefusal,
  numbers,
  random,
  randomTensor,
  runCase,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

const MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"].map((mode) => `BRANCH_${mode}`);
const FEATURES = 4;

interface Options {
  readonly trees?: number;
  readonly depth?: number;
  readonly targets?: number;
  readonly modes?: readonly string[];
  readonly missing?: boolean;
  /** Targets that each leaf of a tree votes for. */
  readonly votes?: (tree: number) => readonly number[];
  readonly low?: number;
  readonly seed?: number;
}

/** Attributes of a random forest; thresholds are small integers and halves, so that features often meet them. */
function forest(prefix: "target" | "class", options: Options): Record<string, AttributeValue> {
  const { trees = 3, depth = 3, targets = 1, modes = ["BRANCH_LEQ"], missing = false, low = -1 } = options;
  const next = random(options.seed ?? 1);
  const pick = (count: number) => Math.floor(next() * count);
  const node: Record<string, number[]> = {};
  const vote: Record<string, number[]> = {};
  const add = (to: Record<string, number[]>, entry: Record<string, number>) => {
    for (const [name, value] of Object.entries(entry)) to[name] = [...(to[name] ?? []), value];
  };
  const names: string[] = [];
  const votes = options.votes ?? (() => Array.from({ length: targets }, (_, k) => k));
  for (let tree = 0; tree < trees; tree++) {
    let count = 0;
    const grow = (level: number): number => {
      const id = count++;
      const leaf = level === depth || (level > 0 && next() < 0.2);
      names.push(leaf ? "LEAF" : (modes[pick(modes.length)] ?? "LEAF"));
      const at = names.length - 1;
      add(node, {
        treeids: tree,
        nodeids: id,
        featureids: leaf ? 0 : pick(FEATURES),
        values: leaf ? 0 : pick(9) / 2 - 2,
        missing_value_tracks_true: missing ? pick(2) : 0,
        truenodeids: 0,
        falsenodeids: 0,
      });
      if (leaf)
        for (const target of votes(tree))
          add(vote, { treeids: tree, nodeids: id, ids: target, weights: low + next() * (1 - low) });
      else {
        const yes = grow(level + 1);
        const no = grow(level + 1);
        node.truenodeids?.splice(at, 1, yes);
        node.falsenodeids?.splice(at, 1, no);
      }
      return id;
    };
    grow(0);
  }
  const listed = (group: string, lists: Record<string, number[]>) =>
    Object.entries(lists).map(([name, values]): [string, AttributeValue] => [
      `${group}_${name}`,
      name === "values" || name === "weights" ? { floats: values } : values,
    ]);
  return {
    ...Object.fromEntries([...listed("nodes", node), ...listed(prefix, vote)]),
    nodes_modes: { strings: names },
  };
}

/** Samples whose features are often thresholds, sometimes NaN or infinite. */
function samplesOf(count: number, nan = true, seed = 9): TestTensor {
  const next = random(seed);
  const draw = () => {
    const kind = next();
    if (kind < 0.1) return nan ? NaN : 0;
    if (kind < 0.15) return next() < 0.5 ? -Infinity : Infinity;
    return kind < 0.6 ? Math.floor(next() * 9) / 2 - 2 : next() * 6 - 3;
  };
  return tensor("f32", [count, FEATURES], Array.from({ length: count * FEATURES }, draw));
}

function regressor(
  options: Options,
  attributes: Record<string, AttributeValue> = {},
  x = samplesOf(40),
): Case {
  return {
    operator: "ai.onnx.ml:TreeEnsembleRegressor",
    inputs: [x],
    outputs: ["f32"],
    attributes: { ...forest("target", options), n_targets: options.targets ?? 1, ...attributes },
  };
}

function classifier(
  options: Options,
  attributes: Record<string, AttributeValue> = {},
  x = samplesOf(40),
): Case {
  const labels = Array.from({ length: options.targets ?? 2 }, (_, k) => 10 + 3 * k);
  return {
    operator: "ai.onnx.ml:TreeEnsembleClassifier",
    inputs: [x],
    outputs: ["i64", "f32"],
    attributes: { ...forest("class", options), classlabels_int64s: labels, ...attributes },
  };
}

const agrees = (test: Case) => expectAgreement(test, 1e-6);

describe("lowering against onnxruntime: tree ensembles", () => {
  it("every mode, with and without tracks for missing values", async () => {
    for (const mode of MODES)
      for (const missing of [false, true])
        await agrees(regressor({ modes: [mode], missing, depth: 4, seed: 3 }));
    for (let seed = 0; seed < 6; seed++)
      await agrees(regressor({ modes: MODES, missing: seed % 2 === 0, depth: 5, trees: 6, seed }));
  });

  it("thresholds at the ends of float32", async () => {
    const values = [Infinity, -Infinity, 3.4028234663852886e38, -3.4028234663852886e38, 0, 1e-45];
    const x = tensor("f32", [8, 1], [...values, NaN, 1]);
    for (const mode of MODES)
      for (const value of values)
        for (const missing of [0, 1])
          await agrees({
            operator: "ai.onnx.ml:TreeEnsembleRegressor",
            inputs: [x],
            outputs: ["f32"],
            attributes: {
              n_targets: 1,
              nodes_treeids: [0, 0, 0],
              nodes_nodeids: [0, 1, 2],
              nodes_featureids: [0, 0, 0],
              nodes_values: { floats: [value, 0, 0] },
              nodes_modes: { strings: [mode, "LEAF", "LEAF"] },
              nodes_truenodeids: [1, 0, 0],
              nodes_falsenodeids: [2, 0, 0],
              nodes_missing_value_tracks_true: [missing, 0, 0],
              target_treeids: [0, 0],
              target_nodeids: [1, 2],
              target_ids: [0, 0],
              target_weights: { floats: [1, 2] },
            },
          });
  });

  it("aggregates, base values, several targets", async () => {
    for (const aggregate_function of ["SUM", "AVERAGE", "MIN", "MAX"])
      for (const targets of [1, 3])
        for (const votes of [undefined, (tree: number) => [tree % targets]]) {
          const options = { trees: 7, targets, ...(votes === undefined ? {} : { votes }) };
          await agrees(regressor(options, { aggregate_function }));
          const base = { floats: [0.5, -0.25, 2].slice(0, targets) };
          await agrees(regressor(options, { aggregate_function, base_values: base }));
        }
  });

  it("post transforms of several targets", async () => {
    for (const post_transform of ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]) {
      await agrees(regressor({ trees: 5, targets: 3, low: -3 }, { post_transform }));
      await agrees(classifier({ trees: 5, targets: 4, low: -3 }, { post_transform }));
    }
  });

  it("integer features, one sample", async () => {
    for (const type of ["i32", "i64"] as const) {
      const x = randomTensor(random(4), type, [20, FEATURES], -3, 3);
      await agrees(classifier({ depth: 5, targets: 3 }, {}, x));
    }
    await agrees(regressor({}, {}, samplesOf(1)));
    await agrees(regressor({}, {}, samplesOf(1)));
  });

  it("classifiers of two classes: votes for one, of one sign or both", async () => {
    for (const post_transform of ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
      for (const low of [0, -1])
        for (const voted of [[0], [1]]) {
          const options = { trees: 3, votes: () => voted, low };
          await agrees(classifier(options, { post_transform }));
          if (!voted.includes(1))
            await agrees(classifier(options, { post_transform, base_values: { floats: [-0.6] } }));
        }
  });

  it("classifiers of several classes, each tree voting for one or all", async () => {
    await agrees(classifier({ trees: 6, targets: 3 }));
    await agrees(classifier({ trees: 7, targets: 3, votes: (tree) => [tree % 3] }));
    await agrees(classifier({ trees: 6, targets: 3 }, { base_values: { floats: [0.5, 0, -0.5] } }));
  });

  it("takes three instructions a level", async () => {
    const count = async (depth: number) =>
      (await agrees(regressor({ trees: 20, depth, seed: 5 }))).program.instructions.length;
    expect((await count(6)) - (await count(4))).to.equal(6);
  });

  it("TreeEnsemble: every mode, sets of members and missing values", async () => {
    const one = (mode: number, missing: number): Case => ({
      operator: "ai.onnx.ml:TreeEnsemble",
      mlOpset: 5,
      inputs: [tensor("f32", [7, 1], [-1, 0, 1, 2, 3, 4, NaN])],
      outputs: ["f32"],
      attributes: {
        n_targets: 1,
        tree_roots: [0],
        nodes_featureids: [0],
        nodes_modes: tensor("u8", [1], [mode]),
        nodes_splits: tensor("f32", [1], [1]),
        nodes_truenodeids: [0],
        nodes_trueleafs: [1],
        nodes_falsenodeids: [1],
        nodes_falseleafs: [1],
        nodes_missing_value_tracks_true: [missing],
        leaf_targetids: [0, 0],
        leaf_weights: tensor("f32", [2], [1, 0]),
        ...(mode === 6 ? { membership_values: tensor("f32", [4], [3, 0, 1, NaN]) } : {}),
      },
    });
    const expected = ["1110000", "1100000", "0011110", "0001110", "0010000", "1101111", "0110100"];
    for (const [mode, results] of expected.entries())
      for (const missing of [0, 1]) {
        const test = one(mode, missing);
        await agrees(test);
        const [exact] = (await runCase(test)).exact;
        const wanted = missing === 1 ? `${results.slice(0, 6)}1` : results;
        expect(exact && numbers(exact).join(""), `${mode}`).to.equal(wanted);
      }
  });

  it("refuses what is malformed or what onnxruntime gets wrong", () => {
    const base = { trees: 2, depth: 2 };
    const cases: readonly (readonly [code: ModelErrorCode, test: Case])[] = [
      ["MALFORMED", regressor(base, { nodes_featureids: [0] })],
      ["MALFORMED", regressor(base, { n_targets: 0 })],
      ["MALFORMED", regressor(base, { n_targets: -5 })],
      ["TOO_LARGE", regressor(base, { n_targets: 2 ** 40 })],
      ["MALFORMED", regressor(base, { aggregate_function: "MODE" })],
      ["MALFORMED", regressor(base, { post_transform: "TWICE" })],
      ["UNSUPPORTED_USE", regressor({ ...base, targets: 2 }, { post_transform: "PROBIT" })],
      ["UNSUPPORTED_USE", regressor(base, { post_transform: "LOGISTIC" })],
      ["MALFORMED", regressor(base, { base_values: { floats: [1, 2] } })],
      ["MALFORMED", regressor(base, {}, tensor("f32", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]))],
      ["MALFORMED", regressor(base, {}, tensor("f32", [2, 1], [1, 2]))],
      ["UNSUPPORTED_USE", classifier({ ...base, votes: () => [0, 1] })],
      ["UNSUPPORTED_USE", classifier({ ...base, votes: () => [0] }, { base_values: { floats: [1, 2] } })],
      ["UNSUPPORTED_USE", classifier({ ...base, votes: () => [1] }, { base_values: { floats: [1] } })],
      ["UNSUPPORTED_USE", classifier({ ...base, targets: 3, votes: () => [0] })],
      ["UNSUPPORTED_USE", classifier({ ...base, targets: 1 })],
    ];
    for (const [code, test] of cases) expectRefusal(code, test);
    const chain = (yes: readonly number[], no: readonly number[]): Case => ({
      ...regressor(base),
      attributes: {
        n_targets: 1,
        nodes_treeids: [0, 0, 0],
        nodes_nodeids: [0, 1, 2],
        nodes_featureids: [0, 0, 0],
        nodes_values: { floats: [0, 0, 0] },
        nodes_modes: { strings: ["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"] },
        nodes_truenodeids: yes,
        nodes_falsenodeids: no,
      },
    });
    expect(() => lowerModel(caseFile(chain([1, 2, 0], [2, 2, 0])))).not.to.throw();
    expectRefusal("MALFORMED", chain([0, 2, 0], [2, 2, 0]));
    expectRefusal("MALFORMED", chain([1, 0, 0], [2, 2, 0]));
    expectRefusal("MALFORMED", chain([1, 2, 0], [2, 7, 0]));
  });
});
