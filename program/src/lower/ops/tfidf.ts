/**
 * Counts of n-grams (ONNX Operators: TfIdfVectorizer, on integers). Tokens become numbers of the vocabulary, and windows of
 * tokens nodes of a tree of the n-grams' beginnings, one token at a time; 0 is neither.
 */
import { isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

/** A beginning of an n-gram: that of its parent and one more token. The root is node 1. */
interface Node {
  readonly parent: number;
  /** From 1 on, in the vocabulary. */
  readonly token: number;
  readonly id: number;
  /** Column that the n-gram is counted in; -1 for a mere beginning. */
  column: number;
}

interface Grams {
  readonly vocabulary: readonly number[];
  /** Nodes by length. */
  readonly levels: readonly (readonly Node[])[];
  readonly columns: number;
}

const ATTRIBUTES = [
  "max_gram_length",
  "max_skip_count",
  "min_gram_length",
  "mode",
  "ngram_counts",
  "ngram_indexes",
  "pool_int64s",
  "weights",
] as const;
const MAX_POOL = 2 ** 20;

function need<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new ModelError("MALFORMED", `no ${name}`);
  return value;
}

/** The pool's n-grams of min..max tokens as a tree. */
function readGrams({ attributes }: Context, min: number, max: number): Grams {
  const pool = need(attributes.ints("pool_int64s"), "pool_int64s");
  const starts = need(attributes.ints("ngram_counts"), "ngram_counts");
  const indexes = need(attributes.ints("ngram_indexes"), "ngram_indexes");
  if (pool.length > MAX_POOL) throw new ModelError("TOO_LARGE", `a pool of ${pool.length}`);
  const vocabulary = [...new Set(pool)];
  const tokens = new Map(vocabulary.map((token, k) => [token, k + 1]));
  const levels: Node[][] = [];
  const nodes = new Map<string, Node>();
  let gram = 0;
  starts.forEach((start, k) => {
    const [length, end] = [k + 1, starts[k + 1] ?? pool.length];
    if (start < 0 || end < start || end > pool.length || (end - start) % length !== 0)
      throw new ModelError("MALFORMED", `ngram_counts [${starts.join(", ")}]`);
    for (let from = start; from < end; from += length, gram++) {
      if (length < min || length > max) continue;
      let parent = 1;
      pool.slice(from, from + length).forEach((word, depth) => {
        const token = tokens.get(word) ?? 0;
        const key = `${parent} ${token}`;
        const node = nodes.get(key) ?? { parent, token, id: nodes.size + 2, column: -1 };
        if (!nodes.has(key)) (levels[depth] ??= []).push(node);
        nodes.set(key, node);
        if (depth === length - 1) node.column = indexes[gram] ?? -1;
        parent = node.id;
      });
    }
  });
  if (gram !== indexes.length || indexes.length === 0 || indexes.some((column) => column < 0))
    throw new ModelError("MALFORMED", "ngram_indexes do not fit the pool");
  return { vocabulary, levels, columns: indexes.reduce((most, column) => Math.max(most, column)) + 1 };
}

/** Position (from 1 on, or of `ids`) of each element of x in a list of distinct numbers, else 0. */
function lookUp(b: Builder, x: Value, list: readonly number[], ids?: readonly number[]): Value {
  const rank = x.shape.length;
  return b.emit({
    body: "seleq",
    fold: "max",
    dtype: "u32",
    out: x.shape,
    red: [list.length],
    loads: [
      { value: x, at: x.shape.map((_, d) => at(d)) },
      { value: b.list("i64", list), at: [at(rank)] },
      ids === undefined ? { index: affine([[rank, 1]], 1) } : { value: b.list("u32", ids), at: [at(rank)] },
    ],
  });
}

