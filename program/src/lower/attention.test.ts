import {
  expectAgreement,
  floats,
  ints,
  random,
  randomTensor,
  tensor,
  type Case,
  type TestTensor,
} from "./testing.ts";

/** Of opset 23, if the test names none. */
const agrees = (test: Case) => expectAgreement({ opset: 23, ...test });

function bits(seed: number, type: "bool" | "i32", shape: readonly number[]): TestTensor {
  return randomTensor(random(seed), type, shape, 0, 1);
}

const f32 = ["f32"] as const;
const all = ["f32", "f32", "f32", "f32"] as const;
const [q4, k4, v4] = [floats(1, [2, 4, 3, 8]), floats(2, [2, 2, 5, 8]), floats(3, [2, 2, 5, 6])];
const [q3, k3, v3] = [floats(4, [2, 3, 32]), floats(5, [2, 5, 16]), floats(6, [2, 5, 12])];
const heads = { q_num_heads: 4, kv_num_heads: 2 };

describe("lowering against onnxruntime: attention", () => {
  describe("Attention", () => {
    const attend = (
      inputs: Case["inputs"],
      attributes: Case["attributes"] = {},
      outputs: Case["outputs"] = f32,
    ) => agrees({ operator: "Attention", inputs, outputs, attributes });
    it("of heads apart and packed, shared by queries", async () => {
      await attend([q4, k4, v4]);
      await attend([q3, k3, v3], heads);
      await attend([q3, k3, v3], { ...heads, scale: { float: 0.5 }, softcap: { float: 2 } });
    });
    it("with masks of every rank, causal or not", async () => {
      for (const shape of [
        [3, 5],
        [4, 3, 5],
        [2, 1, 3, 5],
        [1, 4, 3, 5],
      ])
        for (const causal of [0, 1]) {
          await attend([q4, k4, v4, floats(7, shape)], { is_causal: causal });
          await attend([q3, k3, v3, bits(8, "bool", shape.with(-1, 5))], { ...heads, is_causal: causal });
        }
    });
    it("with a past, and what the fourth output shows", async () => {
      const past = [floats(9, [2, 2, 4, 8]), floats(10, [2, 2, 4, 6])];
      for (const mode of [0, 1, 2, 3])
        await attend(
          [q3, k3, v3, floats(11, [3, 9]), ...past],
          // onnxruntime shows -inf as the lowest finite number.
          { ...heads, is_causal: mode === 2 ? 0 : 1, softcap: { float: 3 }, qk_matmul_output_mode: mode },
          all,
        );
    });
  });

  describe("RotaryEmbedding", () => {
    const caches = (width: number) => [floats(12, [9, width / 2], -1, 1), floats(13, [9, width / 2], -1, 1)];
    const positions = tensor("i64", [2, 3], [0, 4, 8, 2, 2, 1]);
    it("of halves and neighbours, whole and partial", async () => {
      for (const interleaved of [0, 1]) {
        await agrees({
          operator: "RotaryEmbedding",
          inputs: [q4, ...caches(8), positions],
          outputs: f32,
          attributes: { interleaved },
        });
        await agrees({
          operator: "RotaryEmbedding",
          inputs: [q3, ...caches(4), positions],
          outputs: f32,
          attributes: { interleaved, num_heads: 4, rotary_embedding_dim: 4 },
        });
      }
      await agrees({
        operator: "RotaryEmbedding",
        inputs: [q4, floats(14, [2, 3, 4]), floats(15, [2, 3, 4])],
        outputs: f32,
      });
    });
    it("of com.microsoft, by positions or from the first one on", async () => {
      for (const interleaved of [0, 1]) {
        const attributes = { interleaved };
        const operator = "com.microsoft:RotaryEmbedding";
        await agrees({ operator, inputs: [q3, positions, ...caches(8)], outputs: f32, attributes });
        await agrees({ operator, inputs: [q4, ints(4), ...caches(8)], outputs: f32, attributes });
        await agrees({
          operator,
          inputs: [q3, positions, ...caches(4)],
          outputs: f32,
          attributes: { ...attributes, num_heads: 4, rotary_embedding_dim: 4 },
        });
      }
    });
  });

  describe("com.microsoft:Attention", () => {
    const x = floats(20, [2, 3, 6], -1, 1);
    const w = floats(21, [6, 24], -1, 1);
    const bias = floats(22, [24], -1, 1);
    const attend = (
      inputs: Case["inputs"],
      attributes: Case["attributes"] = {},
      outputs: Case["outputs"] = f32,
    ) =>
      agrees({
        operator: "com.microsoft:Attention",
        inputs,
        outputs,
        attributes: { num_heads: 2, ...attributes },
      });
    it("projects", async () => {
      await attend([x, w, bias]);
      await attend([x, w, bias], { unidirectional: 1, scale: { float: 0.7 } });
      await attend([x, floats(23, [6, 20], -1, 1), floats(24, [20])], { qkv_hidden_sizes: [8, 8, 4] });
    });
    it("masks", async () => {
      const added = floats(25, [1, 2, 3, 3]);
      for (const unidirectional of [0, 1]) {
        await attend([x, w, bias, tensor("i32", [2], [2, 3])], { unidirectional });
        await attend([x, w, bias, tensor("i32", [4], [2, 3, 0, 1])], { unidirectional });
        await attend([x, w, bias, tensor("i32", [2, 3], [1, 1, 0, 1, 0, 1]), undefined, added], {
          unidirectional,
        });
        await attend(
          [x, w, bias, tensor("i32", [2, 3, 3], [1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1])],
          { unidirectional },
        );
      }
    });
    it("with a past", () =>
      attend([x, w, bias, undefined, floats(26, [2, 2, 2, 4, 4])], { unidirectional: 1 }, ["f32", "f32"]));
  });

  describe("com.microsoft:MultiHeadAttention", () => {
    const [q, k, v] = [floats(30, [2, 3, 8]), floats(31, [2, 5, 8]), floats(32, [2, 5, 12])];
    const attend = (
      inputs: Case["inputs"],
      attributes: Case["attributes"] = {},
      outputs: Case["outputs"] = f32,
    ) =>
      agrees({
        operator: "com.microsoft:MultiHeadAttention",
        inputs,
        outputs,
        attributes: { num_heads: 2, ...attributes },
      });
    it("of packed heads, with biases and masks", async () => {
      await attend([q, k, v]);
      await attend([q, k, v, floats(33, [28])], { scale: { float: 0.3 } });
      await attend([q, k, v, undefined, bits(34, "i32", [2, 5])]);
      await attend([q, k, v, undefined, bits(35, "i32", [2, 3, 5])], { mask_filter_value: { float: -50 } });
      await attend([q, k, v, undefined, undefined, floats(36, [2, 1, 3, 5])]);
    });
    it("of keys and values in heads, with a past, causal", async () => {
      const apart = [floats(37, [2, 2, 5, 4]), floats(38, [2, 2, 5, 4])];
      await attend([q, ...apart]);
      const own = [q, floats(39, [2, 3, 8]), floats(40, [2, 3, 8])];
      await attend([...own, undefined, undefined, undefined, ...apart], { unidirectional: 1 }, [
        "f32",
        "f32",
        "f32",
      ]);
      await attend(own, { unidirectional: 1 });
    });
  });

  describe("com.microsoft:GroupQueryAttention", () => {
    const [q, k, v] = [floats(50, [2, 3, 64]), floats(51, [2, 3, 32]), floats(52, [2, 3, 32])];
    const past = [floats(53, [2, 2, 4, 16]), floats(54, [2, 2, 4, 16])];
    const attend = (inputs: Case["inputs"], attributes: Case["attributes"] = {}) =>
      agrees({
        operator: "com.microsoft:GroupQueryAttention",
        inputs,
        outputs: ["f32", "f32", "f32"],
        attributes: { num_heads: 4, kv_num_heads: 2, ...attributes },
        constants: [5, 6],
      });
    const lengths = (total: number) => [
      tensor("i32", [2], [total - 1, total - 1]),
      tensor("i32", [1], [total]),
    ];
    const caches = [floats(55, [9, 8], -1, 1), floats(56, [9, 8], -1, 1)];
    const none = [floats(0, [2, 2, 0, 16]), floats(0, [2, 2, 0, 16])];
    it("of a prompt", async () => {
      await attend([q, k, v, undefined, undefined, ...lengths(3)]);
      await attend([q, k, v, ...none, ...lengths(3), ...caches], { do_rotary: 1, rotary_interleaved: 1 });
      await attend([q, k, v, undefined, undefined, ...lengths(3)], {
        local_window_size: 2,
        softcap: { float: 1 },
      });
      await attend([floats(57, [2, 3, 128]), undefined, undefined, undefined, undefined, ...lengths(3)]);
    });
    it("of one more token", () =>
      attend(
        [
          floats(58, [2, 1, 64]),
          floats(59, [2, 1, 32]),
          floats(60, [2, 1, 32]),
          ...past,
          ...lengths(5),
          ...caches,
        ],
        {
          do_rotary: 1,
          local_window_size: 3,
        },
      ));
  });
});
