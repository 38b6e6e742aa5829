/**
 * What many rules need: elementwise instructions, views that fall back to copies, axes.
 */
import type { DTypeName } from "../dtype.ts";
import { isFloat } from "../dtype.ts";
import { product, type Affine, type Body, type Fold } from "../instruction.ts";
import { ModelError } from "../onnx/error.ts";
import type { HostTensor, NarrowBits } from "../onnx/host.ts";
import type { ElementType } from "../onnx/tensor.ts";
import { ZERO, at } from "./affine.ts";
import type { Builder } from "./builder.ts";
import type { LoadSpec } from "./spec.ts";
import * as view from "./value.ts";
import type { Value } from "./value.ts";

/** An operand with its zero point, which is subtracted exactly. */
export interface Centred {
  readonly value: Value;
  readonly zero: number;
}

/** body(operands) elementwise, with NumPy broadcasting; stored in the order of the largest operand. */
export function map(
  b: Builder,
  body: Body,
  dtype: DTypeName,
  ...operands: readonly (Value | Centred)[]
): Value {
  const centred = operands.map((operand): Centred =>
    "value" in operand ? operand : { value: operand, zero: 0 },
  );
  const shape = view.broadcastShapes(centred.map(({ value }) => value.shape));
  const full = centred.filter(({ value }) => value.shape.join() === shape.join());
  const model = full.find(({ value }) => value.tensor.source !== "constant") ?? full[0];
  const order = model === undefined ? shape.map((_, d) => d) : view.storageOrder(model.value);
  const position = view.inverse(order);
  const loads = centred.map(({ value, zero }): LoadSpec => {
    const lead = shape.length - value.shape.length;
    return {
      value,
      zero,
      at: value.shape.map((size, d) => (size === 1 ? ZERO : at(position[d + lead] ?? 0))),
    };
  });
  const out = order.map((d) => shape[d] ?? 1);
  return view.transpose(b.emit({ body, dtype, out, loads }), position);
}

/** Conversion by `copy` (docs/program.md §5, row 01). */
export function cast(b: Builder, value: Value, dtype: DTypeName): Value {
  return value.dtype === dtype ? value : map(b, "copy", dtype, value);
}

/** Conversion to an ONNX type; of a narrow one the low bits. Floats are truncated toward zero first. */
export function castTo(b: Builder, value: Value, { dtype, bits }: ElementType): Value {
  if (bits === undefined) return cast(b, { ...value, bits: undefined }, dtype);
  if (value.bits === bits && value.dtype === dtype) return value;
  return narrow(b, cast(b, isFloat(value.dtype) ? cast(b, value, "i32") : value, dtype), bits);
}

/** The low bits of 8-bit integers, sign-extended if these are signed. */
export function narrow(b: Builder, value: Value, bits: NarrowBits): Value {
  const shift = b.scalar(value.dtype, 8 - bits);
  const high = map(b, "shl", value.dtype, value, shift);
  return { ...map(b, "shr", value.dtype, high, shift), bits };
}

/** A known tensor as a value. */
export function constantOf(b: Builder, { dtype, shape, data, bits }: HostTensor): Value {
  return { ...b.constant(dtype, shape, data), bits };
}

/**
 * Runs a composite rule on f32: 16-bit floats are widened first and the result rounded back, as onnxruntime does.
 * @throws {ModelError} UNSUPPORTED_DTYPE for integers.
 */
export function inFloat32(b: Builder, value: Value, rule: (wide: Value) => Value): Value {
  if (!isFloat(value.dtype))
    throw new ModelError("UNSUPPORTED_DTYPE", `${value.dtype} where floats are expected`);
  return cast(b, rule(cast(b, value, "f32")), value.dtype);
}

export function reshape(b: Builder, value: Value, shape: readonly number[]): Value {
  if (product(value.shape) !== product(shape))
    throw new ModelError("MALFORMED", `[${value.shape.join(", ")}] cannot become [${shape.join(", ")}]`);
  return view.reshape(value, shape) ?? { ...view.whole(b.plain(value).tensor, shape), bits: value.bits };
}

export function slice(b: Builder, value: Value, axis: number, start: number, count: number, step = 1): Value {
  const direct = view.slice(value, axis, start, count, step);
  return direct ?? view.slice(b.plain(value), axis, start, count, step) ?? value;
}

/** @throws {ModelError} MALFORMED unless -rank <= axis < rank. */
export function normalAxis(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new ModelError("MALFORMED", `axis ${axis} of a tensor of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** @throws {ModelError} MALFORMED for an axis out of range or given twice. */
export function normalAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => normalAxis(axis, rank));
  if (new Set(normal).size !== normal.length)
    throw new ModelError("MALFORMED", `axes [${axes.join(", ")}] repeat`);
  return normal;
}

/** Folds the given axes, which stay with size 1. The rest keeps its storage order. */
export function reduce(
  b: Builder,
  fold: Fold,
  dtype: DTypeName,
  value: Value,
  axes: readonly number[],
  square = false,
): Value {
  const kept = view.storageOrder(value).filter((d) => !axes.includes(d));
  const red = axes.toSorted((x, y) => x - y);
  const order = [...kept, ...red];
  const coordinates: Affine[] = value.shape.map((_, d) => at(order.indexOf(d)));
  const load = { value, at: coordinates };
  const sizes = (dims: readonly number[]) => dims.map((d) => value.shape[d] ?? 1);
  const folded = b.emit({
    body: square ? "mul" : "copy",
    fold,
    dtype,
    out: sizes(kept),
    red: sizes(red),
    loads: square ? [load, load] : [load],
  });
  const withOnes = view.reshape(folded, [...folded.shape, ...red.map(() => 1)]) ?? folded;
  return view.transpose(withOnes, view.inverse(order));
}

/** Whether two shapes are alike but for the size of one axis. */
export function alikeBut(axis: number, x: Value, y: Value): boolean {
  return x.shape.length === y.shape.length && x.shape.every((size, d) => d === axis || size === y.shape[d]);
}

/** Drops axes of size 1. */
export function squeeze(value: Value, axes: readonly number[]): Value {
  const keep = (_: unknown, d: number) => !axes.includes(d);
  return { ...value, shape: value.shape.filter(keep), dims: value.dims.filter(keep) };
}

/** Inserts axes of size 1 at the given places of the result. */
export function unsqueeze(value: Value, axes: readonly number[]): Value {
  let result = value;
  for (const axis of axes.toSorted((x, y) => x - y))
    result = {
      ...result,
      shape: result.shape.toSpliced(axis, 0, 1),
      dims: result.dims.toSpliced(axis, 0, []),
    };
  return result;
}
