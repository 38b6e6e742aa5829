/**
 * Running sums and products (ONNX Operators: CumSum, CumProd). Sums are exact and rounded once, on long axes three times;
 * products of floats are rounded factor by factor.
 */
import { isFloat } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { numberBits } from "../../onnx/host.ts";
import { affine, at } from "../affine.ts";
import { map, normalAxis, reshape, slice } from "../compose.ts";
import type { Builder } from "../builder.ts";
import { rule, type Context, type Inputs, type Lowering, type RuleTable } from "../registry.ts";
import type { Value } from "../value.ts";

/** Longer axes are summed in blocks, which makes less work of them. */
const LONG = 1024;

/** The axis reversed if sums run from its end. */
function directed(b: Builder, x: Value, axis: number, reverse: boolean): Value {
  const size = x.shape[axis] ?? 1;
  return reverse && size > 1 ? slice(b, x, axis, size - 1, size, -1) : x;
}

/** Element i of the axis folds elements 0..i, or 0..i-1. */
function prefixes(
  b: Builder,
  fold: "sum" | "oprod",
  x: Value,
  axis: number,
  exclusive: boolean,
  dtype = x.dtype,
): Value {
  const size = x.shape[axis] ?? 1;
  const term = at(x.shape.length);
  const ahead = affine(
    [
      [axis, 1],
      [x.shape.length, -1],
    ],
    exclusive ? -1 : 0,
  );
  const load = {
    value: x,
    at: x.shape.map((_, d) => (d === axis ? term : at(d))),
    checks: [{ size, at: ahead }],
  };
  return b.emit({ body: "copy", fold, dtype, out: x.shape, red: [size], loads: [load] });
}

/** r(sum within a block) + r(sum of all blocks before it), with about as many blocks as a block has elements. */
function sumsInBlocks(b: Builder, x: Value, axis: number, exclusive: boolean): Value {
  const rank = x.shape.length;
  const size = x.shape[axis] ?? 1;
  const length = Math.ceil(Math.sqrt(size));
  const blocks = Math.ceil(size / length);
  const shape = x.shape.toSpliced(axis, 1, blocks, length);
  const place = (d: number) => at(d < axis ? d : d + 1);
  const load = (term: number) => ({
    value: x,
    at: x.shape.map((_, d) => {
      if (d !== axis) return place(d);
      return affine([
        [axis, length],
        [term, 1],
      ]);
    }),
  });
  const ahead = affine(
    [
      [axis + 1, 1],
      [rank + 1, -1],
    ],
    exclusive ? -1 : 0,
  );
  const inside = b.emit({
    body: "copy",
    fold: "sum",
    dtype: x.dtype,
    out: shape,
    red: [length],
    loads: [{ ...load(rank + 1), checks: [{ size: length, at: ahead }] }],
  });
  const totals = b.emit({
    body: "copy",
    fold: "sum",
    dtype: isFloat(x.dtype) ? "acc" : x.dtype,
    out: shape.with(axis + 1, 1),
    red: [length],
    loads: [load(rank + 1)],
  });
  const before = prefixes(b, "sum", totals, axis, true, x.dtype);
  const joined = map(b, "add", x.dtype, inside, before);
  return slice(b, reshape(b, joined, x.shape.with(axis, blocks * length)), axis, 0, size);
}

/** Products of integers, which have no fold, by doubling the factors in each element. */
function integerProducts(b: Builder, x: Value, axis: number, exclusive: boolean): Value {
  const size = x.shape[axis] ?? 1;
  const fill = numberBits(x.dtype, 1);
  const back = (value: Value, steps: number) => ({
    value,
    at: x.shape.map((_, d) => affine([[d, 1]], d === axis ? -steps : 0)),
    fill,
  });
  const shape = { dtype: x.dtype, out: x.shape };
  let result = exclusive ? b.emit({ body: "copy", ...shape, loads: [back(x, 1)] }) : x;
  for (let steps = 1; steps < size; steps *= 2)
    result = b.emit({ body: "mul", ...shape, loads: [back(result, 0), back(result, steps)] });
  return result;
}

type Running = (b: Builder, x: Value, axis: number, exclusive: boolean) => Value;

const sums: Running = (b, x, axis, exclusive) =>
  (x.shape[axis] ?? 1) > LONG ? sumsInBlocks(b, x, axis, exclusive) : prefixes(b, "sum", x, axis, exclusive);

const products: Running = (b, x, axis, exclusive) =>
  isFloat(x.dtype) ? prefixes(b, "oprod", x, axis, exclusive) : integerProducts(b, x, axis, exclusive);

function cumulative(running: Running): Lowering {
  return (inputs: Inputs, { b, attributes }: Context) => {
    const x = inputs.at(0);
    const axes = b.integers(inputs.at(1), "axis");
    if (axes.length !== 1) throw new ModelError("MALFORMED", "axis is not a scalar");
    const axis = normalAxis(axes[0] ?? 0, x.shape.length);
    const exclusive = attributes.int("exclusive") === 1;
    const reverse = attributes.int("reverse") === 1;
    const run = directed(b, x, axis, reverse);
    const result = running(b, run, axis, exclusive);
    return [directed(b, result, axis, reverse)];
  };
}

export const CUMULATIVE: RuleTable = {
  CumSum: rule(11, ["exclusive", "reverse"], cumulative(sums)),
  CumProd: rule(26, ["exclusive", "reverse"], cumulative(products)),
};
