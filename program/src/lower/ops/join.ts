/**
 * Operators that read from several places (ONNX Operators: Concat, Pad, Gather, GatherElements, GatherND).
 */
import { isInteger } from "../../dtype.ts";
import { ModelError } from "../../onnx/error.ts";
import { elementBits } from "../../onnx/host.ts";
import { checkShape } from "../../onnx/tensor.ts";
import { affine, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { alikeBut, map, normalAxes, normalAxis, slice } from "../compose.ts";
import { rule, type Context, type Inputs, type RuleTable } from "../registry.ts";
import type { GatherCoordinate, ValueLoad } from "../spec.ts";
import * as view from "../value.ts";
import type { Value } from "../value.ts";
import { sameDtype } from "./arithmetic.ts";

/** Three operands at a time: an instruction has at most three loads. */
export function concat(b: Builder, parts: readonly Value[], axis: number): Value {
  const [first, ...rest] = parts;
  if (first === undefined) throw new ModelError("MALFORMED", "nothing to concatenate");
  if (rest.length === 0) return first;
  if (parts.length > 3) {
    const third = Math.ceil(parts.length / 3);
    const groups = [parts.slice(0, third), parts.slice(third, 2 * third), parts.slice(2 * third)];
    return concat(
      b,
      groups.filter((group) => group.length > 0).map((group) => concat(b, group, axis)),
      axis,
    );
  }
  const order = view.storageOrder(first);
  const position = view.inverse(order);
  let start = 0;
  const loads = parts.map((value): ValueLoad => {
    const offset = start;
    start += value.shape[axis] ?? 1;
    const coordinates = value.shape.map((_, d) => affine([[position[d] ?? d, 1]], d === axis ? -offset : 0));
    return { value, at: coordinates };
  });
  const shape = first.shape.with(axis, start);
  const joined = b.emit({ body: "first", dtype: first.dtype, out: order.map((d) => shape[d] ?? 1), loads });
  return view.transpose(joined, position);
}

function concatenate(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const parts = inputs.all();
  const first = inputs.at(0);
  const axis = normalAxis(attributes.int("axis") ?? NaN, first.shape.length);
  for (const part of parts) {
    sameDtype(first, part);
    if (!alikeBut(axis, part, first))
      throw new ModelError("MALFORMED", "the operands differ in another axis");
  }
  const filled = parts.filter((part) => !view.isEmpty(part));
  return [filled.length === 0 ? first : concat(b, filled, axis)];
}

function pad(inputs: Inputs, { b, opset, attributes }: Context): readonly Value[] {
  const x = inputs.at(0);
  const rank = x.shape.length;
  const byInput = opset >= 11;
  const amounts = byInput ? b.integers(inputs.at(1), "pads") : (attributes.ints("pads") ?? []);
  const axesInput = inputs.optional(3);
  const axes =
    axesInput === undefined ? x.shape.map((_, d) => d) : normalAxes(b.integers(axesInput, "axes"), rank);
  if (amounts.length !== 2 * axes.length)
    throw new ModelError("MALFORMED", `${amounts.length} pads for ${axes.length} axes`);
  const begin = x.shape.map((_, d) => amounts[axes.indexOf(d)] ?? 0);
  const end = x.shape.map((_, d) => (axes.includes(d) ? (amounts[axes.indexOf(d) + axes.length] ?? 0) : 0));
  const shape = checkShape(
    x.shape.map((size, d) => size + (begin[d] ?? 0) + (end[d] ?? 0)),
    "the result",
  );
  const mode = attributes.string("mode") ?? "constant";
  if (mode !== "constant") return [padFromInside(b, x, begin, shape, mode)];
  const given = byInput ? inputs.optional(2) : b.scalar(x.dtype, attributes.float("value") ?? 0);
  const fill = given === undefined ? b.scalar(x.dtype, 0) : { ...given, shape: [], dims: [] };
  sameDtype(x, fill);
  const known = b.known(fill);
  const load = { value: x, at: shape.map((_, d) => affine([[d, 1]], -(begin[d] ?? 0))) };
  if (known === undefined)
    return [b.emit({ body: "first", dtype: x.dtype, out: shape, loads: [load, { value: fill, at: [] }] })];
  return [
    b.emit({ body: "copy", dtype: x.dtype, out: shape, loads: [{ ...load, fill: elementBits(known, 0) }] }),
  ];
}

/** Entries of a table of positions. */
const MAX_TABLE = 2 ** 22;

/** Padding with the tensor's own elements: a table of source positions per padded axis. */
function padFromInside(
  b: Builder,
  x: Value,
  begin: readonly number[],
  shape: readonly number[],
  mode: string,
): Value {
  const source = (at: number, size: number): number => {
    if (mode === "edge") return Math.min(Math.max(at, 0), size - 1);
    const period = mode === "wrap" ? size : Math.max(1, 2 * size - 2);
    const place = ((at % period) + period) % period;
    return place < size ? place : period - place;
  };
  if (!["edge", "reflect", "wrap"].includes(mode)) throw new ModelError("MALFORMED", `mode "${mode}"`);
  return x.shape.reduce((value, size, d) => {
    const out = shape[d] ?? 1;
    const first = begin[d] ?? 0;
    if (out === size && first === 0) return value;
    if (out > MAX_TABLE) throw new ModelError("TOO_LARGE", `${mode} padding of an axis to ${out} elements`);
    return gather(
      b,
      value,
      b.list(
        "i32",
        Array.from({ length: out }, (_, i) => source(i - first, size)),
      ),
      d,
    );
  }, x);
}

/** data[..., indices, ...] along one axis; indices are in range or negative from the end. */
export function gather(b: Builder, data: Value, indices: Value, axis: number): Value {
  const size = data.shape[axis] ?? 1;
  const shape = data.shape.toSpliced(axis, 1, ...indices.shape);
  const inner = indices.shape.map((_, d) => at(axis + d));
  const load = (coordinate: GatherCoordinate): ValueLoad => ({
    value: data,
    at: data.shape.map((_, d) => {
      if (d === axis) return coordinate;
      return at(d < axis ? d : d + indices.shape.length - 1);
    }),
  });
  const known = b.known(indices) && knownIndices(b, indices, size);
  if (known !== undefined && known.length === 1) {
    const one = slice(b, data, axis, known[0] ?? 0, 1);
    return { ...one, shape, dims: one.dims.toSpliced(axis, 1, ...indices.shape.map(() => [])) };
  }
  if (known !== undefined) {
    const table = b.list("i32", known, indices.shape);
    return b.emit({
      body: "copy",
      dtype: data.dtype,
      out: shape,
      loads: [load({ gather: table, at: inner })],
    });
  }
  // The element at i, or where i is negative at i + size.
  const loads = [load({ gather: indices, at: inner }), load({ gather: indices, at: inner, zero: -size })];
  return b.emit({ body: "first", dtype: data.dtype, out: shape, loads });
}

function knownIndices(b: Builder, indices: Value, size: number): number[] {
  return b.integers(indices, "indices").map((index) => normalAxis(index, size));
}

function needIndices(indices: Value): void {
  if (!isInteger(indices.dtype)) throw new ModelError("MALFORMED", `indices of dtype ${indices.dtype}`);
}

function gatherRule(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [data, indices] = [inputs.at(0), inputs.at(1)];
  needIndices(indices);
  checkShape(
    [...data.shape, ...indices.shape].map(() => 1),
    "the result",
  );
  return [gather(b, data, indices, normalAxis(attributes.int("axis") ?? 0, data.shape.length))];
}

function gatherElements(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [data, indices] = [inputs.at(0), inputs.at(1)];
  needIndices(indices);
  const axis = normalAxis(attributes.int("axis") ?? 0, data.shape.length);
  if (
    indices.shape.length !== data.shape.length ||
    indices.shape.some((size, d) => d !== axis && size > (data.shape[d] ?? 1))
  )
    throw new ModelError("MALFORMED", "indices do not fit the data");
  const inner = indices.shape.map((_, d) => at(d));
  const load = (zero: number): ValueLoad => ({
    value: data,
    at: data.shape.map((_, d) => (d === axis ? { gather: indices, at: inner, zero } : at(d))),
  });
  const loads = [load(0), load(-(data.shape[axis] ?? 1))];
  return [b.emit({ body: "first", dtype: data.dtype, out: indices.shape, loads })];
}

function gatherND(inputs: Inputs, { b, attributes }: Context): readonly Value[] {
  const [data, indices] = [inputs.at(0), inputs.at(1)];
  needIndices(indices);
  const batch = attributes.int("batch_dims") ?? 0;
  const depth = indices.shape.at(-1) ?? 0;
  const lead = indices.shape.slice(0, -1);
  if (batch < 0 || depth < 1 || batch + depth > data.shape.length || batch >= indices.shape.length)
    throw new ModelError("MALFORMED", "indices do not fit the data");
  if (data.shape.slice(0, batch).join() !== indices.shape.slice(0, batch).join())
    throw new ModelError("MALFORMED", "batch dimensions differ");
  const sizes = b.list("i64", data.shape.slice(batch, batch + depth));
  const negative = map(b, "lt", "bool", indices, b.scalar(indices.dtype, 0));
  const wrapped = map(b, "where", "i64", negative, map(b, "add", "i64", indices, sizes), indices);
  const coordinate = (k: number): GatherCoordinate => ({
    gather: wrapped,
    at: [...lead.map((_, d) => at(d)), affine([], k)],
  });
  const coordinates = data.shape.map((_, d) => {
    if (d < batch) return at(d);
    return d < batch + depth ? coordinate(d - batch) : at(d - batch - depth + lead.length);
  });
  const shape = [...lead, ...data.shape.slice(batch + depth)];
  return [b.emit({ body: "copy", dtype: data.dtype, out: shape, loads: [{ value: data, at: coordinates }] })];
}

export const JOIN: RuleTable = {
  Concat: rule(4, ["axis"], concatenate),
  Pad: rule(2, ["mode", "pads", "value"], pad),
  "com.microsoft:Pad": rule(1, ["mode"], (inputs, context) => pad(inputs, { ...context, opset: 11 })),
  Gather: rule(1, ["axis"], gatherRule),
  GatherElements: rule(11, ["axis"], gatherElements),
  GatherND: [rule(11, [], gatherND, 11), rule(12, ["batch_dims"], gatherND)],
  "com.microsoft:GatherND": rule(1, [], gatherND),
};
