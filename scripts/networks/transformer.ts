/**
 * Transformers as PyTorch exports them: a BERT-base encoder (Devlin et al., 2018) and the prefill of a GPT-2-small decoder (Radford et
 * al., 2019), in float32 and as onnxruntime's dynamic quantiser makes them (u8 activations and weights).
 */
import { tensor } from "../../program/src/testing/onnx.ts";
import { Writer } from "./writer.ts";

export interface TextOptions {
  readonly quantised: boolean;
  /** Tokens. */
  readonly length?: number;
  readonly layers?: number;
  readonly seed?: number;
}

const WIDTH = 768;
const HEADS = 12;
const HEAD = WIDTH / HEADS;

/** What both have, over hidden states of shape [1, length, 768]. */
class Transformer {
  readonly w: Writer;
  private readonly quantised: boolean;
  private readonly length: number;

  constructor({ quantised, length = 128, seed = 1 }: TextOptions) {
    this.w = new Writer(seed);
    this.quantised = quantised;
    this.length = length;
  }

  embedding(ids: string, rows: number): string {
    return this.w.op("Gather", [this.w.weights([rows, WIDTH], 0.02), ids]);
  }

  normalise(x: string): string {
    const { w } = this;
    const [scale, shift] = [w.weights([WIDTH], 0.1, 1), w.weights([WIDTH], 0.1)];
    return w.op("LayerNormalization", [x, scale, shift], { axis: -1, epsilon: { float: 1e-5 } });
  }

  /** x · W + b, [.., from] to [.., to]. */
  linear(x: string, from: number, to: number): string {
    const { w } = this;
    const product = this.quantised ? this.quantisedProduct(x, from, to) : this.product(x, from, to);
    return w.op("Add", [w.weights([to], 0.02), product]);
  }

  product(x: string, from: number, to: number): string {
    return this.w.op("MatMul", [x, this.w.weights([from, to], 1 / Math.sqrt(from))]);
  }

  private quantisedProduct(x: string, from: number, to: number): string {
    const { w } = this;
    const [q = "", scale = "", zero = ""] = w.ops("DynamicQuantizeLinear", [x], 3);
    const matrix = w.bytes("u8", [from, to]);
    const sum = w.op("MatMulInteger", [q, matrix, zero, w.scalar("u8", 128)]);
    const weightScale = w.scalar("f32", Math.fround(1 / Math.sqrt(from) / 74));
    return w.op("Mul", [w.op("Cast", [sum], { to: 1 }), w.op("Mul", [scale, weightScale])]);
  }

  /** [1, length, 768] to [1, 12, length, 64], or its transpose for keys. */
  heads(x: string, key = false): string {
    const apart = this.w.op("Reshape", [x, this.w.list("i64", [1, this.length, HEADS, HEAD])]);
    return this.w.op("Transpose", [apart], { perm: key ? [0, 2, 3, 1] : [0, 2, 1, 3] });
  }

  /** @param masked Adds or selects the mask. */
  attention(q: string, k: string, v: string, masked: (scores: string) => string): string {
    const { w } = this;
    const scores = w.op("MatMul", [this.heads(q), this.heads(k, true)]);
    const scaled = masked(w.op("Div", [scores, w.scalar("f32", Math.sqrt(HEAD))]));
    const mixed = w.op("MatMul", [w.op("Softmax", [scaled], { axis: -1 }), this.heads(v)]);
    const together = w.op("Transpose", [mixed], { perm: [0, 2, 1, 3] });
    return w.op("Reshape", [together, w.list("i64", [1, this.length, WIDTH])]);
  }
}

const LABELS = 2;

