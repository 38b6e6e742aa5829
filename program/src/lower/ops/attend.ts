/**
 * Scaled dot-product attention, the part that several operators share. Computed in f32, of f16 and bf16 too; products of
 * queries and keys and of probabilities and values are exact sums, rounded once.
 */
import type { DTypeName } from "../../dtype.ts";
import type { Affine } from "../../instruction.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { numberBits } from "../../onnx/host.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at, ZERO } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { alikeBut, map, reduce, reshape, unsqueeze } from "../compose.ts";
import type { LoadSpec } from "../spec.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";
import { concat } from "./join.ts";
import { matmul } from "./matmul.ts";
import { softmaxOver } from "./reduce.ts";

/** Queries, and keys: indices and their differences stay small in affine expressions. */
const MAX_LENGTH = 2 ** 28;

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
function repeatHeads(b: Builder, x: Value, times: number): Value {
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
  if (Math.max(queries, keys) > MAX_LENGTH)
    throw new ModelError("TOO_LARGE", `${queries} queries and ${keys} keys`);
  return { q, k: repeatHeads(b, k, times), v: repeatHeads(b, v, times) };
}

/** `past` and then `x` along the keys. */
export function extended(b: Builder, past: Value | undefined, x: Value): Value {
  if (past === undefined) return x;
  sameDtype(past, x);
  if (past.shape.length !== 4 || !alikeBut(2, past, x))
    throw new ModelError("MALFORMED", `a past of shape [${past.shape.join(", ")}]`);
  const filled = [past, x].filter((part) => !view.isEmpty(part));
  return filled.length === 0 ? x : concat(b, filled, 2);
}

/** The attribute, or 1 / sqrt(size). */
export function scaleOf(attributes: Attributes, { shape }: Value): number {
  return attributes.float("scale") ?? 1 / Math.sqrt(shape[3] ?? 1);
}

/** Which keys count, by their distance key - query - before; a bound is absent where there is none. */
export interface Window {
  readonly before: number;
  readonly left: number | undefined;
  readonly right: number | undefined;
}

/** Conditions on the indices of [batch, heads, queries, keys]: 0 <= at < size. */
type Checks = readonly { readonly size: number; readonly at: Affine }[];

/** c0 + sign · (key - query). */
function distance(c0: number, sign: 1 | -1): Affine {
  const terms = [[3, sign] as const, [2, -sign] as const];
  return affine(terms, c0);
}

/** @param span Queries + keys, which no distance exceeds. */
function windowChecks({ before, left = Infinity, right = Infinity }: Window, span: number): Checks {
  const ahead = right < span;
  if (left < span) return [{ size: ahead ? left + right + 1 : left + span, at: distance(left - before, 1) }];
  return ahead ? [{ size: before + right + span, at: distance(before + right, -1) }] : [];
}

/** Conditions of a window of which each sequence has its own `counts` - queries before: [batch, 1, queries, keys]. */
export function countedWindow(
  b: Builder,
  counts: Value,
  [queries, keys]: readonly [number, number],
  { left = Infinity, right = Infinity }: Omit<Window, "before">,
): Value[] {
  const out = [counts.shape[0] ?? 0, 1, queries, keys];
  const count = { value: counts, at: [at(0)] };
  const limit = (bound: number) => ({ index: distance(queries + bound, 1) });
  const compared = (bound: number, loads: LoadSpec[]) =>
    bound < queries + keys ? [b.emit({ body: "le", dtype: "bool", out, loads })] : [];
  return [...compared(left, [count, limit(left)]), ...compared(right, [limit(-right), count])];
}

/** Whether a key is among the first `counts` [batch]: [batch, 1, 1, keys]. */
export function countCondition(b: Builder, counts: Value, keys: number): Value {
  const [batch = 0] = counts.shape;
  const loads = [{ index: at(3) }, { value: counts, at: [at(0)] }];
  return b.emit({ body: "lt", dtype: "bool", out: [batch, 1, 1, keys], loads });
}

/** What is added to the scores: a value that broadcasts to them, or 0 where the checks hold and -inf elsewhere. */
export interface Bias {
  readonly value: Value | undefined;
  readonly within: Checks;
  /** For queries without any key, whose probabilities are 0; absent if there is none. */
  readonly empty: Value | undefined;
}

/** 0, or -inf outside. */
function zeroWithin(b: Builder, checks: Checks): LoadSpec {
  return { value: b.scalar("f32", 0), at: [], checks, fill: numberBits("f32", -Infinity) };
}

/** A value (bools for 0 or -inf, or floats) + 0 within the window, -inf outside. */
function excluding(
  b: Builder,
  value: Value | undefined,
  checks: Checks,
  sizes: readonly [number, number],
): Value {
  const out = view.broadcastShapes([value?.shape ?? [], checks.length === 0 ? [] : [1, 1, ...sizes]]);
  const lead = out.length - (value?.shape.length ?? 0);
  const own = value && { value, at: value.shape.map((size, d) => (size === 1 ? ZERO : at(d + lead))) };
  const zero = zeroWithin(b, checks);
  if (own === undefined) return b.emit({ body: "copy", dtype: "f32", out, loads: [zero] });
  if (own.value.dtype !== "bool") return b.emit({ body: "add", dtype: "f32", out, loads: [own, zero] });
  const least = { value: b.scalar("f32", -Infinity), at: [] };
  return b.emit({ body: "where", dtype: "f32", out, loads: [own, zero, least] });
}

/**
 * What excludes keys, and what is added.
 * @param added In f32.
 */
export function biasOf(
  b: Builder,
  conditions: readonly Value[],
  added: Value | undefined,
  window: Window,
  [queries, keys]: readonly [number, number],
): Bias | undefined {
  const within = windowChecks(window, queries + keys);
  const [first, ...others] = conditions;
  const allowed = first && others.reduce((all, one) => map(b, "and", "bool", all, one), first);
  const { left = Infinity, before } = window;
  const beyond = queries + before - left > keys;
  if (allowed === undefined && added === undefined && !beyond)
    return within.length === 0 ? undefined : { value: undefined, within, empty: undefined };
  const excluded = allowed && excluding(b, allowed, within, [queries, keys]);
  const value =
    excluded && added
      ? map(b, "add", "f32", added, excluded)
      : (excluded ?? excluding(b, added, within, [queries, keys]));
  const most = reduce(b, "max", "f32", value, [value.shape.length - 1]);
  const empty = map(b, "eq", "bool", most, b.scalar("f32", -Infinity));
  const none = b.known(empty)?.data.every((bit) => bit === 0) === true;
  return { value, within: [], empty: none ? undefined : empty };
}

export interface Scores {
  /** q·k · scale. */
  readonly raw: Value;
  /** softcap · tanh(raw / softcap), or raw without softcap. */
  readonly capped: Value;
  /** The capped score + bias, rounded once. */
  readonly biased: Value;
}

/** fma(score, factor, bias). */
function addBias(b: Builder, score: Value, factor: Value, { value, within }: Bias): Value {
  if (value !== undefined) return map(b, "fma", "f32", score, factor, value);
  const loads = [
    { value: score, at: score.shape.map((_, d) => at(d)) },
    { value: factor, at: [] },
    zeroWithin(b, within),
  ];
  return b.emit({ body: "fma", dtype: "f32", out: score.shape, loads });
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
  const biased = bias && addBias(b, base, b.scalar("f32", factor), bias);
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
