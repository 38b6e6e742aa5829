/**
 * Attention as onnxruntime fuses it (ONNX Operators: Attention, MultiHeadAttention of com.microsoft).
 * Masked keys get a large negative addend, so that a query without any key attends to all alike; causally later keys get -inf.
 */
import { isInteger } from "../../dtype.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { at } from "../affine.ts";
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

/** @throws {ModelError} UNSUPPORTED_USE for an input that is given. */
export function refuseInputs(inputs: Inputs, names: Readonly<Record<number, string>>): void {
  for (const [index, name] of Object.entries(names))
    if (inputs.optional(Number(index)) !== undefined) throw new ModelError("UNSUPPORTED_USE", name);
}

/** @throws {ModelError} UNSUPPORTED_USE for an attribute that is neither absent nor 0. */
export function refuseAttributes(attributes: Attributes, names: readonly string[]): void {
  for (const name of names)
    if ((attributes.int(name) ?? 0) !== 0) throw new ModelError("UNSUPPORTED_USE", name);
}

/** The attribute, of which 0 stands for its absence. */
export function customScale(attributes: Attributes, q: Value): number {
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
export function attend(b: Builder, given: Heads, masks: Masks, scale: number, softcap: number): Value {
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
export function columns(b: Builder, x: Value, widths: readonly number[]): Value[] {
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
};
