/**
 * Attention with a cache of keys and values (ONNX Operators: GroupQueryAttention of com.microsoft), of lengths known before
 * the model runs.
 */
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import type { Builder } from "../builder.ts";
import { slice } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import { extended, splitHeads } from "./attend.ts";
import { attend, columns, customScale, refuseAttributes, refuseInputs } from "./fusedattention.ts";
import { rotate } from "./rotary.ts";

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

export const GROUPQUERY: RuleTable = {
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
