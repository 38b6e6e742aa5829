import { expect } from "chai";
import type { ModelErrorCode } from "../onnx/error.ts";
import {
  deviation,
  expectAgreement,
  expectRefusal,
  floats,
  ints,
  numbers,
  random,
  randomTensor,
  runExact,
  tensor,
  type Case,
  type TestTensor,
} from "./testing.ts";

const TOLERANCE = 1e-5;

function isNear(result: TestTensor | undefined, expected: readonly number[], shape: readonly number[]): void {
  if (result === undefined) throw new Error("no output");
  expect(deviation(result, tensor("f32", shape, expected))).to.be.at.most(TOLERANCE);
}

const f32 = ["f32"] as const;
const one = (operator: string, inputs: Case["inputs"], attributes: Case["attributes"] = {}, opset = 17) =>
  expectAgreement({ operator, inputs, outputs: f32, attributes, opset });

describe("lowering against onnxruntime: operators of transformers", () => {
  const x = floats(1, [2, 3, 8]);
  const [vector, other] = [floats(2, [8]), floats(3, [8])];

  describe("activations and products", () => {
    it("QuickGelu, FastGelu, BiasGelu", async () => {
      await one("com.microsoft:QuickGelu", [x]);
      await one("com.microsoft:QuickGelu", [x], { alpha: { float: 0.5 } });
      await one("com.microsoft:FastGelu", [x]);
      await one("com.microsoft:FastGelu", [x, vector]);
      await one("com.microsoft:BiasGelu", [x, vector]);
    });
    it("Swish", () => {
      const alpha = 0.75;
      const [y] = runExact({
        operator: "Swish",
        inputs: [x],
        outputs: f32,
        attributes: { alpha: { float: alpha } },
        opset: 24,
      });
      isNear(
        y,
        numbers(x).map((value) => value / (1 + Math.exp(-alpha * value))),
        x.shape,
      );
    });
    it("FusedMatMul, transposed in all ways", async () => {
      const [a, b] = [floats(4, [2, 3, 4]), floats(5, [2, 4, 5])];
      const fused = (inputs: Case["inputs"], attributes: Case["attributes"] = {}) =>
        one("com.microsoft:FusedMatMul", inputs, { alpha: { float: 0.5 }, ...attributes });
      await fused([a, b]);
      await fused([floats(6, [2, 4, 3]), floats(7, [2, 5, 4])], { transA: 1, transB: 1 });
      await fused([floats(8, [3, 2, 4]), floats(9, [4, 2, 5])], { transBatchA: 1, transBatchB: 1 });
      await fused([floats(10, [4, 2, 3]), floats(11, [5, 2, 4])], {
        transA: 1,
        transB: 1,
        transBatchA: 1,
        transBatchB: 1,
      });
      await fused([floats(12, [4]), b], { transA: 1 });
    });
  });

  describe("normalisation", () => {
    it("SkipLayerNormalization, with the sum", async () => {
      for (const skip of [x, floats(13, [1, 3, 8]), floats(14, [3, 8])])
        await expectAgreement({
          operator: "com.microsoft:SkipLayerNormalization",
          inputs: [x, skip, vector, other, floats(15, [8])],
          outputs: f32,
          attributes: { epsilon: { float: 0.01 } },
        });
      await one("com.microsoft:SkipLayerNormalization", [floats(16, [3, 8]), floats(17, [3, 8]), vector]);
    });
    it("SkipSimplifiedLayerNormalization", async () => {
      await one("com.microsoft:SkipSimplifiedLayerNormalization", [x, floats(18, [2, 3, 8]), vector, other]);
      await one("com.microsoft:SkipSimplifiedLayerNormalization", [x, floats(19, [3, 8]), vector]);
    });
    it("RMSNormalization and SimplifiedLayerNormalization", async () => {
      await one("RMSNormalization", [x, vector], {}, 23);
      await one("RMSNormalization", [x, floats(20, [3, 8])], { axis: -2, epsilon: { float: 0.1 } }, 23);
      await one("SimplifiedLayerNormalization", [x, vector], {
        axis: -1,
        epsilon: { float: 0.1 },
        stash_type: 1,
      });
    });
    it("EmbedLayerNormalization", async () => {
      const ids = (seed: number, high: number) => randomTensor(random(seed), "i32", [2, 4], 0, high);
      const tables = [floats(21, [9, 8]), floats(22, [6, 8]), floats(23, [2, 8])];
      const [words, places, kinds] = tables;
      const operator = "com.microsoft:EmbedLayerNormalization";
      const outputs: Case["outputs"] = ["f32", "i32", "f32"];
      await expectAgreement({
        operator,
        inputs: [ids(24, 8), ids(25, 1), words, places, kinds, vector, other, ids(26, 1)],
        outputs,
      });
      const positions = [undefined, ids(27, 5)];
      await expectAgreement({
        operator,
        inputs: [ids(28, 8), undefined, words, places, undefined, vector, other, ...positions],
        outputs,
      });
    });
    it("GroupNormalization, by channel and by group", async () => {
      const image = floats(30, [2, 6, 3, 2]);
      await one("GroupNormalization", [image, floats(31, [6]), floats(32, [6])], { num_groups: 3 }, 21);
      await one("GroupNormalization", [image, floats(33, [2]), floats(34, [2])], { num_groups: 2 }, 18);
    });
    it("MeanVarianceNormalization, LpNormalization, LRN", async () => {
      const image = floats(35, [2, 5, 3, 2]);
      await one("MeanVarianceNormalization", [image]);
      await one("MeanVarianceNormalization", [x], { axes: [0, 2] });
      for (const p of [1, 2]) await one("LpNormalization", [image], { p, axis: 1 });
      await one("LpNormalization", [tensor("f32", [2, 2], [0, 0, 3, 4])]);
      for (const size of [1, 3, 9])
        await one("LRN", [image], {
          size,
          alpha: { float: 0.5 },
          beta: { float: 0.6 },
          bias: { float: 2 },
        });
    });
    it("LRN of an even size reaches further ahead", () => {
      const values = [1, 2, 3];
      const [y] = runExact({
        operator: "LRN",
        inputs: [tensor("f32", [1, 3, 1], values)],
        outputs: f32,
        attributes: { size: 2, alpha: { float: 2 }, beta: { float: 1 } },
      });
      isNear(y, [1 / (1 + 1 + 4), 2 / (1 + 4 + 9), 3 / (1 + 9)], [1, 3, 1]);
    });
  });

  describe("state", () => {
    const past = randomTensor(random(40), "i32", [2, 4, 2], 0, 99);
    const update = randomTensor(random(41), "i32", [2, 3, 2], 100, 199);
    it("TensorScatter writes in a line or in a circle", () => {
      for (const [mode, starts] of [
        ["linear", [0, 1]],
        ["circular", [3, 2]],
      ] as const) {
        const [y] = runExact({
          operator: "TensorScatter",
          inputs: [past, update, ints(...starts)],
          outputs: ["i32"],
          attributes: { mode },
          opset: 24,
        });
        const expected = numbers(past);
        const written = numbers(update);
        starts.forEach((start, n) => {
          for (let i = 0; i < 6; i++) {
            const row = (start + Math.floor(i / 2)) % 4;
            expected[8 * n + 2 * row + (i % 2)] = written[6 * n + i] ?? 0;
          }
        });
        expect(y && numbers(y)).to.deep.equal(expected);
      }
    });
    it("CausalConvWithState", () => {
      const inputs = [
        tensor("f32", [1, 1, 3], [1, 2, 3]),
        tensor("f32", [1, 1, 3], [1, 10, 100]),
        tensor("f32", [1], [0.5]),
        tensor("f32", [1, 1, 2], [8, 9]),
      ];
      const outputs: Case["outputs"] = ["f32", "f32"];
      const [y, state] = runExact({ operator: "CausalConvWithState", inputs, outputs, opset: 27 });
      isNear(y, [198.5, 219.5, 321.5], [1, 1, 3]);
      isNear(state, [2, 3], [1, 1, 2]);
      const short = [tensor("f32", [1, 1, 1], [1]), ...inputs.slice(1, 3)];
      const attributes = { activation: "silu" };
      const [z, next] = runExact({
        operator: "CausalConvWithState",
        inputs: short,
        outputs,
        attributes,
        opset: 27,
      });
      isNear(z, [100.5], [1, 1, 1]);
      isNear(next, [0, 1], [1, 1, 2]);
    });
    it("LinearAttention by the gated delta rule", () => {
      const steps = 2;
      const scalars = [
        [1, 2],
        [0.5, 0.25],
        [3, 5],
      ].map((values) => tensor("f32", [1, steps, 1], values));
      const decay = tensor("f32", [1, steps, 1], [-1, -0.5]);
      const beta = tensor("f32", [1, steps, 1], [0.5, 0.75]);
      const [y, state] = runExact({
        operator: "LinearAttention",
        inputs: [...scalars, tensor("f32", [1, 1, 1, 1], [2]), decay, beta],
        outputs: ["f32", "f32"],
        attributes: { q_num_heads: 1, kv_num_heads: 1 },
        opset: 27,
      });
      let expected = 2 * Math.exp(-1);
      expected += 0.5 * 0.5 * (3 - 0.5 * expected);
      const first = expected;
      expected *= Math.exp(-0.5);
      expected += 0.25 * 0.75 * (5 - 0.25 * expected);
      isNear(y, [first, 2 * expected], [1, 2, 1]);
      isNear(state, [expected], [1, 1, 1, 1]);
    });
  });

  describe("attention beyond onnxruntime", () => {
    const values = tensor("f32", [1, 1, 4, 1], [1, 2, 3, 4]);
    const zeros = (length: number) =>
      tensor(
        "f32",
        [1, 1, length, 1],
        Array.from({ length }, () => 0),
      );
    const mean = (attributes: Case["attributes"], extra: Case["inputs"] = [], queries = 4) =>
      runExact({
        operator: "Attention",
        inputs: [zeros(queries), zeros(4), values, ...extra],
        outputs: f32,
        attributes: attributes ?? {},
        opset: 25,
      })[0];
    it("windows about the query", () => {
      isNear(mean({ left_window_size: 1, right_window_size: 0 }), [1, 1.5, 2.5, 3.5], [1, 1, 4, 1]);
      isNear(mean({ right_window_size: 1 }), [1.5, 2, 2.5, 2.5], [1, 1, 4, 1]);
      isNear(mean({ left_window_size: 0, is_causal: 1 }), [1, 2, 3, 4], [1, 1, 4, 1]);
    });
    it("counts of keys, and queries without any", () => {
      const counted = [undefined, undefined, undefined, ints(2)];
      isNear(mean({}, counted, 1), [1.5], [1, 1, 1, 1]);
      isNear(mean({ is_causal: 1 }, counted), [0, 0, 1, 1.5], [1, 1, 4, 1]);
    });
    it("masks shorter than the keys", () => {
      isNear(mean({}, [tensor("bool", [1, 3], [1, 0, 1])], 1), [2], [1, 1, 1, 1]);
      isNear(mean({}, [tensor("f32", [1, 2], [0, 0])], 1), [1.5], [1, 1, 1, 1]);
      isNear(
        mean({}, [
          tensor(
            "bool",
            [4, 4],
            Array.from({ length: 16 }, (_, i) => (i < 4 ? 0 : 1)),
          ),
        ]),
        [0, 2.5, 2.5, 2.5],
        [1, 1, 4, 1],
      );
    });
  });

  describe("refusals", () => {
    const q = floats(50, [1, 2, 3, 4]);
    const refuses = (
      code: ModelErrorCode,
      operator: string,
      inputs: Case["inputs"],
      attributes: Case["attributes"] = {},
      opset = 27,
    ) => expectRefusal(code, { operator, inputs, outputs: f32, attributes, opset });
    const huge = 2 ** 40;
    it("attention", () => {
      refuses("MALFORMED", "Attention", [q, q]);
      refuses("MALFORMED", "Attention", [q, q, floats(51, [1, 2, 4, 4])]);
      refuses("MALFORMED", "Attention", [q, floats(51, [1, 3, 3, 4]), floats(51, [1, 3, 3, 4])]);
      refuses("MALFORMED", "Attention", [x, x, x]);
      for (const heads of [0, -1, 3, huge])
        refuses("MALFORMED", "Attention", [x, x, x], { q_num_heads: heads, kv_num_heads: heads });
      refuses("MALFORMED", "Attention", [q, q, q], { qk_matmul_output_mode: 4 });
      refuses("MALFORMED", "Attention", [q, q, q], { qk_matmul_output_mode: -1 });
      refuses("MALFORMED", "Attention", [q, q, q], { left_window_size: -2 });
      refuses("UNSUPPORTED_USE", "Attention", [q, q, q], { left_window_size: 1 }, 24);
      refuses("MALFORMED", "Attention", [q, q, q], { softcap: { float: -1 } });
      refuses("UNSUPPORTED_DTYPE", "Attention", [q, q, q], { softmax_precision: 11 });
      refuses("MALFORMED", "Attention", [q, q, q, floats(52, [5, 5])]);
      refuses("UNSUPPORTED_DTYPE", "Attention", [q, q, q, ints(1, 2, 3)]);
      refuses("MALFORMED", "Attention", [q, q, q, undefined, q]);
      refuses("MALFORMED", "Attention", [q, q, q, undefined, q, q, ints(3)]);
    });
    it("attention of com.microsoft", () => {
      const w = floats(53, [8, 24]);
      refuses("MALFORMED", "com.microsoft:Attention", [x, w]);
      refuses("MALFORMED", "com.microsoft:Attention", [x, w], {
        num_heads: 2,
        qkv_hidden_sizes: [-8, 24, 8],
      });
      refuses("UNSUPPORTED_USE", "com.microsoft:Attention", [x, w], { num_heads: 2, do_rotary: 1 });
      refuses("UNSUPPORTED_USE", "com.microsoft:Attention", [x, w, undefined, ints(1, 2, 3)], {
        num_heads: 2,
      });
      refuses("UNSUPPORTED_USE", "com.microsoft:MultiHeadAttention", [floats(54, [1, 2, 2, 3, 4])], {
        num_heads: 2,
      });
      refuses("MALFORMED", "com.microsoft:MultiHeadAttention", [x, x, x], { num_heads: 0 });
      const lengths = [tensor("i32", [2], [2, 2]), tensor("i32", [1], [3])];
      const shared = { num_heads: 2, kv_num_heads: 2 };
      refuses(
        "DYNAMIC_SHAPE",
        "com.microsoft:GroupQueryAttention",
        [x, x, x, undefined, undefined, ...lengths],
        shared,
      );
    });
    it("rotation", () => {
      const caches = [floats(55, [5, 2]), floats(56, [5, 2])];
      const positions = tensor("i64", [1, 3], [0, 1, 2]);
      refuses("MALFORMED", "RotaryEmbedding", [q, ...caches]);
      refuses("MALFORMED", "RotaryEmbedding", [x, ...caches, positions]);
      for (const width of [-2, 3, 6, huge])
        refuses("MALFORMED", "RotaryEmbedding", [q, ...caches, positions], { rotary_embedding_dim: width });
      refuses("MALFORMED", "RotaryEmbedding", [q, floats(55, [5, 3]), caches[1], positions]);
      refuses("MALFORMED", "RotaryEmbedding", [vector, ...caches, positions]);
      refuses("MALFORMED", "RotaryEmbedding", [q, ...caches, floats(57, [1, 3])]);
      refuses("UNSUPPORTED_USE", "com.microsoft:RotaryEmbedding", [q, positions, ...caches], {
        scale: { float: 2 },
      });
    });
    it("norms", () => {
      for (const groups of [0, -1, 3, huge])
        refuses("MALFORMED", "GroupNormalization", [q, vector, vector], { num_groups: groups });
      refuses("MALFORMED", "GroupNormalization", [vector, vector, vector], { num_groups: 1 });
      refuses("MALFORMED", "LRN", [q], { size: 0 });
      refuses("MALFORMED", "LRN", [vector], { size: 1 });
      refuses("MALFORMED", "LpNormalization", [q], { p: 3 });
      refuses("MALFORMED", "LpNormalization", [q], { axis: 4 });
      refuses("UNSUPPORTED_DTYPE", "LpNormalization", [ints(1, 2)]);
      refuses("MALFORMED", "MeanVarianceNormalization", [x]);
      refuses("MALFORMED", "MeanVarianceNormalization", [x], { axes: [0, -3] });
      refuses("MALFORMED", "RMSNormalization", [x, floats(58, [7])]);
      refuses("MALFORMED", "RMSNormalization", [x, floats(58, [1, 1, 1, 8])]);
      refuses("UNSUPPORTED_USE", "RMSNormalization", [x, vector], { stash_type: 10 });
      refuses("MALFORMED", "com.microsoft:SkipLayerNormalization", [x, floats(58, [2, 1, 8]), vector]);
      refuses("MALFORMED", "com.microsoft:SkipLayerNormalization", [vector, vector, vector]);
      refuses("MALFORMED", "com.microsoft:EmbedLayerNormalization", [x, x, x, x, x, x, x]);
      refuses("MALFORMED", "com.microsoft:BiasGelu", [x, floats(59, [3])]);
    });
    it("state", () => {
      const cache = floats(60, [2, 4, 3]);
      refuses("MALFORMED", "TensorScatter", [cache, cache], { axis: 0 });
      refuses("MALFORMED", "TensorScatter", [cache, cache], { axis: 3 });
      refuses("MALFORMED", "TensorScatter", [cache, floats(60, [2, 5, 3])]);
      refuses("MALFORMED", "TensorScatter", [cache, cache, ints(1)]);
      refuses("MALFORMED", "TensorScatter", [cache, cache], { mode: "other" });
      refuses("MALFORMED", "CausalConvWithState", [cache, floats(61, [3, 1, 2])]);
      refuses("MALFORMED", "CausalConvWithState", [cache, floats(61, [4, 1, 0])]);
      refuses("MALFORMED", "CausalConvWithState", [cache, floats(61, [4, 1, 2])], { activation: "relu" });
      const heads = { q_num_heads: 1, kv_num_heads: 1 };
      refuses("MALFORMED", "LinearAttention", [x, x, x], heads);
      refuses("MALFORMED", "LinearAttention", [x, x, x], { update_rule: "linear" });
      refuses("MALFORMED", "LinearAttention", [x, x, x], { ...heads, update_rule: "toString" });
      for (const count of [-1, 0, 3, huge])
        refuses("MALFORMED", "LinearAttention", [x, x, x], {
          q_num_heads: count,
          kv_num_heads: count,
          update_rule: "linear",
        });
      const long = floats(62, [1, 5000, 1]);
      refuses("TOO_LARGE", "LinearAttention", [long, long, long], { ...heads, update_rule: "linear" });
    });
  });
});