/** A classifier of sequences: inputs input_ids and attention_mask, i64 [1, length]; output logits, f32 [1, 2]. */
export function bertBase(options: TextOptions): Uint8Array {
  const { length = 128, layers = 12 } = options;
  const t = new Transformer(options);
  const { w } = t;
  const words = t.embedding("input_ids", 30_522);
  const positions = w.weights([1, length, WIDTH], 0.02);
  const kinds = w.weights([1, 1, WIDTH], 0.02);
  let x = t.normalise(w.op("Add", [w.op("Add", [words, kinds]), positions]));
  const mask = w.op("Cast", [w.op("Unsqueeze", ["attention_mask", w.list("i64", [1, 2])])], { to: 1 });
  const hidden = w.op("Sub", [w.scalar("f32", 1), mask]);
  const bias = w.op("Mul", [hidden, w.scalar("f32", -3.4028234663852886e38)]);
  const half = (y: string) => {
    const e = w.op("Erf", [w.op("Div", [y, w.scalar("f32", Math.SQRT2)])]);
    const gate = w.op("Mul", [y, w.op("Add", [e, w.scalar("f32", 1)])]);
    return w.op("Mul", [gate, w.scalar("f32", 0.5)]);
  };
  for (let layer = 0; layer < layers; layer++) {
    const [q, k, v] = [0, 1, 2].map(() => t.linear(x, WIDTH, WIDTH));
    const mixed = t.attention(q ?? "", k ?? "", v ?? "", (scores) => w.op("Add", [scores, bias]));
    x = t.normalise(w.op("Add", [t.linear(mixed, WIDTH, WIDTH), x]));
    const wide = half(t.linear(x, WIDTH, 4 * WIDTH));
    x = t.normalise(w.op("Add", [t.linear(wide, 4 * WIDTH, WIDTH), x]));
  }
  const first = w.op("Gather", [x, w.scalar("i64", 0)], { axis: 1 });
  const dense = (y: string, to: number) =>
    w.op("Gemm", [y, w.weights([to, WIDTH], 1 / Math.sqrt(WIDTH)), w.weights([to], 0.02)], { transB: 1 });
  w.show(dense(w.op("Tanh", [dense(first, WIDTH)]), LABELS), "logits");
  return w.file(
    [
      { name: "input_ids", dtype: "i64", shape: [1, length] },
      { name: "attention_mask", dtype: "i64", shape: [1, length] },
    ],
    [{ name: "logits", dtype: "f32", shape: [1, LABELS] }],
  );
}

const VOCABULARY = 50_257;

/** Input input_ids, i64 [1, length]; output next_token, i64 [1, 1]: the likeliest token after the last. */
export function gpt2Small(options: TextOptions): Uint8Array {
  const { length = 128, layers = 12 } = options;
  const t = new Transformer(options);
  const { w } = t;
  const positions = w.weights([1, length, WIDTH], 0.01);
  let x = w.op("Add", [t.embedding("input_ids", VOCABULARY), positions]);
  const causal = w.initializer(
    tensor(
      "bool",
      [1, 1, length, length],
      Array.from({ length: length * length }, (_, i) => (i % length <= Math.floor(i / length) ? 1 : 0)),
    ),
  );
  const least = w.scalar("f32", -3.4028234663852886e38);
  const gelu = (y: string) => {
    const cube = w.op("Pow", [y, w.scalar("f32", 3)]);
    const sum = w.op("Add", [y, w.op("Mul", [cube, w.scalar("f32", 0.044715)])]);
    const inner = w.op("Tanh", [w.op("Mul", [sum, w.scalar("f32", 0.7978845608028654)])]);
    return w.op("Mul", [w.op("Mul", [y, w.scalar("f32", 0.5)]), w.op("Add", [inner, w.scalar("f32", 1)])]);
  };
  for (let layer = 0; layer < layers; layer++) {
    const all = t.linear(t.normalise(x), WIDTH, 3 * WIDTH);
    const [q = "", k = "", v = ""] = w.ops("Split", [all, w.list("i64", [WIDTH, WIDTH, WIDTH])], 3, {
      axis: 2,
    });
    const mixed = t.attention(q, k, v, (scores) => w.op("Where", [causal, scores, least]));
    x = w.op("Add", [t.linear(mixed, WIDTH, WIDTH), x]);
    const wide = gelu(t.linear(t.normalise(x), WIDTH, 4 * WIDTH));
    x = w.op("Add", [x, t.linear(wide, 4 * WIDTH, WIDTH)]);
  }
  const last = w.op("Gather", [t.normalise(x), w.list("i64", [-1])], { axis: 1 });
  const logits = t.product(last, WIDTH, VOCABULARY);
  w.show(w.op("ArgMax", [logits], { axis: -1, keepdims: 0 }), "next_token");
  return w.file(
    [{ name: "input_ids", dtype: "i64", shape: [1, length] }],
    [{ name: "next_token", dtype: "i64", shape: [1, 1] }],
  );
}
