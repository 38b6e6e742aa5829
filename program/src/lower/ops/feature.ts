/**
 * Preparation of features (ONNX Operators of ai.onnx.ml: ArrayFeatureExtractor, Binarizer, FeatureVectorizer, Imputer,
 * LabelEncoder, Normalizer, OneHotEncoder, Scaler). Tensors of strings are refused by the reader.
 */
import { dtype, isFloat, type DTypeName } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { elementBits, numberBits, type HostTensor } from "../../onnx/host.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { cast, map, reduce, reshape, slice, unsqueeze } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import { expand, isEmpty, type Value } from "../value.ts";
import { concat, gather } from "./join.ts";
import { samples } from "./post_transform.ts";
import { reduceMax, sum } from "./reduce.ts";

/** One element for all features, or one for each: the last of at most two axes. */
function perFeature(x: Value, count: number, name: string): void {
  if (count === 1) return;
  if (x.shape.length < 1 || x.shape.length > 2 || x.shape.at(-1) !== count)
    throw new ModelError("MALFORMED", `${count} elements of ${name} for [${x.shape.join(", ")}]`);
}

/** r(r(x - offset)·scale). */
function scaler(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = cast(b, inputs.at(0), "f32");
  const parameter = (name: string): Value => {
    const values = attributes.floats(name) ?? [];
    perFeature(x, values.length, name);
    return b.list("f32", values, values.length === 1 ? [] : [values.length]);
  };
  const [offset, scale] = [parameter("offset"), parameter("scale")];
  return [map(b, "mul", "f32", map(b, "sub", "f32", x, offset), scale)];
}

/** x / (largest x, sum of |x|, or root of the sum of squares) by row; a row whose divisor is 0 stays. */
function normalizer(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = samples(b, inputs.at(0));
  const norm = attributes.string("norm") ?? "MAX";
  let by: Value;
  if (norm === "MAX") by = reduceMax(x, [1], b);
  else if (norm === "L1") by = sum(map(b, "abs", "f32", x), [1], b);
  else if (norm === "L2") by = map(b, "sqrt", "f32", reduce(b, "sum", "f32", x, [1], true));
  else throw new ModelError("MALFORMED", `norm "${norm}"`);
  const divisor = map(
    b,
    "where",
    "f32",
    map(b, "eq", "bool", by, b.scalar("f32", 0)),
    b.scalar("f32", 1),
    by,
  );
  return [reshape(b, map(b, "div", "f32", x, divisor), inputs.at(0).shape)];
}

function binarizer(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const over = map(b, "lt", "bool", b.scalar("f32", attributes.float("threshold") ?? 0), x);
  return [cast(b, over, x.dtype)];
}

/** Values equal to the replaced one (or NaN, if that is NaN) give the imputed one of their feature. */
function imputer(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const float = isFloat(x.dtype);
  const values =
    (float ? attributes.floats("imputed_value_floats") : attributes.ints("imputed_value_int64s")) ?? [];
  const replaced =
    (float ? attributes.float("replaced_value_float") : attributes.int("replaced_value_int64")) ?? 0;
  perFeature(x, values.length, "imputed values");
  const list = b.list(x.dtype, values, values.length === 1 ? [] : [values.length]);
  const missing = Number.isNaN(replaced)
    ? map(b, "ne", "bool", x, x)
    : map(b, "eq", "bool", x, b.scalar(float ? "f32" : "i64", replaced));
  return [map(b, "where", x.dtype, missing, list, x)];
}

/** Elements of X at positions Y of the last axis; of a vector as a row. */
function arrayFeatureExtractor(inputs: Inputs, { b }: Context): readonly Value[] {
  const given = inputs.at(0);
  const x = given.shape.length === 1 ? unsqueeze(given, [0]) : given;
  const indices = reshape(b, inputs.at(1), [product(inputs.at(1).shape)]);
  if (given.shape.length === 0 || isEmpty(given) || isEmpty(indices))
    throw new ModelError("MALFORMED", "nothing to extract");
  if (indices.dtype !== "i64") throw new ModelError("MALFORMED", `positions of ${indices.dtype}`);
  if (b.known(indices) !== undefined && b.integers(indices, "positions").some((position) => position < 0))
    throw new ModelError("MALFORMED", "a negative position");
  return [gather(b, x, indices, x.shape.length - 1)];
}

/** Tensors side by side in f32, each cut or padded with 0 to its number of columns. */
function featureVectorizer(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const dimensions = attributes.ints("inputdimensions") ?? [];
  const given = inputs.all();
  if (given.length !== dimensions.length || given.length === 0)
    throw new ModelError("MALFORMED", `${dimensions.length} inputdimensions for ${given.length} inputs`);
  const parts = given.flatMap((value, k): Value[] => {
    const rows = value.shape.length <= 1 ? 1 : (value.shape[0] ?? 1);
    const columns = product(value.shape) / rows;
    const wanted = dimensions[k] ?? 0;
    if (isEmpty(value) || wanted < 1) throw new ModelError("UNSUPPORTED_USE", "an empty feature");
    checkShape([rows, wanted], "a feature");
    const x = slice(b, reshape(b, cast(b, value, "f32"), [rows, columns]), 1, 0, Math.min(columns, wanted));
    return columns < wanted ? [x, expand(b.scalar("f32", 0), [rows, wanted - columns])] : [x];
  });
  if (parts.some(({ shape }) => shape[0] !== parts[0]?.shape[0]))
    throw new ModelError("MALFORMED", "features of different numbers of rows");
  return [concat(b, parts, 1)];
}

