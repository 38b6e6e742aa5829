/**
 * Operators that compare positions (ONNX Operators: OneHot, Trilu, EyeLike, Hardmax, ReverseSequence; com.microsoft: Trilu,
 * UnfoldTensor).
 */
import { isInteger } from "../../dtype.ts";
import { product } from "../../instruction.ts";
import { ModelError } from "../../onnx/error.ts";
import { checkShape, elementType } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import { cast, castTo, map, normalAxis, reshape } from "../compose.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";
import { needFloat } from "./arithmetic.ts";
import { argMax } from "./reduce.ts";

/** on where a position of the new axis is the index, or the index + depth; else off. Indices beyond both give off alone. */
function oneHot(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [indices, values] = [cast(b, inputs.at(0), "i64"), inputs.at(2)];
  const depths = b.integers(cast(b, inputs.at(1), "i64"), "the depth");
  const [depth = -1] = depths;
  if (depths.length !== 1 || depth < 1) throw new ModelError("MALFORMED", `depth [${depths.join(", ")}]`);
  if (values.shape.join() !== "2") throw new ModelError("MALFORMED", "values are not [off, on]");
  const rank = indices.shape.length + 1;
  const axis = normalAxis(attributes.int("axis") ?? -1, rank);
  const shape = checkShape(indices.shape.toSpliced(axis, 0, depth), "the result");
  const hit = b.emit({
    body: "seleq",
    fold: "max",
    dtype: "u8",
    out: shape,
    red: [2],
    loads: [
      { value: indices, at: indices.shape.map((_, d) => at(d < axis ? d : d + 1)) },
      {
        index: affine([
          [axis, 1],
          [rank, -depth],
        ]),
      },
      { value: b.scalar("u8", 1), at: [] },
    ],
  });
  const choice = { gather: hit, at: shape.map((_, d) => at(d)) };
  return [
    b.emit({ body: "copy", dtype: values.dtype, out: shape, loads: [{ value: values, at: [choice] }] }),
  ];
}

/** Keeps the elements with column - row >= k, or <= k. */
function trilu(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const [rows, columns] = x.shape.slice(-2);
  if (rows === undefined || columns === undefined)
    throw new ModelError("MALFORMED", `Trilu of a tensor of rank ${x.shape.length}`);
  const k = inputs.optional(1) ?? b.scalar("i64", 0);
  if (!isInteger(k.dtype) || product(k.shape) !== 1) throw new ModelError("MALFORMED", "k is not an integer");
  const diagonal = { value: { ...k, shape: [], dims: [] }, at: [] };
  const distance = {
    index: affine([
      [0, -1],
      [1, 1],
    ]),
  };
  const loads = (attributes.int("upper") ?? 1) !== 0 ? [diagonal, distance] : [distance, diagonal];
  const kept = b.emit({ body: "le", dtype: "bool", out: [rows, columns], loads });
  return [map(b, "where", x.dtype, kept, x, b.scalar(x.dtype, 0))];
}

function eyeLike(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  if (x.shape.length !== 2) throw new ModelError("MALFORMED", `EyeLike of rank ${x.shape.length}`);
  const to = attributes.int("dtype");
  const k = attributes.int("k") ?? 0;
  // Beyond the matrix, one diagonal is as empty as another.
  const diagonal = Math.min(Math.max(k, -(x.shape[0] ?? 1)), x.shape[1] ?? 1);
  const loads = [{ index: at(1) }, { index: affine([[0, 1]], diagonal) }];
  const ones = b.emit({ body: "eq", dtype: "bool", out: x.shape, loads });
  return [castTo(b, ones, to === undefined ? x : elementType(to, "the result"))];
}

/** 1 at the first largest element; up to opset 12 the axes from `axis` on are one. */
function hardmax(flattened: boolean): Lowering {
  return (inputs, { b, attributes }) => {
    const input = inputs.at(0);
    needFloat(input);
    const given = attributes.int("axis") ?? (flattened ? 1 : -1);
    const { shape } = input;
    const axis = flattened && given === shape.length ? given : normalAxis(given, shape.length);
    const sizes = flattened ? [product(shape.slice(0, axis)), product(shape.slice(axis))] : shape;
    const x = reshape(b, input, sizes);
    const along = flattened ? 1 : axis;
    const first = argMax(b, x, along);
    const own = sizes.map((_, d) => at(d));
    const loads = [
      { value: first, at: own.toSpliced(along, 1) },
      { index: at(along) },
      { value: b.scalar(x.dtype, 1), at: [] },
    ];
    return [reshape(b, b.emit({ body: "seleq", dtype: x.dtype, out: sizes, loads }), shape)];
  };
}

/** The first `lengths` steps of each sequence reversed: step t comes from length - 1 - t if there is such a step. */
function reverseSequence(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [x, lengths] = [inputs.at(0), inputs.at(1)];
  const time = attributes.int("time_axis") ?? 0;
  const batch = attributes.int("batch_axis") ?? 1;
  if (x.shape.length < 2 || Math.min(time, batch) !== 0 || Math.max(time, batch) !== 1)
    throw new ModelError("MALFORMED", `time axis ${time} and batch axis ${batch}`);
  if (!isInteger(lengths.dtype) || lengths.shape.join() !== `${x.shape[batch] ?? 1}`)
    throw new ModelError("MALFORMED", "sequence_lens do not fit the batch");
  const source = b.emit({
    body: "sub",
    dtype: "i64",
    out: x.shape.slice(0, 2),
    loads: [{ value: lengths, at: [at(batch)] }, { index: affine([[time, 1]], 1) }],
  });
  const own = x.shape.map((_, d) => at(d));
  const reversed = { gather: source, at: [at(0), at(1)] };
  const loads = [
    { value: x, at: own.map((a, d) => (d === time ? reversed : a)) },
    { value: x, at: own },
  ];
  return [b.emit({ body: "first", dtype: x.dtype, out: x.shape, loads })];
}

/** Windows of `size` elements along `dim`, `step` apart, as a last axis. */
function unfoldTensor(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const dim = normalAxis(attributes.int("dim") ?? -1, x.shape.length);
  const [size, step] = [attributes.int("size") ?? 0, attributes.int("step") ?? 1];
  const length = x.shape[dim] ?? 1;
  if (size < 1 || step < 1 || size > length)
    throw new ModelError("MALFORMED", `windows of ${size} elements of ${length}, ${step} apart`);
  const count = Math.floor((length - size) / step) + 1;
  const shape = checkShape([...x.shape.with(dim, count), size], "the result");
  const window = affine([
    [dim, count === 1 ? 1 : step],
    [x.shape.length, 1],
  ]);
  const load = { value: x, at: x.shape.map((_, d) => (d === dim ? window : at(d))) };
  return [b.emit({ body: "copy", dtype: x.dtype, out: shape, loads: [load] })];
}

export const POSITION: RuleTable = {
  OneHot: rule(9, ["axis"], oneHot),
  Trilu: rule(14, ["upper"], trilu),
  "com.microsoft:Trilu": rule(1, ["upper"], trilu),
  EyeLike: rule(9, ["dtype", "k"], eyeLike),
  Hardmax: [rule(1, ["axis"], hardmax(true), 12), rule(13, ["axis"], hardmax(false))],
  ReverseSequence: rule(10, ["batch_axis", "time_axis"], reverseSequence),
  "com.microsoft:UnfoldTensor": rule(1, ["dim", "size", "step"], unfoldTensor),
};