/** How many windows [rows, starts, skips] are an n-gram of each column, [rows, columns]. */
function count(b: Builder, windows: Value, level: readonly Node[], columns: number): Value {
  const [rows = 1, starts = 1, skips = 1] = windows.shape;
  const table = new Array<number>(level.reduce((most, { id }) => Math.max(most, id), 0) + 1).fill(-1);
  for (const { id, column } of level) table[id] = column;
  const found = { gather: windows, at: [at(0), at(2), at(3)] };
  const loads = [
    { value: b.list("i64", table), at: [found] },
    { index: at(1) },
    { value: b.scalar("i64", 1), at: [] },
  ];
  return b.emit({
    body: "seleq",
    fold: "sum",
    dtype: "i64",
    out: [rows, columns],
    red: [starts, skips],
    loads,
  });
}

/** Occurrences of the n-grams by column, [rows, columns]: tokens 1..skips+1 apart, a single token once. */
function frequencies(b: Builder, x: Value, grams: Grams, skips: number): Value {
  const [rows = 1, length = 1] = x.shape;
  const { vocabulary, levels, columns } = grams;
  const base = vocabulary.length + 1;
  const tokens = lookUp(b, x, vocabulary);
  let windows = b.emit({
    body: "copy",
    dtype: "u32",
    out: [rows, length, 1],
    loads: [{ value: b.scalar("u32", 1), at: [] }],
  });
  let total = b.emit({
    body: "copy",
    dtype: "i64",
    out: [rows, columns],
    loads: [{ value: b.scalar("i64", 0), at: [] }],
  });
  levels.forEach((level, depth) => {
    // A window that leaves the row reads the token 0.
    const place = affine(
      [
        [1, 1],
        [2, depth],
      ],
      depth,
    );
    const code = b.emit({
      body: "fma",
      dtype: "i64",
      out: [rows, length, depth === 0 ? 1 : skips + 1],
      loads: [
        { value: windows, at: [at(0), at(1), windows.shape[2] === 1 ? affine([]) : at(2)] },
        { value: b.scalar("i64", base), at: [] },
        { value: tokens, at: [at(0), place] },
      ],
    });
    const codes = level.map(({ parent, token }) => parent * base + token);
    windows = lookUp(
      b,
      code,
      codes,
      level.map(({ id }) => id),
    );
    if (level.some(({ column }) => column >= 0))
      total = map(b, "add", "i64", total, count(b, windows, level, columns));
  });
  return total;
}

function tfIdf(inputs: Inputs, context: Context): readonly Value[] {
  const { b, attributes } = context;
  const x = inputs.at(0);
  if (!isInteger(x.dtype)) throw new ModelError("UNSUPPORTED_DTYPE", `n-grams of ${x.dtype}`);
  const [min, max, skips] = ["min_gram_length", "max_gram_length", "max_skip_count"].map((name) =>
    need(attributes.int(name), name),
  );
  const mode = attributes.string("mode") ?? "";
  if (min === undefined || max === undefined || skips === undefined) return [];
  if (min < 1 || max < min || skips < 0 || x.shape.length < 1 || x.shape.length > 2)
    throw new ModelError("MALFORMED", "lengths of n-grams or rank");
  if (!["TF", "IDF", "TFIDF"].includes(mode)) throw new ModelError("MALFORMED", `mode "${mode}"`);
  const grams = readGrams(context, min, max);
  const weights = attributes.floats("weights");
  if (weights !== undefined && weights.length < grams.columns)
    throw new ModelError("MALFORMED", `${weights.length} weights for ${grams.columns} columns`);
  const rows = x.shape.length === 2 ? x : { ...x, shape: [1, ...x.shape], dims: [[], ...x.dims] };
  // A token further away than the row is long is not in it.
  const within = Math.min(skips, Math.max(0, (rows.shape[1] ?? 1) - 1));
  const counted = frequencies(b, rows, grams, within);
  const found = mode === "IDF" ? map(b, "lt", "bool", b.scalar("i64", 0), counted) : counted;
  const wide = cast(b, found, "f32");
  const scaled =
    mode === "TF" || weights === undefined
      ? wide
      : map(b, "mul", "f32", wide, b.list("f32", weights.slice(0, grams.columns)));
  return [
    x.shape.length === 2 ? scaled : { ...scaled, shape: scaled.shape.slice(1), dims: scaled.dims.slice(1) },
  ];
}

export const TFIDF: RuleTable = {
  TfIdfVectorizer: rule(9, ATTRIBUTES, tfIdf),
};