/** 1 where the value, truncated to an integer, is the category. */
function oneHotEncoder(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const categories = attributes.ints("cats_int64s") ?? [];
  if ((attributes.int("zeros") ?? 1) === 0)
    throw new ModelError("UNSUPPORTED_USE", "zeros = 0: an error at run time");
  if (categories.length === 0) throw new ModelError("MALFORMED", "no categories");
  if (new Set(categories).size !== categories.length)
    throw new ModelError("MALFORMED", "a category is there twice");
  const x = inputs.at(0);
  const column = unsqueeze(cast(b, x, "i64"), [x.shape.length]);
  return [cast(b, map(b, "eq", "bool", column, b.list("i64", categories)), "f32")];
}

/** A list that is an attribute of floats, of integers, or a tensor. */
function listOf(b: Builder, attributes: Attributes, name: "keys" | "values"): Value {
  if (attributes.strings(`${name}_strings`) !== undefined)
    throw new ModelError("UNSUPPORTED_DTYPE", `${name} that are strings`);
  const [floats, ints] = [attributes.floats(`${name}_floats`), attributes.ints(`${name}_int64s`)];
  const tensor = attributes.tensor(`${name}_tensor`);
  const given = [
    floats && b.list("f32", floats),
    ints && b.list("i64", ints),
    tensor && b.constant(tensor.dtype, [product(tensor.shape)], tensor.data),
  ].filter((list) => list !== undefined);
  const [list] = given;
  if (list === undefined || given.length > 1)
    throw new ModelError("MALFORMED", `${given.length} lists of ${name}`);
  return list;
}

/** What unknown labels become. */
function defaultBits(attributes: Attributes, name: DTypeName): bigint {
  const tensor: HostTensor | undefined = attributes.tensor("default_tensor");
  if (tensor !== undefined) {
    if (tensor.dtype !== name || product(tensor.shape) !== 1)
      throw new ModelError("MALFORMED", `a default of ${tensor.dtype} for ${name}`);
    return elementBits(tensor, 0);
  }
  return isFloat(name)
    ? numberBits(name, attributes.float("default_float") ?? 0)
    : BigInt.asUintN(8 * dtype(name).bytes, BigInt(attributes.int("default_int64") ?? -1));
}

/** The position of the label among the keys (none: beyond all), then the value there or the default. */
function labelEncoder(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const [keys, values] = [listOf(b, attributes, "keys"), listOf(b, attributes, "values")];
  const count = keys.shape[0] ?? 0;
  if (count === 0 || values.shape[0] !== count)
    throw new ModelError("MALFORMED", `${count} keys for ${values.shape[0] ?? 0} values`);
  if (keys.dtype !== x.dtype) throw new ModelError("MALFORMED", `keys of ${keys.dtype} for ${x.dtype}`);
  const known = b.needKnown(keys, "keys");
  if (new Set(Array.from({ length: count }, (_, k) => elementBits(known, k))).size !== count)
    throw new ModelError("MALFORMED", "a key is there twice");
  const rank = x.shape.length;
  const here = x.shape.map((_, d) => at(d));
  const position = b.emit({
    body: "seleq",
    fold: "min",
    dtype: "i32",
    out: x.shape,
    red: [count],
    loads: [{ value: x, at: here }, { value: keys, at: [at(rank)] }, { index: at(rank) }],
  });
  const fill = defaultBits(attributes, values.dtype);
  const load = { value: values, at: [{ gather: position, at: here }], fill };
  return [b.emit({ body: "copy", dtype: values.dtype, out: x.shape, loads: [load] })];
}

const ENCODER = ["default_float", "default_int64", "default_string"].concat(
  ["keys", "values"].flatMap((name) => ["floats", "int64s", "strings"].map((type) => `${name}_${type}`)),
);

export const FEATURE: RuleTable = {
  "ai.onnx.ml:ArrayFeatureExtractor": rule(1, [], arrayFeatureExtractor),
  "ai.onnx.ml:Binarizer": rule(1, ["threshold"], binarizer),
  "ai.onnx.ml:FeatureVectorizer": rule(1, ["inputdimensions"], featureVectorizer),
  "ai.onnx.ml:Imputer": rule(
    1,
    ["imputed_value_floats", "imputed_value_int64s", "replaced_value_float", "replaced_value_int64"],
    imputer,
  ),
  "ai.onnx.ml:LabelEncoder": [
    rule(2, ENCODER, labelEncoder, 3),
    rule(4, [...ENCODER, "default_tensor", "keys_tensor", "values_tensor"], labelEncoder),
  ],
  "ai.onnx.ml:Normalizer": rule(1, ["norm"], normalizer),
  "ai.onnx.ml:OneHotEncoder": rule(1, ["cats_int64s", "zeros"], oneHotEncoder),
  "ai.onnx.ml:Scaler": rule(1, ["offset", "scale"], scaler),
};
