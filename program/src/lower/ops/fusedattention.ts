/**
 * Attention as onnxruntime fuses it (ONNX Operators: Attention, MultiHeadAttention, GroupQueryAttention of com.microsoft).
 * Masked keys get a large negative addend, so that a query without any key attends to all alike; causally later keys get -inf.
 */
import { isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import type { Builder } from "../builder.ts";
import { cast, map, slice, squeeze, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import {
  biasOf,
  countCondition,
  extended,
  joinHeads,
  matchHeads,
  probabilities,
  scaleOf,
  scores,
  splitHeads,
  weighted,
  type Bias,
  type Heads,
} from "./attend.ts";
import { concat } from "./join.ts";
import { matmul } from "./matmul.ts";
import { rotate } from "./rotary.ts";

/** @throws {ModelError} UNSUPPORTED_USE for an input that is given. */
function refuseInputs(inputs: Inputs, names: Readonly<Record<number, string>>): void {
  for (const [index, name] of Object.entries(names))
    if (inputs.optional(Number(index)) !== undefined) throw new ModelError("UNSUPPORTED_USE", name);
}

/** @throws {ModelError} UNSUPPORTED_USE for an attribute that is neither absent nor 0. */
function refuseAttributes(attributes: Attributes, names: readonly string[]): void {
  for (const name of names)
    if ((attributes.int(name) ?? 0) !== 0) throw new ModelError("UNSUPPORTED_USE", name);
}

/** The attribute, of which 0 stands for its absence. */
function customScale(attributes: Attributes, q: Value): number {
  return attributes.float("scale") === 0 ? 1 / Math.sqrt(q.shape[3] ?? 1) : scaleOf(attributes, q);
}

/** Whether each key counts: [batch, 1, queries or 1, keys]. Masks are raw (0 or not), or ends and starts of the keys that count. */
function maskCondition(
  b: Builder,
  mask: Value,
  [batch, queries, keys]: readonly [number, number, number],
): Value {
  if (!isInteger(mask.dtype)) throw new ModelError("MALFORMED", `a mask of ${mask.dtype}`);
  const form = mask.shape.join();
  if (form === [batch, keys].join() || form === [batch, queries, keys].join()) {
    const raw = map(b, "lt", "bool", b.scalar(mask.dtype, 0), mask);
    return unsqueeze(raw, mask.shape.length === 2 ? [1, 2] : [1]);
  }
  if (form !== String(batch) && form !== String(2 * batch))
    throw new ModelError("UNSUPPORTED_USE", `a mask of shape [${mask.shape.join(", ")}]`);
  const ends = countCondition(b, slice(b, mask, 0, 0, batch), keys);
  if (form === String(batch)) return ends;
  const loads = [{ value: slice(b, mask, 0, batch, batch), at: [at(0)] }, { index: at(3) }];
  const starts = b.emit({ body: "le", dtype: "bool", out: [batch, 1, 1, keys], loads });
  return map(b, "and", "bool", ends, starts);
}

interface Masks {
  /** Integers; undefined for none. */
  readonly mask: Value | undefined;
  readonly filter: number;
  /** Added to the scores. */
  readonly added: Value | undefined;
  /** Bounds of the distance from a query to its keys. */
  readonly left: number | undefined;
  readonly right: number | undefined;
  readonly past: number;
}

/** softmax(scale·q·k, soft-capped, + bias)·v: [batch, queries, heads · size]. */
function attend(b: Builder, given: Heads, masks: Masks, scale: number, softcap: number): Value {
  const heads = matchHeads(b, given);
  const [batch = 0, count = 0, queries = 0] = heads.q.shape;
  const keys = heads.k.shape[2] ?? 0;
  const target = [batch, count, queries, keys];
  const { mask, added, past, left, right } = masks;
  if (added !== undefined) {
    sameDtype(heads.q, added);
    if (added.shape.length !== 4 || view.broadcastShapes([added.shape, target]).join() !== target.join())
      throw new ModelError("MALFORMED", `attention_bias of shape [${added.shape.join(", ")}]`);
  }
  const filter =
    mask &&
    map(
      b,
      "where",
      "f32",
      maskCondition(b, mask, [batch, queries, keys]),
      b.scalar("f32", 0),
      b.scalar("f32", masks.filter),
    );
  const wide = added && cast(b, added, "f32");
  const sum = filter && wide ? map(b, "add", "f32", filter, wide) : (filter ?? wide);
  const found = biasOf(b, [], sum, { before: past, left, right }, [queries, keys]);
  // Every query keeps its own key.
  const bias: Bias | undefined = found && { ...found, empty: undefined };
  const { biased } = scores(b, heads, scale, softcap, bias);
  return joinHeads(b, weighted(b, heads.q.dtype, probabilities(b, biased, bias), heads.v));
}

function isCausal(attributes: Attributes): number | undefined {
  return attributes.int("unidirectional") === 1 ? 0 : undefined;
}

/** Columns of the last axis in parts of the given widths. */
function columns(b: Builder, x: Value, widths: readonly number[]): Value[] {
  const axis = x.shape.length - 1;
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (widths.some((width) => !Number.isInteger(width) || width < 1) || total !== x.shape[axis])
    throw new ModelError("MALFORMED", `${x.shape[axis] ?? 0} columns as [${widths.join(", ")}]`);
  let start = 0;
  return widths.map((width) => {
    const part = slice(b, x, axis, start, width);
    start += width;
    return part;
  });
}

function addVector(b: Builder, x: Value, vector: Value | undefined): Value {
  if (vector === undefined) return x;
  sameDtype(x, vector);
  if (vector.shape.join() !== String(x.shape.at(-1)))
    throw new ModelError("MALFORMED", `a bias of shape [${vector.shape.join(", ")}]`);
  return map(b, "add", x.dtype, x, vector);
}

/** Projections to queries, keys and values first; past and present hold keys and values. */
function attention(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  refuseAttributes(attributes, ["do_rotary", "past_present_share_buffer"]);
  refuseInputs(inputs, { 6: "past_sequence_length" });
  const [input, weights, past] = [inputs.at(0), inputs.at(1), inputs.optional(4)];
  needFloat(input);
  sameDtype(input, weights);
  if (input.shape.length !== 3 || weights.shape.length !== 2)
    throw new ModelError("MALFORMED", "ranks of the input or the weights");
  const product = matmul(b, input.dtype, { value: input, zero: 0 }, { value: weights, zero: 0 });
  const projected = addVector(b, product, inputs.optional(2));
  const third = (weights.shape[1] ?? 0) / 3;
  const parts = columns(b, projected, attributes.ints("qkv_hidden_sizes") ?? [third, third, third]);
  const [q, newK, newV] = parts.map((part) => splitHeads(b, part, attributes.int("num_heads")));
  if (parts.length !== 3 || q === undefined || newK === undefined || newV === undefined)
    throw new ModelError("MALFORMED", "qkv_hidden_sizes are not three");
  if (past !== undefined && (past.shape.length !== 5 || past.shape[0] !== 2))
    throw new ModelError("MALFORMED", `a past of shape [${past.shape.join(", ")}]`);
  const pastOf = (which: number) => past && squeeze(slice(b, past, 0, which, 1), [0]);
  const [k, v] = [extended(b, pastOf(0), newK), extended(b, pastOf(1), newV)];
  const masks = {
    mask: inputs.optional(3),
    filter: attributes.float("mask_filter_value") ?? -10_000,
    added: inputs.optional(5),
    left: undefined,
    right: isCausal(attributes),
    past: past?.shape[3] ?? 0,
  };
  const y = attend(b, { q, k, v }, masks, customScale(attributes, q), 0);
  if (k.shape.join() !== v.shape.join()) return [y];
  return [y, concat(b, [unsqueeze(k, [0]), unsqueeze(v, [0])], 0)];
}

/** Keys and values are apart, packed by token, or [batch, heads, keys, size] already. */
function multiHead(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  refuseInputs(inputs, { 8: "past_sequence_length", 9: "cache_indirection" });
  const [query, key, value] = [inputs.at(0), inputs.optional(1), inputs.optional(2)];
  if (key === undefined || value === undefined)
    throw new ModelError("UNSUPPORTED_USE", "packed keys and values");
  [query, key, value].forEach(needFloat);
  sameDtype(query, value);
  const [rank, valueRank] = [key.shape.length, value.shape.length];
  if (query.shape.length !== 3 || rank !== valueRank || (rank !== 3 && rank !== 4))
    throw new ModelError("MALFORMED", "ranks of query, key and value");
  const bias = inputs.optional(3);
  if (bias !== undefined && rank === 4) throw new ModelError("UNSUPPORTED_USE", "bias of keys in heads");
  const widths = [query, key, value].map(({ shape }) => shape[2] ?? 0);
  const vectors = bias === undefined ? [] : columns(b, bias, widths);
  const heads = attributes.int("num_heads");
  const [q, newK, newV] = [query, key, value].map((x, i) =>
    x.shape.length === 4 ? x : splitHeads(b, addVector(b, x, vectors[i]), heads),
  );
  if (q === undefined || newK === undefined || newV === undefined) return [];
  const [pastK, pastV] = [inputs.optional(6), inputs.optional(7)];
  if ((pastK === undefined) !== (pastV === undefined))
    throw new ModelError("MALFORMED", "only one of past_key and past_value");
  const [k, v] = [extended(b, pastK, newK), extended(b, pastV, newV)];
  if (k.shape[1] !== heads) throw new ModelError("MALFORMED", `${k.shape[1] ?? 0} heads of keys`);
  const masks = {
    mask: inputs.optional(4),
    filter: attributes.float("mask_filter_value") ?? -10_000,
    added: inputs.optional(5),
    left: undefined,
    right: isCausal(attributes),
    past: pastK?.shape[2] ?? 0,
  };
  return [attend(b, { q, k, v }, masks, customScale(attributes, q), 0), k, v];
}

/** Positions before the new ones, if all sequences are full: what seqlens_k and total_sequence_length have to say. */
function pastLength(inputs: Inputs, b: Builder, batch: number, length: number): number {
  const [total = 0] = b.integers(inputs.at(6), "total_sequence_length");
  const ends = b.integers(inputs.at(5), "seqlens_k");
  if (ends.length !== batch || total < length)
    throw new ModelError("MALFORMED", `${ends.length} sequences, or fewer than ${length} positions`);
  if (ends.some((end) => end !== total - 1))
    throw new ModelError("UNSUPPORTED_USE", "sequences of different lengths");
  return total - length;
}

/** Queries share keys and values; known lengths, of which the past is filled to its end. */
function groupQuery(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  refuseAttributes(attributes, ["qk_output", "sliding_window_cache"]);
  refuseInputs(inputs, {
    9: "position_ids",
    11: "head_sink",
    12: "k_scale",
    13: "v_scale",
    14: "q_norm_weight",
    15: "k_norm_weight",
  });
  const quantised = ["k_quant_type", "v_quant_type"].some(
    (name) => (attributes.string(name) ?? "NONE") !== "NONE",
  );
  if (quantised || (attributes.int("smooth_softmax") ?? 0) > 0)
    throw new ModelError("UNSUPPORTED_USE", "a quantised cache or smooth_softmax");
  const [heads, keyHeads] = [attributes.int("num_heads") ?? 0, attributes.int("kv_num_heads") ?? 0];
  const [query, key, value] = [inputs.at(0), inputs.optional(1), inputs.optional(2)];
  if ((key === undefined) !== (value === undefined))
    throw new ModelError("MALFORMED", "only one of key and value");
  const size = (query.shape[2] ?? 0) / (heads + 2 * keyHeads);
  const apart =
    key && value ? [query, key, value] : columns(b, query, [heads * size, keyHeads * size, keyHeads * size]);
  apart.forEach(needFloat);
  const split = apart.map((x, i) => splitHeads(b, x, i === 0 ? heads : keyHeads));
  const [q, newK, newV] = split;
  if (q === undefined || newK === undefined || newV === undefined) return [];
  sameDtype(q, newV);
  const [batch = 0, , length = 0] = q.shape;
  const before = pastLength(inputs, b, batch, length);
  const turned = (x: Value) =>
    attributes.int("do_rotary") === 1 ? rotated(inputs, b, attributes, x, before) : x;
  const [pastK, pastV] = [inputs.optional(3), inputs.optional(4)];
  if ((pastK?.shape[2] ?? 0) !== before || (pastV?.shape[2] ?? 0) !== before)
    throw new ModelError("UNSUPPORTED_USE", `a past that is not of ${before} positions`);
  const [k, v] = [extended(b, pastK, turned(newK)), extended(b, pastV, newV)];
  const window = attributes.int("local_window_size") ?? -1;
  const causal = attributes.int("causal") ?? 1;
  if (window < -1 || window === 0 || (window > 0 && causal === 0))
    throw new ModelError("MALFORMED", `local_window_size ${window}`);
  const softcap = attributes.float("softcap") ?? 0;
  if (!(softcap >= 0)) throw new ModelError("MALFORMED", `softcap ${softcap}`);
  const masks = {
    mask: undefined,
    filter: 0,
    added: inputs.optional(10),
    left: window === -1 ? undefined : window - 1,
    right: causal === 0 ? undefined : 0,
    past: before,
  };
  return [attend(b, { q: turned(q), k, v }, masks, customScale(attributes, q), softcap), k, v];
}

/** Heads turned by their positions, of which the first is `before`. */
function rotated(inputs: Inputs, b: Builder, attributes: Attributes, x: Value, before: number): Value {
  const [cos, sin] = [inputs.at(7), inputs.at(8)];
  const [batch = 0, , length = 0] = x.shape;
  if (cos.shape.length !== 2 || sin.shape.join() !== cos.shape.join())
    throw new ModelError("MALFORMED", "caches of sines and cosines do not fit");
  if (before + length > (cos.shape[0] ?? 0))
    throw new ModelError("MALFORMED", `${before + length} positions of ${cos.shape[0] ?? 0}`);
  const rows = (cache: Value) =>
    view.expand(slice(b, cache, 0, before, length), [batch, length, cache.shape[1] ?? 0]);
  const turned = rotate(b, {
    x,
    width: 2 * (cos.shape[1] ?? 0),
    cos: rows(cos),
    sin: rows(sin),
    positions: undefined,
    interleaved: attributes.int("rotary_interleaved") === 1,
  });
  return view.transpose(turned, [0, 2, 1, 3]);
}

export const FUSEDATTENTION: RuleTable = {
  "com.microsoft:Attention": rule(
    1,
    [
      "do_rotary",
      "mask_filter_value",
      "num_heads",
      "past_present_share_buffer",
      "qkv_hidden_sizes",
      "scale",
      "unidirectional",
    ],
    attention,
  ),
  "com.microsoft:MultiHeadAttention": rule(
    1,
    ["mask_filter_value", "num_heads", "scale", "unidirectional"],
    multiHead,
  ),
  "com.microsoft:GroupQueryAttention": rule(
    1,
    [
      "causal",
      "do_rotary",
      "k_quant_type",
      "kv_cache_bit_width",
      "kv_num_heads",
      "local_window_size",
      "num_heads",
      "qk_output",
      "rotary_interleaved",
      "scale",
      "sliding_window_cache",
      "smooth_softmax",
      "softcap",
      "v_quant_type",
    ],
    groupQuery,
  ),
};
