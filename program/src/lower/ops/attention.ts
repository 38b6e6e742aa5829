/**
 * Attention over heads (ONNX Operators: Attention; FlexAttention of ai.onnx.preview without modifier subgraphs).
 */
import type { DTypeName } from "../../dtype.ts";
import { isFloat } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import type { Builder } from "../builder.ts";
import { cast, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { needFloat, sameDtype } from "./arithmetic.ts";
import {
  biasOf,
  countCondition,
  countedWindow,
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
  type Window,
} from "./attend.ts";
import { concat } from "./join.ts";

/** Codes of TensorProto.DataType. */
const PRECISIONS: Readonly<Record<number, DTypeName>> = { 1: "f32", 10: "f16", 16: "bf16" };

/** The dtype that scores are rounded to before softmax, and probabilities after. */
function precisionOf(attributes: Attributes): DTypeName {
  const code = attributes.int("softmax_precision") ?? 1;
  const precision = PRECISIONS[code];
  if (precision === undefined) throw new ModelError("UNSUPPORTED_DTYPE", `softmax_precision ${code}`);
  return precision;
}

/** Softmax of scores that are rounded to `precision` before and after. */
function roundedProbabilities(b: Builder, biased: Value, precision: DTypeName, bias?: Bias): Value {
  const rounded = (x: Value) => cast(b, cast(b, x, precision), "f32");
  return rounded(probabilities(b, rounded(biased), bias));
}

/** [batch, heads, length, size], of which rank 3 packs the heads into the last axis. */
function headsOf(b: Builder, x: Value, heads: number | undefined): Value {
  if (x.shape.length === 3) return splitHeads(b, x, heads);
  if (heads !== undefined && heads !== x.shape[1])
    throw new ModelError("MALFORMED", `${heads} heads of a tensor [${x.shape.join(", ")}]`);
  return x;
}

/** The mask as a condition or as an addend in f32. Where it is shorter than the keys, the rest is excluded. */
function readMask(b: Builder, mask: Value, q: Value, keys: number, padded: boolean): Value {
  if (mask.dtype !== "bool") {
    if (!isFloat(mask.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `a mask of ${mask.dtype}`);
    sameDtype(q, mask);
  }
  const wide = cast(b, mask, mask.dtype === "bool" ? "bool" : "f32");
  const length = wide.shape.at(-1);
  if (length === undefined) return reshape(b, wide, [1]);
  const axis = wide.shape.length - 1;
  const missing = padded ? keys - length : 0;
  if (missing <= 0) return wide;
  const excluded = b.scalar(wide.dtype, wide.dtype === "bool" ? 0 : -Infinity);
  const rest = view.expand(excluded, wide.shape.with(axis, missing));
  return view.isEmpty(wide) ? rest : concat(b, [wide, rest], axis);
}

/** A window of a bound that may be -1 for none. */
function bound(attributes: Attributes, name: string): number | undefined {
  const size = attributes.int(name) ?? -1;
  if (size < -1) throw new ModelError("MALFORMED", `${name} ${size}`);
  return size === -1 ? undefined : size;
}

function biasFor(inputs: Inputs, { b, attributes, opset }: Context, { q, k }: Heads): Bias | undefined {
  const [batch = 0, heads = 0, queries = 0] = q.shape;
  const keys = k.shape[2] ?? 0;
  const past = inputs.optional(4);
  const counts = opset >= 24 ? inputs.optional(6) : undefined;
  if (counts !== undefined && (counts.dtype !== "i64" || counts.shape.join() !== String(batch)))
    throw new ModelError("MALFORMED", "nonpad_kv_seqlen is not i64 of [batch]");
  if (counts !== undefined && past !== undefined)
    throw new ModelError("MALFORMED", "both nonpad_kv_seqlen and past_key");
  const given = inputs.optional(3);
  const mask = given && readMask(b, given, q, keys, opset >= 24);
  const target = [batch, heads, queries, keys];
  if (mask !== undefined && view.broadcastShapes([mask.shape, target]).join() !== target.join())
    throw new ModelError("MALFORMED", `a mask of shape [${mask.shape.join(", ")}]`);
  const left = bound(attributes, "left_window_size");
  const right = attributes.int("is_causal") === 1 ? 0 : bound(attributes, "right_window_size");
  const sizes = [queries, keys] as const;
  const counted =
    counts === undefined
      ? []
      : [...countedWindow(b, counts, sizes, { left, right }), countCondition(b, counts, keys)];
  const known = counts === undefined ? { left, right } : { left: undefined, right: undefined };
  const window: Window = { before: past?.shape[2] ?? 0, ...known };
  const conditions = mask?.dtype === "bool" ? [mask, ...counted] : counted;
  return biasOf(b, conditions, mask?.dtype === "bool" ? undefined : mask, window, sizes);
}

/** Softmax(scale·q·k, soft-capped, + bias)·v, each step in f32. */
function attention(inputs: Inputs, context: Context): readonly (Value | undefined)[] {
  const { b, attributes } = context;
  const packed = inputs.at(0).shape.length === 3;
  const [queryHeads, keyHeads] = [attributes.int("q_num_heads"), attributes.int("kv_num_heads")];
  const [q, newK, newV] = [queryHeads, keyHeads, keyHeads].map((heads, k) => headsOf(b, inputs.at(k), heads));
  if (q === undefined || newK === undefined || newV === undefined) return [];
  [q, newK, newV].forEach(needFloat);
  if ((inputs.optional(4) === undefined) !== (inputs.optional(5) === undefined))
    throw new ModelError("MALFORMED", "only one of past_key and past_value");
  const [k, v] = [extended(b, inputs.optional(4), newK), extended(b, inputs.optional(5), newV)];
  const heads = matchHeads(b, { q, k, v });
  const softcap = attributes.float("softcap") ?? 0;
  if (!(softcap >= 0)) throw new ModelError("MALFORMED", `softcap ${softcap}`);
  const bias = biasFor(inputs, context, heads);
  const { raw, capped, biased } = scores(b, heads, scaleOf(attributes, q), softcap, bias);
  const p = roundedProbabilities(b, biased, precisionOf(attributes), bias);
  const mode = attributes.int("qk_matmul_output_mode") ?? 0;
  const shown = [raw, capped, biased, p][mode];
  if (shown === undefined) throw new ModelError("MALFORMED", `qk_matmul_output_mode ${mode}`);
  const y = weighted(b, q.dtype, p, heads.v);
  const joined = packed ? joinHeads(b, y) : view.transpose(y, [0, 2, 1, 3]);
  return [joined, k, v, cast(b, shown, q.dtype)];
}

/** Softmax(scale·q·k)·v, the last product in the precision of the softmax. */
function flex(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [q, k, v] = [inputs.at(0), inputs.at(1), inputs.at(2)];
  [q, k, v].forEach(needFloat);
  sameDtype(q, v);
  const heads = matchHeads(b, { q, k, v });
  const precision = precisionOf(attributes);
  const p = roundedProbabilities(b, scores(b, heads, scaleOf(attributes, q), 0).biased, precision);
  const y = weighted(b, precision, p, cast(b, heads.v, precision));
  return [cast(b, view.transpose(y, [0, 2, 1, 3]), q.dtype)];
}

const ATTRIBUTES = [
  "is_causal",
  "kv_num_heads",
  "q_num_heads",
  "qk_matmul_output_mode",
  "scale",
  "softcap",
  "softmax_precision",
] as const;

export const ATTENTION: RuleTable = {
  Attention: [
    rule(23, ATTRIBUTES, attention, 24),
    rule(25, [...ATTRIBUTES, "left_window_size", "right_window_size"], attention),
  ],
  "ai.onnx.preview:FlexAttention": rule(1, ["scale", "softmax_precision"], flex),
};
