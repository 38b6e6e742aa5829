/**
 * Scaled dot-product attention, the part that several operators share. Computed in f32, of f16 and bf16 too; products of
 * queries and keys and of probabilities and values are exact sums, rounded once.
 */
import type { DTypeName } from "../../dtype.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at, ZERO } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, reduce, reshape, unsqueeze } from "../compose.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { concat } from "./join.ts";
import { matmul } from "./matmul.ts";
import { softmaxOver } from "./reduce.ts";

/** Queries [batch, heads, queries, size]; keys and values [batch, key heads, keys, size]. */
export interface Heads {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** [batch, length, heads · size] as [batch, heads, length, size]. */
export function splitHeads(b: Builder, x: Value, heads: number | undefined): Value {
  const [batch = 0, length = 0, width = 0] = x.shape;
  if (x.shape.length !== 3) throw new ModelError("MALFORMED", `heads of a tensor of rank ${x.shape.length}`);
  if (heads === undefined || heads < 1 || width % heads !== 0)
    throw new ModelError("MALFORMED", `${heads ?? "no number of"} heads in a width of ${width}`);
  return view.transpose(reshape(b, x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** Every head `times` times in a row. */
export function repeatHeads(b: Builder, x: Value, times: number): Value {
  if (times === 1) return x;
  const [batch = 0, heads = 0, ...rest] = x.shape;
  const apart = view.expand(unsqueeze(x, [2]), [batch, heads, times, ...rest]);
  return reshape(b, apart, [batch, heads * times, ...rest]);
}

/**
 * Heads of which keys and values are repeated for the queries that share them.
 * @throws {ModelError} MALFORMED for sizes that do not fit.
 */
export function matchHeads(b: Builder, { q, k, v }: Heads): Heads {
  if ([q, k, v].some(({ shape }) => shape.length !== 4))
    throw new ModelError("MALFORMED", "queries, keys and values are not all of rank 4");
  sameDtype(q, k);
  const [batch, heads = 0, queries = 0, size] = q.shape;
  const [keyBatch, keyHeads = 0, keys = 0, keySize] = k.shape;
  const times = heads / keyHeads;
  if (batch !== keyBatch || size !== keySize || v.shape.slice(0, 3).join() !== k.shape.slice(0, 3).join())
    throw new ModelError("MALFORMED", "queries, keys and values do not fit");
  if (!Number.isInteger(times) || times < 1)
    throw new ModelError("MALFORMED", `${heads} heads of queries, ${keyHeads} of keys`);
  checkShape([batch ?? 0, heads, queries, keys], "the scores");
  return { q, k: repeatHeads(b, k, times), v: repeatHeads(b, v, times) };
}

/** `past` and then `x` along the keys. */
export function extended(b: Builder, past: Value | undefined, x: Value): Value {
  if (past === undefined) return x;
  sameDtype(past, x);
  if (past.shape.length !== 4 || past.shape.with(2, 0).join() !== x.shape.with(2, 0).join())
    throw new ModelError("MALFORMED", `a past of shape [${past.shape.join(", ")}]`);
  const filled = [past, x].filter((part) => !view.isEmpty(part));
  return filled.length === 0 ? x : concat(b, filled, 2);
}

/** The attribute, or 1 / sqrt(size). */
export function scaleOf(attributes: Attributes, { shape }: Value): number {
  return attributes.float("scale") ?? 1 / Math.sqrt(shape[3] ?? 1);
}

/** What is added to the scores; it broadcasts to them. */
export interface Bias {
  readonly value: Value;
  /** For queries without any key, whose probabilities are 0; absent if there is none. */
  readonly empty: Value | undefined;
}

/** `added`, and -inf wherever one of the conditions does not hold. */
export function biasOf(
  b: Builder,
  conditions: readonly (Value | undefined)[],
  added?: Value,
): Bias | undefined {
  const allowed = conditions.reduce(
    (all, one) => (all && one ? map(b, "and", "bool", all, one) : (all ?? one)),
    undefined,
  );
  const excluded = allowed && map(b, "where", "f32", allowed, b.scalar("f32", 0), b.scalar("f32", -Infinity));
  const value = excluded && added ? map(b, "add", "f32", added, excluded) : (excluded ?? added);
  if (value === undefined) return undefined;
  const most = reduce(b, "max", "f32", value, [value.shape.length - 1]);
  const empty = map(b, "eq", "bool", most, b.scalar("f32", -Infinity));
  const none = b.known(empty)?.data.every((bit) => bit === 0) === true;
  return { value, empty: none ? undefined : empty };
}

/** Which keys, by their distance from the query: bounds are absent where there is none. */
export interface Window {
  /** Keys before the first query: known, or [batch]. */
  readonly before: number | Value;
  /** Subtracted from `before`. */
  readonly less?: number;
  readonly left: number | undefined;
  readonly right: number | undefined;
}

/** For each bound of a window, whether it holds: [batch or 1, 1, queries, keys]. */
export function windowConditions(b: Builder, queries: number, keys: number, window: Window): Value[] {
  const { before, less = 0, left = Infinity, right = Infinity } = window;
  const first = typeof before === "number" ? b.list("i64", [before]) : before;
  // before - less - left <= key - query <= before - less + right; what no distance exceeds is no bound.
  const compared = (bound: number, upper: boolean): Value[] => {
    if (bound >= queries + keys) return [];
    const c0 = upper ? less - bound : less + bound;
    const distance = {
      index: affine(
        [
          [3, 1],
          [2, -1],
        ],
        c0,
      ),
    };
    const offset = { value: first, at: [first.shape[0] === 1 ? ZERO : at(0)] };
    return [
      b.emit({
        body: "le",
        dtype: "bool",
        out: [first.shape[0] ?? 1, 1, queries, keys],
        loads: upper ? [distance, offset] : [offset, distance],
      }),
    ];
  };
  return [...compared(left, false), ...compared(right, true)];
}

/** Whether a key is among the first `counts` [batch]: [batch, 1, 1, keys]. */
export function countCondition(b: Builder, counts: Value, keys: number): Value {
  const [batch = 0] = counts.shape;
  const loads = [{ index: at(3) }, { value: counts, at: [at(0)] }];
  return b.emit({ body: "lt", dtype: "bool", out: [batch, 1, 1, keys], loads });
}

export interface Scores {
  /** q·k · scale. */
  readonly raw: Value;
  /** softcap · tanh(raw / softcap), or raw without softcap. */
  readonly capped: Value;
  /** The capped score + bias, rounded once. */
  readonly biased: Value;
}

/** @param softcap 0 for none. */
export function scores(b: Builder, { q, k }: Heads, scale: number, softcap: number, bias?: Bias): Scores {
  const zero = (value: Value) => ({ value, zero: 0 });
  const product = matmul(b, "f32", zero(q), zero(view.transpose(k, [0, 1, 3, 2])));
  const times = (x: Value, factor: number) => map(b, "mul", "f32", x, b.scalar("f32", factor));
  const raw = times(product, scale);
  const [base, factor] =
    softcap === 0 ? [product, scale] : [map(b, "tanh", "f32", times(product, scale / softcap)), softcap];
  const capped = times(base, factor);
  const biased = bias && map(b, "fma", "f32", base, b.scalar("f32", factor), bias.value);
  return { raw, capped, biased: biased ?? capped };
}

/** Softmax over the keys; 0 for queries without any. */
export function probabilities(b: Builder, biased: Value, bias?: Bias): Value {
  const p = softmaxOver(b, biased, [3], false);
  return bias?.empty === undefined ? p : map(b, "where", "f32", bias.empty, b.scalar("f32", 0), p);
}

/** p·v as [batch, queries, heads, size]. */
export function weighted(b: Builder, dtype: DTypeName, p: Value, v: Value): Value {
  // [batch, queries, heads, 1, keys] · [batch, 1, heads, keys, size]
  const left = unsqueeze(view.transpose(p, [0, 2, 1, 3]), [3]);
  const result = matmul(b, dtype, { value: left, zero: 0 }, { value: unsqueeze(v, [1]), zero: 0 });
  const [batch = 0, queries = 0, heads = 0, , size = 0] = result.shape;
  return reshape(b, result, [batch, queries, heads, size]);
}

/** [batch, queries, heads, size] as [batch, queries, heads · size]. */
export function joinHeads(b: Builder, y: Value): Value {
  const [batch = 0, queries = 0, heads = 0, size = 0] = y.shape;
  return reshape(b, y, [batch, queries, heads * size]);
}
